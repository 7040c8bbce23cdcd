"""Outside systems that are told things, as local servers that keep what they were told.

Each runs in a thread of its own, so a busy caller does not blur when something arrived.
"""

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from itertools import count
from typing import Any, Self

import uvicorn
from aiosmtpd.controller import Controller
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from devstack.processes import LOOPBACK, free_port


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - an outside system has a clock of its own


@dataclass(frozen=True)
class Posted:
    """One call of Slack's Web API: `method` such as `chat.postMessage`.

    What was `accepted` people see, whether or not the caller heard of it.
    """

    method: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    at: datetime
    accepted: bool = True


@dataclass(frozen=True)
class Answer:
    """What Slack says to a call; without a body it takes the message."""

    status: int = 200
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False
    is_lost: bool = False

    @property
    def accepts(self) -> bool:
        return self.body is None and not self.hangs


OK = Answer()
# Takes the request and says nothing until the caller gives up.
HANGS = Answer(hangs=True)
# Takes the message, and the connection ends before the caller hears of it.
LOST = Answer(is_lost=True)


def rate_limited(seconds: int) -> Answer:
    body = {"ok": False, "error": "ratelimited"}
    return Answer(429, body, {"Retry-After": str(seconds)})


def failing(status: int = 500) -> Answer:
    return Answer(status, {"ok": False, "error": "internal_error"})


def refusing(error: str) -> Answer:
    """Status 200 and `ok: false`, as Slack says no."""
    return Answer(200, {"ok": False, "error": error})


class SlackReceiver:
    """Slack's `chat.postMessage` and `chat.update`; `url` is the base of its Web API.

    `answers` are for the next calls, one each; after those it is `otherwise`.
    """

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Posted] = []
        self.answers: deque[Answer] = deque()
        self.otherwise = OK
        self._port = port
        self._serial = count(1)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}/api"

    @property
    def accepted(self) -> list[Posted]:
        return [one for one in self.requests if one.accepted]

    def start(self) -> None:
        app = Starlette(routes=[Route("/api/{method}", self._take, methods=["POST"])])
        config = uvicorn.Config(
            app,
            log_config=None,
            # An answer that is lost is an error to uvicorn, and here it is meant.
            log_level="critical",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        # Listening before the server runs: nobody who calls at once is turned away.
        listening = socket.create_server((LOOPBACK, self._port))
        self._port = listening.getsockname()[1]
        self._thread = threading.Thread(
            target=self._serve, args=(self._server, listening), name="slack", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    @staticmethod
    def _serve(server: uvicorn.Server, listening: socket.socket) -> None:
        with listening:
            server.run(sockets=[listening])

    async def _take(self, request: Request) -> Response:
        at = _now()
        body = await request.json()
        method = request.path_params["method"]
        answer = self.answers.popleft() if self.answers else self.otherwise
        self.requests.append(Posted(method, body, dict(request.headers), at, answer.accepts))
        if answer.hangs:
            # The body was read, so what comes next is that the caller has gone.
            await request.receive()
        if answer.is_lost:
            # Shorter than it says: uvicorn ends the connection.
            return StreamingResponse(iter(()), headers={"Content-Length": "1"})
        said = self._taken(body) if answer.body is None else dict(answer.body)
        return JSONResponse(said, answer.status, headers=dict(answer.headers))

    def _taken(self, body: Mapping[str, Any]) -> dict[str, Any]:
        ts = body.get("ts") or f"1700000000.{next(self._serial):06}"
        return {"ok": True, "channel": body.get("channel"), "ts": ts}


class MailReceiver:
    """An SMTP server; `answer` is what it says to each message."""

    def __init__(self, port: int | None = None) -> None:
        self.host = LOOPBACK
        self.port = port or free_port()
        self.messages: list[EmailMessage] = []
        self.arrivals: list[datetime] = []
        self.answer = "250 OK"
        self._controller = Controller(self, hostname=self.host, port=self.port)

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.answer.startswith("2"):
            self.arrivals.append(_now())
            self.messages.append(message_from_bytes(envelope.content, policy=default))
        return self.answer

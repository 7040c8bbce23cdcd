"""Local Slack and mail servers that keep every message they receive.

Each runs in a thread of its own, so the arrival times are exact even if the caller is busy.
"""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from itertools import count
from typing import Any, Self

from aiosmtpd.controller import Controller
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from devstack.processes import LOOPBACK, free_port
from devstack.threaded_server import ThreadedServer


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - an outside system has its own clock


@dataclass(frozen=True)
class SlackCall:
    """One call of Slack's Web API; `method` is, for example, `chat.postMessage`.

    People see an `accepted` message, even if the caller did not get the answer. `ts` is Slack's
    name for the message, and empty if the call was not accepted.
    """

    method: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    at: datetime
    accepted: bool = True
    ts: str = ""


@dataclass(frozen=True)
class SlackAnswer:
    """Slack's answer to a call; without a `body` it accepts the message."""

    status: int = 200
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False
    loses_response: bool = False

    @property
    def accepts(self) -> bool:
        return self.body is None and not self.hangs


# What Slack admits in a view.
_MAX_BLOCKS = 100
_MAX_VIEW_BYTES = 250_000

OK = SlackAnswer()
# Reads the request and does not answer until the caller gives up.
HANGS = SlackAnswer(hangs=True)
# Accepts the message and closes the connection before the answer.
LOST_RESPONSE = SlackAnswer(loses_response=True)


def rate_limited(seconds: int) -> SlackAnswer:
    body = {"ok": False, "error": "ratelimited"}
    return SlackAnswer(429, body, {"Retry-After": str(seconds)})


def server_error(status: int = 500) -> SlackAnswer:
    return SlackAnswer(status, {"ok": False, "error": "internal_error"})


def slack_error(error: str) -> SlackAnswer:
    """Return Slack's refusal: status 200 and `ok: false`."""
    return SlackAnswer(200, {"ok": False, "error": error})


class SlackReceiver:
    """Slack's methods for messages and views; `url` is the base of its Web API.

    Calls of a method in `answer_of` get that answer. Of the others the next get `answers`, one
    each, and later ones `otherwise`. A home tab that Slack would refuse is refused.
    """

    def __init__(self, port: int = 0) -> None:
        self.requests: list[SlackCall] = []
        self.answers: deque[SlackAnswer] = deque()
        self.otherwise = OK
        self.answer_of: dict[str, SlackAnswer] = {}
        self._serial = count(1)
        app = Starlette(routes=[Route("/api/{method}", self._take, methods=["POST"])])
        self._server = ThreadedServer(app, "slack", port)

    @property
    def url(self) -> str:
        return f"{self._server.url}/api"

    @property
    def accepted(self) -> list[SlackCall]:
        return [call for call in self.requests if call.accepted]

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    async def _take(self, request: Request) -> Response:
        at = _now()
        body = await request.json()
        method = request.path_params["method"]
        answer = self._answer(method, body)
        ts = body.get("ts") or f"1700000000.{next(self._serial):06}" if answer.accepts else ""
        self.requests.append(SlackCall(method, body, dict(request.headers), at, answer.accepts, ts))
        if answer.hangs:
            # The body is complete, so the next message is the disconnect.
            await request.receive()
        if answer.loses_response:
            # Shorter than the declared length: uvicorn closes the connection.
            return StreamingResponse(iter(()), headers={"Content-Length": "1"})
        if answer.body is None:
            success = _success(method, body, ts)
            return JSONResponse(success, answer.status, headers=dict(answer.headers))
        return JSONResponse(dict(answer.body), answer.status, headers=dict(answer.headers))

    def _answer(self, method: str, body: Mapping[str, Any]) -> SlackAnswer:
        if method in self.answer_of:
            return self.answer_of[method]
        if method == "views.publish" and not _is_home(body):
            return slack_error("invalid_arguments")
        return self.answers.popleft() if self.answers else self.otherwise


def _is_home(body: Mapping[str, Any]) -> bool:
    view = body.get("view") or {}
    blocks = view.get("blocks", [])
    block_types = ("header", "section", "context", "actions", "divider")
    return (
        bool(body.get("user_id"))
        and view.get("type") == "home"
        and 1 <= len(blocks) <= _MAX_BLOCKS
        and all(block.get("type") in block_types for block in blocks)
        and len(json.dumps(view).encode()) <= _MAX_VIEW_BYTES
    )


def _success(method: str, body: Mapping[str, Any], ts: str) -> dict[str, Any]:
    if method.startswith("views."):
        return {"ok": True, "view": {"id": "V1", "hash": ts, **body["view"]}}
    return {"ok": True, "channel": body.get("channel"), "ts": ts}


class MailReceiver:
    """An SMTP server that gives `answer` to each message."""

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

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        if self.answer.startswith("2"):
            self.arrivals.append(_now())
            self.messages.append(message_from_bytes(envelope.content, policy=default))
        return self.answer

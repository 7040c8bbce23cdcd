"""Boards of people who look, with the stream of escalation under the test's hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import orjson

from common.contracts.event import PersonRole
from console.live.boards import Board, Message
from console.live.hub import LiveHub
from console.viewer import Viewer
from integration.console.screens_harness import Screens
from support.probe import run_workers
from support.waiting import until

_WAIT_S = 10.0
_QUIET_S = 0.3


class EventBytes(httpx.AsyncByteStream):
    """The body of a stream; it ends when the reader leaves."""

    def __init__(self, queue: asyncio.Queue[bytes]) -> None:
        self._queue = queue

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"id: 1\n: connected\n\n"
        while True:
            yield await self._queue.get()


@dataclass
class StreamedEscalation(httpx.AsyncBaseTransport):
    """The real escalation, whose stream says what the test tells it to.

    `refusals` are the answers to reads of one escalation, in place of the service's. While `gate`
    is closed, reads are answered as it is then, but later.
    """

    service: httpx.AsyncBaseTransport
    events: list[asyncio.Queue[bytes]] = field(default_factory=list)
    refusals: list[httpx.Response] = field(default_factory=list)
    reads: int = 0
    waiting_reads: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/v1/escalations/stream":
            # Whether the service admits the caller, its list says as well.
            check = httpx.Request(
                "GET", request.url.copy_with(path="/v1/escalations"), headers=request.headers
            )
            answer = await self.service.handle_async_request(check)
            if not answer.is_success:
                return answer
            queue: asyncio.Queue[bytes] = asyncio.Queue()
            self.events.append(queue)
            return httpx.Response(200, stream=EventBytes(queue))
        if path.startswith("/v1/escalations/") and request.method == "GET":
            self.reads += 1
            if self.refusals:
                return self.refusals.pop()
            answer = await self.service.handle_async_request(request)
            self.waiting_reads += 1
            await self.gate.wait()
            self.waiting_reads -= 1
            return answer
        return await self.service.handle_async_request(request)

    def tell(self, escalation_id: str) -> None:
        """Let each stream that is open tell of a change."""
        self.tell_bytes(orjson.dumps({"escalation_id": escalation_id}))

    def tell_unlisted(self, escalation_id: str) -> None:
        """Let each stream that is open say that its client may not see it."""
        data = orjson.dumps({"escalation_id": escalation_id})
        for queue in self.events:
            queue.put_nowait(b"id: 2\nevent: upstairs.escalation_unlisted\ndata: " + data + b"\n\n")

    def tell_erasure(self) -> None:
        """As escalation tells it to who may not see the contact."""
        data = b'{"contact_id": null, "escalation_id": null}'
        for queue in self.events:
            queue.put_nowait(b"id: 2\nevent: upstairs.pages_erased.v1\ndata: " + data + b"\n\n")

    def tell_bytes(self, data: bytes) -> None:
        for queue in self.events:
            queue.put_nowait(b"id: 2\ndata: " + data + b"\n\n")


@dataclass
class Live:
    screens: Screens
    stream: StreamedEscalation
    hub: LiveHub

    async def open(self, person: str, role: PersonRole, session: str = "", view: str = "") -> Board:
        """Open a board, and wait until it is live."""
        now = self.screens.console.database.clock.utc_now()
        viewer = Viewer(
            person,
            role,
            name=person.title(),
            language="en",
            zone="UTC",
            session_id=session or f"session of {person}",
            session_ends_at=now + timedelta(hours=1),
        )
        board = await self.hub.open(viewer, [view])
        await until(partial(self.hub.is_live, board))
        return board


async def next_row(board: Board) -> dict[str, Any]:
    """Return the next row that the board gets."""
    return await next_of(board, "row")


async def next_of(board: Board, event: str) -> dict[str, Any]:
    """Return the next message with this name."""
    async with asyncio.timeout(_WAIT_S):
        while True:
            got = await board.next_message(_WAIT_S)
            if got is not None and got.event == event:
                data: dict[str, Any] = orjson.loads(got.data)
                return data


async def read_all(board: Board, quiet_s: float = _QUIET_S) -> list[Message]:
    """Return what the board has got, until it gets nothing more for so long."""
    messages = []
    while (got := await board.next_message(quiet_s)) is not None:
        messages.append(got)
    return messages


@asynccontextmanager
async def open_live(screens: Screens, stream: StreamedEscalation) -> AsyncIterator[Live]:
    async with httpx.AsyncClient(transport=stream, base_url="http://escalation") as client:
        screens.console.clients["escalation"] = client
        hub: LiveHub = screens.console.app.state.live
        async with run_workers(hub):
            yield Live(screens, stream, hub)

"""The stream of escalation breaks off: boards go on after the last event, or load their rows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest

from console.live.boards import RELOAD
from integration.console.live_harness import Live, StreamedEscalation, next_row, read_all
from integration.console.screens_harness import Screens
from support.waiting import until

_CUT = b"the connection breaks here"


class BreakingBytes(httpx.AsyncByteStream):
    def __init__(self, queue: asyncio.Queue[bytes]) -> None:
        self._queue = queue

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"id: 1\n: connected\n\n"
        while (part := await self._queue.get()) != _CUT:
            yield part
        raise httpx.ReadError("cut")


@dataclass
class BreakingEscalation(StreamedEscalation):
    """Its stream can break; with `is_forgetful` it no longer has the events after any id."""

    is_forgetful: bool = False
    last_event_ids: list[str | None] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/v1/escalations/stream":
            return await super().handle_async_request(request)
        last_event_id = request.headers.get("Last-Event-ID")
        self.last_event_ids.append(last_event_id)
        if self.is_forgetful and last_event_id is not None:
            return httpx.Response(410, json={"type": "urn:upstairs:problem:gone"})
        self.events.append(asyncio.Queue())
        return httpx.Response(200, stream=BreakingBytes(self.events[-1]))

    def cut(self) -> None:
        self.events.pop().put_nowait(_CUT)


@pytest.fixture
def stream(screens: Screens) -> BreakingEscalation:
    return BreakingEscalation(httpx.ASGITransport(screens.app, raise_app_exceptions=False))


async def test_stream_goes_on_after_the_last_event(live: Live, stream: BreakingEscalation) -> None:
    mia = await live.open("mia", "manager")
    escalation_id = await live.screens.escalate()
    stream.tell(escalation_id)
    await next_row(mia)
    stream.cut()
    await until(lambda: len(stream.events) == 1)
    stream.tell(escalation_id)
    assert (await next_row(mia))["id"] == escalation_id
    assert stream.last_event_ids == [None, "2"]
    assert RELOAD not in await read_all(mia)


async def test_boards_load_their_rows_if_the_events_are_gone(
    live: Live, stream: BreakingEscalation
) -> None:
    mia = await live.open("mia", "manager")
    escalation_id = await live.screens.escalate()
    stream.tell(escalation_id)
    await next_row(mia)
    stream.is_forgetful = True
    stream.cut()
    await until(lambda: len(stream.events) == 1)
    assert stream.last_event_ids == [None, "2", None]
    assert RELOAD in await read_all(mia)
    stream.tell(escalation_id)
    assert (await next_row(mia))["id"] == escalation_id

"""Follows the stream of escalation."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple

import httpx
import orjson
import structlog

from common.contracts.escalations import PagesErased
from common.core.backoff import Backoff
from console.clients.services import STREAM, Caller, Services

# Escalation sends a heartbeat more often.
_SILENCE_S: Final = 45.0
_GONE: Final = 410
_UNLISTED: Final = "upstairs.escalation_unlisted"
_TIMEOUT: Final = httpx.Timeout(5.0, read=_SILENCE_S)

log = structlog.get_logger()


class Event(NamedTuple):
    """One event of the stream; a heartbeat has an id only."""

    id: str | None
    type: str | None
    data: str | None


class Follower:
    """Calls `changed` with each escalation that an event tells of, or `unlisted` with its id.

    Escalation tells as unlisted what the caller may not see, or no longer. `erased` is called after
    an erasure.

    It goes on after the last event that it has read, with a new token each time in the name of
    `caller`: a stream ends with its token. `missed` is called when events may have been missed: at
    the start, and if they are gone.
    """

    def __init__(
        self,
        services: Services,
        caller: Callable[[], Caller],
        changed: Callable[[str], None],
        missed: Callable[[], None],
        unlisted: Callable[[str], None],
        erased: Callable[[], None],
    ) -> None:
        self._services = services
        self._caller = caller
        self._changed = changed
        self._missed = missed
        self._unlisted = unlisted
        self._erased = erased
        self._last_id: str | None = None
        self.is_live = False

    async def run(self) -> None:
        """Run until it is cancelled."""
        backoff, never = Backoff(), asyncio.Event()
        while True:
            try:
                await self._follow(backoff)
            except httpx.HTTPError as error:
                log.info("stream_interrupted", error=repr(error))
            except Exception:
                log.exception("stream_failed")
                # Not at the same event again.
                self._last_id = None
            self.is_live = False
            await backoff.wait(never)

    async def _follow(self, backoff: Backoff) -> None:
        headers = {**self._services.authorization(self._caller()), "Accept": STREAM}
        if self._last_id is not None:
            headers["Last-Event-ID"] = self._last_id
        client = self._services.client("escalation")
        async with client.stream(
            "GET", "/v1/escalations/stream", headers=headers, timeout=_TIMEOUT
        ) as response:
            if response.status_code == _GONE:
                self._last_id = None
            if not response.is_success:
                log.warning("stream_refused", status=response.status_code)
                return
            backoff.reset()
            if self._last_id is None:
                self._missed()
            async for event in parse_events(response.aiter_lines()):
                self.is_live = True
                self._take(event)

    def _take(self, event: Event) -> None:
        if event.type == PagesErased.type:
            # Rows of any contact may have the words: the event need not say of which.
            self._erased()
        elif event.data is not None:
            escalation_id = orjson.loads(event.data)["escalation_id"]
            if event.type == _UNLISTED:
                self._unlisted(escalation_id)
            elif escalation_id is not None:
                self._changed(escalation_id)
        self._last_id = event.id or self._last_id


async def parse_events(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    """Yield the events of a stream of server-sent events; comments are left out."""
    event_id: str | None = None
    event_type: str | None = None
    data: list[str] = []
    async for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            event_id = value
        elif name == "event":
            event_type = value
        elif name == "data":
            data.append(value)
        elif not line and (event_id or data):
            yield Event(event_id, event_type, "\n".join(data) if data else None)
            event_id, event_type, data = None, None, []

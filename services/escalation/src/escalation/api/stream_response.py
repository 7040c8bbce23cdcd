"""The answer that streams events, until its client leaves or may no longer have it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Message, Receive, Scope, Send

from escalation.stream.subscriber import Subscriber

_RECONNECT_AFTER_MS: Final = 1000
# How long a client that does not read keeps a stream that has ended.
_CLOSE_TIMEOUT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class StreamTerms:
    heartbeat_s: float
    has_valid_key: Callable[[], bool]


class StreamResponse(EventSourceResponse):
    """Ends when its subscriber is closed, whether the client reads or not.

    It is closed when the caller's key is no longer valid: before the next event or heartbeat.
    """

    def __init__(
        self,
        subscriber: Subscriber,
        close: Callable[[], None],
        terms: StreamTerms,
    ) -> None:
        self._subscriber = subscriber
        self._has_valid_key = terms.has_valid_key
        self._close = close
        super().__init__(
            self._events(), ping=terms.heartbeat_s, ping_message_factory=self._heartbeat, sep="\n"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_or_close() -> Message:
            receiving = asyncio.ensure_future(receive())
            closed = asyncio.ensure_future(self._subscriber.closed.wait())
            try:
                await asyncio.wait({receiving, closed}, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.wait({receiving}, timeout=_CLOSE_TIMEOUT_S)
                return receiving.result() if receiving.done() else {"type": "http.disconnect"}
            finally:
                receiving.cancel()
                closed.cancel()

        try:
            await super().__call__(scope, receive_or_close, send)
        finally:
            self._close()

    async def _events(self) -> AsyncIterator[ServerSentEvent]:
        # Sent first, so that a client that is cut off before any event knows its position.
        start = self._subscriber.position
        yield ServerSentEvent(id=start, comment="connected", retry=_RECONNECT_AFTER_MS, sep="\n")
        async for event_id, event in self._subscriber.events():
            if not self._has_valid_key():
                self._subscriber.close()
                break
            yield ServerSentEvent(event.data, id=event_id, event=event.type, sep="\n")

    def _heartbeat(self) -> ServerSentEvent:
        if not self._has_valid_key():
            self._subscriber.close()
        # With the id, so that a client with narrow filters need not catch up on the other events.
        return ServerSentEvent(id=self._subscriber.position, comment="heartbeat", sep="\n")

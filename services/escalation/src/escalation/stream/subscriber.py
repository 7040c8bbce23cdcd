"""One client of the stream: its position, and the events that it has yet to get."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence

from escalation.stream.offsets import Offsets, format_event_id
from escalation.stream.records import Record, StreamEvent
from escalation.stream.selection import Refine
from escalation.stream.snapshots import Snapshot

# A client that is further behind is closed; it reconnects and catches up.
MAX_BUFFERED_EVENTS = 5000

_Delivery = tuple[Record, Snapshot | None]


class Subscriber:
    """Buffers live events until the backlog has been replayed.

    `live_from` is where live events begin. `after` is the client's position, which may be ahead of
    it in some partitions: another replica was quicker. Of the events that match, `refine` decides
    by a snapshot of what they are about.
    """

    def __init__(
        self,
        live_from: Offsets,
        after: Offsets,
        matches: Callable[[StreamEvent], bool],
        refine: Refine | None = None,
        *,
        max_buffered_events: int = MAX_BUFFERED_EVENTS,
    ) -> None:
        self.live_from = live_from
        self.closed = asyncio.Event()
        self._next_offsets = list(map(list, after))
        self._matches = matches
        self._refine = refine
        self._max_buffered_events = max_buffered_events
        self._position = format_event_id(after)
        self._backlog: deque[_Delivery] = deque()
        self._live: deque[_Delivery] = deque()
        self._caught_up = True
        self._changed = asyncio.Event()
        self._backlog_taken = asyncio.Event()

    @property
    def position(self) -> str:
        """Event id up to which this client has received everything."""
        return self._position

    @property
    def needs_snapshots(self) -> bool:
        return self._refine is not None

    def start_catch_up(self) -> None:
        """Hold back live events until the backlog has been replayed."""
        self._caught_up = False

    async def add_backlog(
        self, records: Sequence[Record], snapshot: Snapshot | None = None
    ) -> None:
        """Add a batch of the backlog, and wait until it is taken or the subscriber is closed."""
        if self.closed.is_set():
            return
        self._backlog.extend((record, snapshot) for record in records)
        self._backlog_taken.clear()
        self._changed.set()
        await self._backlog_taken.wait()

    def finish_catch_up(self) -> None:
        self._caught_up = True
        self._changed.set()

    def add_live(self, records: Sequence[Record], snapshot: Snapshot | None = None) -> None:
        """Buffer live records; close the subscriber if it is too slow."""
        self._live.extend((record, snapshot) for record in records)
        if len(self._live) > self._max_buffered_events:
            self.close()
        self._changed.set()

    def close(self) -> None:
        """Deliver nothing more. The client reconnects with its last id and misses nothing."""
        self.closed.set()
        self._changed.set()
        self._backlog_taken.set()

    async def events(self) -> AsyncGenerator[tuple[str, StreamEvent], None]:
        """Yield each matching event with its id until the subscriber is closed."""
        while (delivery := await self._next()) is not None:
            record, snapshot = delivery
            if not self._advance(record):
                continue
            position = format_event_id(tuple(map(tuple, self._next_offsets)))
            event = self._selected(record.event, snapshot)
            if event is not None:
                yield position, event
            # Only now: a heartbeat during the yield must not claim that it was delivered.
            self._position = position

    def _selected(self, event: StreamEvent | None, snapshot: Snapshot | None) -> StreamEvent | None:
        if event is None or not self._matches(event):
            return None
        if self._refine is None:
            return event
        # What it is about is not known, and so not whether the client may see it.
        return None if snapshot is None else self._refine(event, snapshot)

    async def _next(self) -> _Delivery | None:
        while not self.closed.is_set():
            if self._backlog:
                return self._backlog.popleft()
            if self._caught_up and self._live:
                return self._live.popleft()
            self._backlog_taken.set()
            self._changed.clear()
            await self._changed.wait()
        return None

    def _advance(self, record: Record) -> bool:
        """Move past the record; return False if the client is past it already."""
        topic, number = record.partition
        offsets = self._next_offsets[topic]
        # A topic may get more partitions at any time.
        offsets += [0] * (number + 1 - len(offsets))
        if record.offset < offsets[number]:
            return False
        offsets[number] = record.offset + 1
        return True

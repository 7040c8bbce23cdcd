"""Reads this service's topics once per process and broadcasts their events to all open screens.

It reads the topics and not the table of published events: a partition has the same order for every
replica, and nothing is inserted before what was read. See docs/adr/0015 and 0017.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from common.core.backoff import Backoff, pause
from common.core.clock import monotonic
from common.core.errors import TransientError, is_transient
from common.messaging.kafka import make_range_reader, make_topic_reader, start_client
from common.messaging.kafka_connection import KafkaConnection
from common.messaging.record_decoder import RecordDecoder
from escalation.stream.limit import CatchUpSlots
from escalation.stream.offsets import (
    OffsetGoneError,
    Offsets,
    Partition,
    by_partition,
    check_available,
    extend,
    lag_by_partition,
)
from escalation.stream.records import Decoder, Record, StreamEvent
from escalation.stream.selection import Refine
from escalation.stream.snapshots import ReadSnapshot, Snapshot
from escalation.stream.subscriber import MAX_BUFFERED_EVENTS, Subscriber

_POLL_TIMEOUT_MS = 200
_MAX_RECORDS_PER_POLL = 500
# Records that arrive within it share a fetch, as in the other consumers.
_LINGER_S = 0.01
# The topics are not read once nobody has used the stream or the list for this long.
_IDLE_TIMEOUT_S = 60.0
_READY_TIMEOUT_S = 5.0
# Clients further behind get 410 and must reload the list.
_MAX_BACKLOG_EVENTS = 100_000
_CATCH_UPS = 8
_CATCH_UPS_PER_CALLER = 2
_CATCH_UP_TIMEOUT_S = 30.0

log = structlog.get_logger()


class StreamUnavailableError(TransientError):
    """The stream has no connection to Kafka yet."""


class Broadcaster:
    name = "stream"

    def __init__(
        self,
        connection: KafkaConnection,
        topics: Sequence[str],
        record_decoder: RecordDecoder,
        *,
        max_buffered_events: int = MAX_BUFFERED_EVENTS,
    ) -> None:
        self._connection = connection
        self._record_decoder = record_decoder
        self._topics = tuple(topics)
        self._max_buffered_events = max_buffered_events
        self._subscribers: set[Subscriber] = set()
        self._requested = asyncio.Event()
        self._ready = asyncio.Event()
        self._last_used = 0.0
        # The next offset of each partition; kept while the broker is unavailable.
        self._offsets: Offsets | None = None
        self._failing = False
        self._decoder = Decoder(topics, record_decoder)
        self._tasks: asyncio.TaskGroup | None = None
        # Set once there is a database.
        self.read_snapshot: ReadSnapshot | None = None
        self._catch_up_slots = CatchUpSlots(slots=_CATCH_UPS, per_caller=_CATCH_UPS_PER_CALLER)

    @property
    def subscriber_count(self) -> int:
        return len(self._subscribers)

    async def run(self, stopping: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._close_on_stop(stopping))
            backoff = Backoff()
            while not stopping.is_set():
                await self._requested.wait()
                if stopping.is_set():
                    return
                try:
                    await self._read(stopping, backoff)
                except Exception as error:
                    self._failing = True
                    # A failing stream must not stop the service that pages people.
                    if is_transient(error):
                        log.warning("stream_backing_off", error=repr(error))
                    else:
                        log.exception("stream_failed")
                    await backoff.wait(stopping)

    async def position(self, timeout_s: float = 1.0) -> Offsets | None:
        """Return the next live offsets, all before them being committed; None if not known yet."""
        self._last_used = monotonic()
        self._requested.set()
        if self._offsets is None and self._tasks is not None and not self._failing:
            await pause(timeout_s, self._ready)
        return self._offsets

    async def subscribe(
        self,
        offsets: Offsets | None,
        matches: Callable[[StreamEvent], bool],
        caller: str,
        refine: Refine | None = None,
    ) -> Subscriber:
        """Subscribe from `offsets`, or from now if None; the caller must `unsubscribe`.

        Raises OffsetGoneError if events after `offsets` are no longer kept.
        """
        await self.position(_READY_TIMEOUT_S)
        # No await from here on: no event may come between its position and its subscription.
        live_from = self._offsets
        if self._tasks is None or live_from is None:
            raise StreamUnavailableError
        after = live_from if offsets is None else extend(offsets, live_from)
        if sum(lag_by_partition(after, live_from).values()) > _MAX_BACKLOG_EVENTS:
            raise OffsetGoneError(f"More than {_MAX_BACKLOG_EVENTS} events were missed.")
        subscriber = Subscriber(
            live_from, after, matches, refine, max_buffered_events=self._max_buffered_events
        )
        self._subscribers.add(subscriber)
        if after != live_from:
            subscriber.start_catch_up()
            available: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._tasks.create_task(self._catch_up(subscriber, after, available, caller))
            try:
                await available
            except BaseException:
                self.unsubscribe(subscriber)
                raise
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        subscriber.close()
        self._subscribers.discard(subscriber)

    async def _close_on_stop(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._tasks = None
        self._requested.set()
        self._close_all()

    def _close_all(self) -> None:
        for subscriber in self._subscribers:
            subscriber.close()
        self._subscribers.clear()

    async def _read(self, stopping: asyncio.Event, backoff: Backoff) -> None:
        async with self._started(make_topic_reader(self._connection, *self._topics)) as kafka:
            await self._seek(kafka)
            backoff.reset()
            self._failing = False
            self._ready.set()
            try:
                while self._is_used() and not stopping.is_set():
                    polled = await kafka.getmany(
                        timeout_ms=_POLL_TIMEOUT_MS, max_records=_MAX_RECORDS_PER_POLL
                    )
                    for partition, records in polled.items():
                        await self._broadcast(self._partition(partition), records)
                    if polled:
                        await asyncio.sleep(_LINGER_S)
            finally:
                self._ready.clear()
                if not self._is_used():
                    self._offsets = None
                    self._requested.clear()

    def _is_used(self) -> bool:
        return bool(self._subscribers) or monotonic() - self._last_used < _IDLE_TIMEOUT_S

    async def _seek(self, kafka: AIOKafkaConsumer) -> None:
        """Continue at the offsets from before the broker became unavailable, or at the end."""
        assigned = kafka.assignment()
        if missing := set(self._topics) - {partition.topic for partition in assigned}:
            raise TransientError(f"There is no topic {', '.join(sorted(missing))}.")
        if self._offsets is None:
            ends = self._by_partition(await kafka.end_offsets(assigned))
            self._offsets = tuple(
                tuple(ends[key] for key in sorted(ends) if key[0] == topic)
                for topic in range(len(self._topics))
            )
        for partition, offset in by_partition(self._offsets).items():
            kafka.seek(self._topic_partition(partition), offset)

    async def _broadcast(self, partition: Partition, records: list[Any]) -> None:
        decoded = [self._decoder.decode(record) for record in records]
        snapshot = await self._snapshot(decoded, self._subscribers)
        # No await from here on: who subscribed meanwhile gets these records too.
        topic, number = partition
        offsets = list(self._offsets or [()] * len(self._topics))
        # A topic may get more partitions at any time; they are read from their beginning.
        own = [*offsets[topic], *[0] * (number + 1 - len(offsets[topic]))]
        if records[0].offset != own[number]:
            # Retention deleted unread events, or the topic was recreated: clients that reconnect
            # get 410.
            log.warning("stream_gap", partition=partition, offset=records[0].offset)
            self._close_all()
        own[number] = records[-1].offset + 1
        offsets[topic] = tuple(own)
        self._offsets = tuple(offsets)
        for subscriber in tuple(self._subscribers):
            subscriber.add_live(decoded, snapshot)
            if subscriber.closed.is_set():
                log.info("stream_client_too_slow")
                self._subscribers.discard(subscriber)

    async def _snapshot(
        self, records: Iterable[Record], subscribers: Iterable[Subscriber]
    ) -> Snapshot | None:
        """Return what the events are about, if a subscriber compares that."""
        events = [record.event for record in records if record.event is not None]
        is_needed = any(subscriber.needs_snapshots for subscriber in subscribers)
        if not events or not is_needed or self.read_snapshot is None:
            return None
        return await self.read_snapshot(events)

    async def _catch_up(
        self,
        subscriber: Subscriber,
        after: Offsets,
        available: "asyncio.Future[None]",
        caller: str,
    ) -> None:
        """Replay the backlog; a client that takes too long is closed, and reconnects.

        `available` is set once it is known that Kafka still has the whole backlog.
        """
        timeout = asyncio.get_running_loop().call_later(_CATCH_UP_TIMEOUT_S, subscriber.close)
        try:
            async with self._catch_up_slots.take(caller):
                await self._replay(subscriber, after, available)
        except Exception as error:  # noqa: BLE001 - a failure of one client must not affect others
            log.warning("stream_catch_up_failed", error=repr(error))
            subscriber.close()
            if not available.done():
                available.set_exception(
                    error if isinstance(error, OffsetGoneError) else StreamUnavailableError()
                )
        finally:
            timeout.cancel()

    async def _replay(
        self, subscriber: Subscriber, after: Offsets, available: "asyncio.Future[None]"
    ) -> None:
        if subscriber.closed.is_set():
            raise StreamUnavailableError
        async with self._started(make_range_reader(self._connection)) as kafka:
            await self._check_available(kafka, after)
            if not available.done():
                available.set_result(None)
            await self._replay_backlog(kafka, subscriber, after)
        subscriber.finish_catch_up()

    async def _check_available(self, kafka: AIOKafkaConsumer, after: Offsets) -> None:
        partitions = self._topic_partitions(by_partition(after))
        begins = await kafka.beginning_offsets(partitions)
        ends = await kafka.end_offsets(partitions)
        check_available(after, self._by_partition(begins), self._by_partition(ends))

    async def _replay_backlog(
        self, kafka: AIOKafkaConsumer, subscriber: Subscriber, after: Offsets
    ) -> None:
        starts, until = by_partition(after), by_partition(subscriber.live_from)
        lag = lag_by_partition(after, subscriber.live_from)
        remaining = set(self._topic_partitions(lag))
        decoder = Decoder(self._topics, self._record_decoder)
        kafka.assign(sorted(remaining))
        for partition in remaining:
            kafka.seek(partition, starts[self._partition(partition)])
        while remaining and not subscriber.closed.is_set():
            polled = await kafka.getmany(
                *remaining, timeout_ms=_POLL_TIMEOUT_MS, max_records=_MAX_RECORDS_PER_POLL
            )
            decoded = [
                decoder.decode(record)
                for partition, records in polled.items()
                for record in records
                if record.offset < until[self._partition(partition)]
            ]
            if decoded:
                snapshot = await self._snapshot(decoded, (subscriber,))
                await subscriber.add_backlog(decoded, snapshot)
            for partition in polled:
                if await kafka.position(partition) >= until[self._partition(partition)]:
                    remaining.discard(partition)

    def _partition(self, partition: TopicPartition) -> Partition:
        return self._topics.index(partition.topic), partition.partition

    def _topic_partition(self, partition: Partition) -> TopicPartition:
        topic, number = partition
        return TopicPartition(self._topics[topic], number)

    def _topic_partitions(self, partitions: Iterable[Partition]) -> list[TopicPartition]:
        return [self._topic_partition(partition) for partition in partitions]

    def _by_partition(self, offsets: Mapping[TopicPartition, int]) -> dict[Partition, int]:
        return {self._partition(partition): offset for partition, offset in offsets.items()}

    @asynccontextmanager
    async def _started(self, kafka: AIOKafkaConsumer) -> AsyncIterator[AIOKafkaConsumer]:
        try:
            await start_client(kafka, self._connection)
            yield kafka
        finally:
            await kafka.stop()

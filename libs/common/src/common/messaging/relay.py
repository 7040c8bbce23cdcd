"""From the outbox to Kafka, in order, each at least once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import structlog
from aiokafka import AIOKafkaProducer

from common.contracts.event import MAX_EVENT_BYTES
from common.contracts.services import TOPIC_OWNERS
from common.core import trace
from common.core.backoff import Backoff, pause
from common.core.errors import PermanentError, is_transient
from common.core.health import Health
from common.core.ids import EventId
from common.core.linger import Linger
from common.core.metrics import Metrics
from common.messaging import outbox_signal
from common.messaging.envelope import Envelope
from common.messaging.partitioner import partition_of
from common.messaging.pending_events import PendingEvents, remove
from common.messaging.record_encoder import RecordEncoder
from common.messaging.refusals import REFUSALS
from common.messaging.signatures import RecordContent
from common.storage.database import begin, driver_connection
from common.storage.dead_letters import (
    OUTBOX_ORIGIN_PREFIX,
    DeadLetter,
    FailureStreak,
    TooManyDeadLettersError,
    store_dead_letter,
)
from common.storage.engine import Engine
from common.storage.outbox import MissingEventError

T = TypeVar("T")
Row = Any
Session = Any
# A topic and the number of a partition.
Place: TypeAlias = tuple[str, int]
RefusedBatch: TypeAlias = tuple[Sequence[Row], BaseException]

_MAX_BATCH = 1000
# Rows of one signature: more would make its proofs longer. Then timers of this process get a turn.
_ENCODED_TOGETHER = 128
# Rows that arrive within it share a signature and a send.
_MIN_LINGER_S = 0.01
_MAX_LINGER_S = 0.05
# Commits of all processes wake the active relay; only when one dies before it says so, or a command
# commits, does a row wait so long. Each poll also keeps the session alive.
_MAX_POLL_S = 0.25
# A stopped process keeps its lock until the server ends its idle session after this time; with the
# standby's own wait, another replica takes over within two seconds.
_SESSION_TIMEOUT = "1200ms"
_HEARTBEAT_S = 0.4
_RETRY_LOCK_S = 0.3
_STOP_PRODUCER_S = 5
# Of events that Kafka should take.
_MAX_REFUSALS_IN_A_ROW = 20
_MAX_VALUE_BYTES = 16 * 1024 * 1024

log = structlog.get_logger()


@dataclass(slots=True)
class Batch:
    """Rows for one partition, and the batch that aiokafka makes of them."""

    builder: Any
    rows: list[Row] = field(default_factory=list)


class UnknownTopicError(PermanentError):
    """No contract has a topic of this name."""


class ValueTooLargeError(PermanentError):
    """A broker closes the connection when it is sent so much at once."""


class Relay:
    """Publishes one schema's outbox; one replica works and the others stand by.

    A row of the outbox has the events of a transaction. The query for the next events deletes the
    rows whose records Kafka has all acknowledged; after a crash in between they are published
    again, and consumers recognise them by their ids.

    An event that Kafka refuses for good becomes a dead letter, and the rest goes on (ADR 0019).
    `make_producer` makes the producer that replaces one that was refused a batch: its sequence
    numbers have a gap from then on, and the broker would refuse all that follows.
    """

    name = "relay"

    def __init__(
        self,
        engine: Engine,
        producer: AIOKafkaProducer,
        metrics: Metrics,
        health: Health,
        *,
        encoder: RecordEncoder,
        make_producer: Callable[[], AIOKafkaProducer],
    ) -> None:
        self._engine = engine
        self._producer = producer
        self._make_producer = make_producer
        # Ends the producers that the relay has made; the first one belongs to its caller.
        self._own_producer = AsyncExitStack()
        self._producer_failed = False
        self._metrics = metrics
        self._health = health
        self._encoder = encoder
        self.max_poll_s = _MAX_POLL_S
        self.session_timeout = _SESSION_TIMEOUT
        self._failures = FailureStreak(_MAX_REFUSALS_IN_A_ROW)
        self._linger = Linger(min_s=_MIN_LINGER_S, max_s=_MAX_LINGER_S)
        self._woken = asyncio.Event()
        self._pending = PendingEvents()

    def wake(self) -> None:
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Publish until `stopping`, and then until the outbox is empty once."""
        backoff = Backoff()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._stop_own_producer)
            stack.callback(asyncio.ensure_future(self._wake_when(stopping)).cancel)
            while not stopping.is_set():
                try:
                    # Its lock lives and dies with this session, so the session is its own.
                    async with driver_connection(self._engine) as session:
                        await self._serve(session, backoff, stopping)
                except TooManyDeadLettersError:
                    raise
                except Exception as error:
                    self._health.report_trouble(self.name, repr(error))
                    self._metrics.retries.labels(self.name).inc()
                    if is_transient(error):
                        log.warning("relay_backing_off", error=repr(error))
                    else:
                        # Not the fault of a row: rights are missing, or the broker has lost the
                        # producer's state. All rows wait until it is mended.
                        self._producer_failed = True
                        log.exception("relay_failed")
                    await backoff.wait(stopping)

    async def _serve(self, session: Session, backoff: Backoff, stopping: asyncio.Event) -> None:
        await session.execute(_SESSION, self.session_timeout)
        if not await self._wait_for_lock(session, stopping):
            return
        await outbox_signal.listen(session, self.wake)
        await self._publish_all(session, backoff, stopping)

    async def _wait_for_lock(self, session: Session, stopping: asyncio.Event) -> bool:
        """Return False if `stopping` is set first; tell the active relay of our commits."""
        while not await session.fetchval(_LOCK):
            self._health.report_healthy(self.name)
            if stopping.is_set():
                return False
            await outbox_signal.send_when(self._woken, session, _RETRY_LOCK_S)
        return True

    async def _publish_all(
        self, session: Session, backoff: Backoff, stopping: asyncio.Event
    ) -> None:
        while True:
            last_round = stopping.is_set()
            self._woken.clear()
            self._linger.batch_began()
            count = await self.publish(session)
            self._health.report_healthy(self.name)
            backoff.reset()
            if last_round and not count:
                return
            if last_round or count == _MAX_BATCH or self._pending.some_left:
                continue
            if count:
                await self._linger.pause()
            # The next batch deletes what Kafka has acknowledged, or else the next poll.
            await pause(self.max_poll_s, self._woken)

    async def _wake_when(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self.wake()

    async def publish(self, session: Session) -> int:
        """Publish one batch and return its size; its rows are deleted by the next call."""
        events = await self._pending.read(session, _MAX_BATCH)
        if events:
            done = await self._publish(session, events)
            await self._pending.take_out(session, events, done)
        return len(events)

    async def _publish(self, session: Session, events: Sequence[Row]) -> list[EventId]:
        """Publish the events and return the ids of those that are done.

        A batch that is refused is divided until the refused event is alone.
        """
        await self._replace_failed_producer(session)
        done, refused = await _keep_session_alive(session, self._send(events))
        if done:
            self._metrics.published.inc(len(done))
            self._failures.reset()
        for batch, error in refused:
            if len(batch) == 1:
                await _keep_session_alive(session, self._put_aside(batch[0], error))
                done.append(batch[0]["event_id"])
            else:
                half = len(batch) // 2
                done += await self._publish(session, batch[:half])
                done += await self._publish(session, batch[half:])
        return done

    async def _send(self, rows: Sequence[Row]) -> tuple[list[EventId], list[RefusedBatch]]:
        """Send one batch to each partition, wait for the broker, and return the ids of the sent.

        If a batch is full, the rest of its partition is left for the next round: if the first of
        two batches failed, the second would overtake it.
        """
        refused: list[RefusedBatch] = []
        batches: dict[Place, Batch] = {}
        counts = await self._partition_counts({row["topic"] for row in rows})
        for start in range(0, len(rows), _ENCODED_TOGETHER):
            await asyncio.sleep(0)
            refused += self._append(rows[start : start + _ENCODED_TOGETHER], batches, counts)
        acknowledged = [
            await self._producer.send_batch(
                batch.builder, self._encoder.topic(topic), partition=partition
            )
            for (topic, partition), batch in batches.items()
        ]
        # Wait for all, otherwise a second failure would go unobserved.
        outcomes = await asyncio.gather(*acknowledged, return_exceptions=True)
        sent: list[EventId] = []
        failures: list[BaseException] = []
        for batch, outcome in zip(batches.values(), outcomes, strict=True):
            if isinstance(outcome, REFUSALS):
                self._producer_failed = True
                refused.append((batch.rows, outcome))
            elif isinstance(outcome, BaseException):
                failures.append(outcome)
            else:
                sent += [row["event_id"] for row in batch.rows]
        if failures:
            raise failures[0]
        return sent, refused

    def _append(
        self,
        rows: Sequence[Row],
        batches: dict[Place, Batch],
        partition_counts: Mapping[str, int],
    ) -> list[RefusedBatch]:
        """Add the rows to the batches of their partitions; return those that can't be sent."""
        refused: list[RefusedBatch] = []
        records: list[tuple[Row, RecordContent]] = []
        for row in rows:
            try:
                records.append((row, self._record(row, partition_counts)))
            except (PermanentError, ValueError, TypeError) as error:
                refused.append(([row], error))
        headers = self._encoder.headers([record for _, record in records])
        for (row, record), own_headers in zip(records, headers, strict=True):
            place = row["topic"], partition_of(record.key, partition_counts[row["topic"]])
            if place not in batches:
                batches[place] = Batch(self._producer.create_batch())
            batch = batches[place]
            # None: the batch is full, for this row and all later ones.
            if batch.builder.append(
                timestamp=None, key=record.key, value=record.value, headers=own_headers
            ):
                batch.rows.append(row)
        return refused

    def _record(self, row: Row, partition_counts: Mapping[str, int]) -> RecordContent:
        """Raises PermanentError, ValueError or TypeError if the row can't be a record."""
        if row["data"] is None:
            raise MissingEventError
        if row["topic"] not in partition_counts:
            raise UnknownTopicError
        value = row["data"].encode()
        if len(value) > _MAX_VALUE_BYTES:
            raise ValueTooLargeError
        return self._encoder.encode(row["topic"], self._envelope(row), value)

    async def _partition_counts(self, topics: Iterable[str]) -> dict[str, int]:
        return {
            topic: len(await self._producer.partitions_for(self._encoder.topic(topic)))
            for topic in topics
            if topic in TOPIC_OWNERS
        }

    async def _put_aside(self, row: Row, error: BaseException) -> None:
        """Move a refused event to the dead letters, durably."""
        async with begin(self._engine) as connection:
            if not await remove(connection, row):
                return  # another relay has published it, or put it aside
            await store_dead_letter(connection, _to_dead_letter(row, error), claimed=False)
        self._metrics.dead_letters.inc()
        self._metrics.outbox_refused.inc()
        log.error(
            "event_refused",
            type=row["type"],
            key=row["key"],
            event_id=row["event_id"],
            error=repr(error),
        )
        if isinstance(error, REFUSALS) and len(row["data"]) <= MAX_EVENT_BYTES:
            # The broker should have taken it: if that is so for all, the fault is the deployment's.
            self._failures.record(error)

    async def _replace_failed_producer(self, session: Session) -> None:
        if not self._producer_failed:
            return
        producer = self._make_producer()
        try:
            await _keep_session_alive(session, producer.start())
        except BaseException:
            await producer.stop()
            raise
        await self._stop_own_producer()
        self._own_producer.push_async_callback(producer.stop)
        self._producer, self._producer_failed = producer, False
        log.info("producer_replaced")

    async def _stop_own_producer(self) -> None:
        try:
            async with asyncio.timeout(_STOP_PRODUCER_S):
                await self._own_producer.aclose()
        except Exception as error:  # noqa: BLE001 - it has failed already; nothing waits in it
            log.warning("producer_not_stopped", error=repr(error))

    def _envelope(self, row: Row) -> Envelope:
        return Envelope(
            id=EventId(row["event_id"]),
            type=row["type"],
            source=self._encoder.source,
            key=row["key"],
            sequence=row["sequence"],
            traceparent=trace.from_bytes(row["trace"]),
        )


def _to_dead_letter(row: Row, error: BaseException) -> DeadLetter:
    return DeadLetter(
        origin=f"{OUTBOX_ORIGIN_PREFIX}{row['id']}/{row['event_id']}",
        error=error,
        payload=(row["data"] or "").encode(),
        key=row["key"],
        type=row["type"],
        event_id=row["event_id"],
        traceparent=trace.from_bytes(row["trace"]),
        headers={},
    )


async def _keep_session_alive(session: Session, sending: Awaitable[T]) -> T:
    """Wait for `sending`, with a query now and then so that the session does not look idle."""
    task = asyncio.ensure_future(sending)
    try:
        while not (await asyncio.wait({task}, timeout=_HEARTBEAT_S))[0]:
            await session.fetchval("SELECT 1")
        return task.result()
    finally:
        task.cancel()


# Deleted rows may come back after a power cut; they are published again, as after a crash. To plan
# its few statements each time would take half of their time; their one plan uses the indexes, even
# if it is made while the outbox is empty.
_SESSION = """
    SELECT set_config('idle_session_timeout', $1, false),
           set_config('synchronous_commit', 'off', false),
           set_config('plan_cache_mode', 'force_generic_plan', false),
           set_config('enable_seqscan', 'off', false)
"""
_LOCK = "SELECT pg_try_advisory_lock(lock_key('relay'))"

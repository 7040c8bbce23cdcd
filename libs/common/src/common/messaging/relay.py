"""From the outbox to Kafka, in order, each at least once."""

import asyncio
from collections.abc import Awaitable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner
from sqlalchemy.ext.asyncio import AsyncEngine

from common.core.backoff import Backoff, pause
from common.core.errors import is_transient
from common.core.health import Health
from common.core.ids import EventId
from common.core.metrics import Metrics
from common.messaging.envelope import Envelope, encode
from common.messaging.kafka import topic_name
from common.messaging.signatures import SigningKey
from common.storage.database import driver_connection

T = TypeVar("T")
Row = Any
Session = Any

_MAX_BATCH = 1000
# Rows that arrive within it share a send and a delete; adds at most so much.
_LINGER_S = 0.01
_MIN_POLL_S = 0.005
_MAX_POLL_S = 0.05
# A stopped process keeps its lock until the server ends its idle session after this time; with the
# standby's own wait, another replica takes over within two seconds.
_SESSION_TIMEOUT = "1200ms"
_HEARTBEAT_S = 0.4
_RETRY_LOCK_S = 0.3

_choose = DefaultPartitioner()

log = structlog.get_logger()


class Relay:
    """Publishes one schema's outbox; one replica works and the others stand by.

    A row is deleted after Kafka has acknowledged its record; after a crash in between it is
    published again, and consumers recognise it by its id. Rows are deleted, not skipped by a last
    id, because a row may get its id early and be committed late.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        producer: AIOKafkaProducer,
        metrics: Metrics,
        health: Health,
        *,
        source: str,
        namespace: str,
        signing_key: SigningKey | None = None,
    ) -> None:
        self._engine = engine
        self._producer = producer
        self._metrics = metrics
        self._health = health
        self._source = source
        self._namespace = namespace
        self._signing_key = signing_key
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Publish until `stopping`, and then until the outbox is empty once."""
        backoff = Backoff()
        while not stopping.is_set():
            try:
                # Its lock lives and dies with this session, so the session is its own.
                async with driver_connection(self._engine) as session:
                    await self._serve(session, backoff, stopping)
            except Exception as error:
                if not is_transient(error):
                    raise
                self._health.report_trouble("relay", repr(error))
                self._metrics.retries.labels("relay").inc()
                log.warning("relay_backing_off", error=repr(error))
                await backoff.wait(stopping)

    async def _serve(self, session: Session, backoff: Backoff, stopping: asyncio.Event) -> None:
        await session.execute(_SESSION, _SESSION_TIMEOUT)
        while not await session.fetchval(_LOCK):
            self._health.report_healthy("relay")
            if await pause(_RETRY_LOCK_S, stopping):
                return
        await self._publish_all(session, backoff, stopping)

    async def _publish_all(
        self, session: Session, backoff: Backoff, stopping: asyncio.Event
    ) -> None:
        wait = _MIN_POLL_S
        while True:
            last_round = stopping.is_set()
            self._woken.clear()
            count = await self.publish(session)
            self._health.report_healthy("relay")
            backoff.reset()
            if last_round and not count:
                return
            if 0 < count < _MAX_BATCH:
                await asyncio.sleep(_LINGER_S)
            if count < _MAX_BATCH:
                # Commits from here on wake us: reading again at once would return nothing.
                await pause(wait, self._woken)
            wait = _MIN_POLL_S if count else min(wait * 2, _MAX_POLL_S)

    async def publish(self, session: Session) -> int:
        """Publish one batch and return its size."""
        rows = await session.fetch(_NEXT, _MAX_BATCH)
        if rows:
            sent = await _keep_session_alive(session, self._send(rows))
            await session.execute(_DELETE, sent)
            self._metrics.published.inc(len(sent))
        return len(rows)

    async def _send(self, rows: Sequence[Row]) -> list[int]:
        """Send one batch to each partition, wait for the broker, and return the ids of the sent.

        If a batch is full, the rest of its partition is left for the next round: if the first of
        two batches failed, the second would overtake it.
        """
        sent: list[int] = []
        partitions = {name: await self._partitions(name) for name in {row["topic"] for row in rows}}
        batches: dict[tuple[str, int], Any] = {}
        for row in rows:
            key, value = row["key"].encode(), row["data"].encode()
            place = row["topic"], _partition_of(key, partitions[row["topic"]])
            if place not in batches:
                batches[place] = self._producer.create_batch()
            # None: the batch is full, for this row and all later ones.
            if batches[place].append(
                timestamp=None,
                key=key,
                value=value,
                headers=self._headers(row, key, value),
            ):
                sent.append(row["id"])
        acknowledged = [
            await self._producer.send_batch(batch, self._name(topic), partition=partition)
            for (topic, partition), batch in batches.items()
        ]
        # Wait for all, otherwise a second failure would go unobserved.
        for outcome in await asyncio.gather(*acknowledged, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
        return sent

    async def _partitions(self, topic: str) -> tuple[int, ...]:
        return tuple(sorted(await self._producer.partitions_for(self._name(topic))))

    def _name(self, topic: str) -> str:
        return topic_name(self._namespace, topic)

    def _headers(self, row: Row, key: bytes, value: bytes) -> list[tuple[str, bytes]]:
        headers = encode(self._envelope(row))
        if self._signing_key is not None:
            headers += self._signing_key.sign(self._name(row["topic"]), key, headers, value)
        return headers

    def _envelope(self, row: Row) -> Envelope:
        return Envelope(
            id=EventId(row["event_id"]),
            type=row["type"],
            source=self._source,
            key=row["key"],
            time=row["at"],
            sequence=row["sequence"],
            traceparent=row["traceparent"],
        )


@lru_cache(maxsize=10_000)
def _partition_of(key: bytes, partitions: tuple[int, ...]) -> int:
    """Return the partition that Kafka's own clients choose; cached, since hashing is slow."""
    chosen: int = _choose(key, partitions, partitions)
    return chosen


async def _keep_session_alive(session: Session, sending: Awaitable[T]) -> T:
    """Wait for `sending`, with a query now and then so that the session does not look idle."""
    task = asyncio.ensure_future(sending)
    try:
        while not (await asyncio.wait({task}, timeout=_HEARTBEAT_S))[0]:
            await session.fetchval("SELECT 1")
        return task.result()
    finally:
        task.cancel()


# Deleted rows may come back after a power cut; they are published again, as after a crash.
_SESSION = """
    SELECT set_config('idle_session_timeout', $1, false),
           set_config('synchronous_commit', 'off', false)
"""
_LOCK = "SELECT pg_try_advisory_lock(hashtext('relay ' || current_schema()))"
_NEXT = """
    SELECT id, CAST(event_id AS text) AS event_id, key, sequence, topic, type, at, traceparent,
           CAST(data AS text) AS data
    FROM outbox ORDER BY id LIMIT $1
"""
_DELETE = "DELETE FROM outbox WHERE id = ANY($1::bigint[])"

"""From the outbox to Kafka, in order, each at least once."""

import asyncio
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.backoff import Backoff, pause
from common.envelope import Envelope, encode
from common.errors import is_transient
from common.health import Health
from common.ids import EventId
from common.metrics import Metrics

_BATCH = 1000
_QUICK = 0.005
_SLOW = 0.05
_STANDBY = 0.5

log = structlog.get_logger()


class Relay:
    """Publishes one schema's outbox; of several replicas one works and the others stand by.

    A row is deleted after Kafka has acknowledged its record, so a crash in between publishes it
    again: consumers know events by their id. Deleting, rather than reading on from the last id,
    is what makes a row safe that was given its id early and committed late.
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
    ) -> None:
        self._engine = engine
        self._producer = producer
        self._metrics = metrics
        self._health = health
        self._source = source
        self._namespace = namespace
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Publish until `stopping`, and then until the outbox is empty once."""
        backoff = Backoff()
        while not stopping.is_set():
            try:
                async with self._engine.connect() as pooled:
                    connection = await pooled.execution_options(isolation_level="AUTOCOMMIT")
                    await self._serve(connection, backoff, stopping)
            except Exception as error:
                if not is_transient(error):
                    raise
                self._health.trouble("relay", repr(error))
                self._metrics.retries.labels("relay").inc()
                log.warning("relay_waits", error=repr(error))
                await backoff.wait(stopping)

    async def _serve(
        self, connection: AsyncConnection, backoff: Backoff, stopping: asyncio.Event
    ) -> None:
        # The lock lives and dies with this session. A replica that is stopped in its tracks never
        # lets go by itself: the server ends its session when it has been idle for longer than any
        # send takes, and what it then deletes fails.
        await connection.execute(_SESSION)
        try:
            while not (await connection.execute(_LOCK)).scalar_one():
                self._health.well("relay")
                if await pause(_STANDBY, stopping):
                    return
            await self._publish_all(connection, backoff, stopping)
        finally:
            # A pooled connection must not take the lock along.
            await connection.invalidate()

    async def _publish_all(
        self, connection: AsyncConnection, backoff: Backoff, stopping: asyncio.Event
    ) -> None:
        wait = _QUICK
        while True:
            last_round = stopping.is_set()
            self._woken.clear()
            count = await self.publish(connection)
            self._health.well("relay")
            backoff.reset()
            if last_round and not count:
                return
            if count < _BATCH:
                # Whoever commits from here on wakes us: a look without a wait would find nothing.
                await pause(wait, self._woken)
            wait = _QUICK if count else min(wait * 2, _SLOW)

    async def publish(self, connection: AsyncConnection) -> int:
        """Publish one batch and return its size."""
        rows = (await connection.execute(_NEXT, {"limit": _BATCH})).all()
        if rows:
            acknowledgements = [await self._send(row) for row in rows]
            await asyncio.gather(*acknowledgements)
            await connection.execute(_DELETE, {"ids": [row.id for row in rows]})
            self._metrics.published.inc(len(rows))
        return len(rows)

    async def _send(self, row: Row[Any]) -> "asyncio.Future[Any]":
        envelope = Envelope(
            id=EventId(str(row.event_id)),
            type=row.type,
            source=self._source,
            key=str(row.contact_id),
            time=row.at,
            sequence=row.sequence,
            traceparent=row.traceparent,
        )
        sent: asyncio.Future[Any] = await self._producer.send(
            topic_name(self._namespace, row.topic),
            key=envelope.key.encode(),
            value=row.data.encode(),
            headers=encode(envelope),
        )
        return sent


def topic_name(namespace: str, topic: str) -> str:
    return f"{namespace}.{topic}.v1"


# A power cut may bring deleted rows back: they are published again, as after a crash of our own.
_SESSION = text("""
    SELECT set_config('idle_session_timeout', '2s', false),
           set_config('synchronous_commit', 'off', false)
""")
_LOCK = text("SELECT pg_try_advisory_lock(hashtext('relay ' || current_schema()))")
_NEXT = text("""
    SELECT id, event_id, contact_id, sequence, topic, type, at, traceparent,
           CAST(data AS text) AS data
    FROM outbox ORDER BY id LIMIT :limit
""")
_DELETE = text("DELETE FROM outbox WHERE id = ANY(CAST(:ids AS bigint[]))")

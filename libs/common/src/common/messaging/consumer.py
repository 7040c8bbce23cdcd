"""From Kafka to a handler: each poll is a batch; its offsets are committed after its effects.

Offsets are committed when nothing arrives, or else once a second, not after each batch: the inbox
recognises what is delivered again, and a commit costs the broker as much as a batch.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from prometheus_client import Gauge

from common.core.backoff import Backoff
from common.core.clock import TimeSource, monotonic
from common.core.errors import is_transient
from common.core.health import Health
from common.core.linger import Linger
from common.core.metrics import Metrics
from common.messaging.kafka import KafkaUnavailableError, start_client
from common.messaging.kafka_connection import KafkaConnection
from common.messaging.lag import Lag, Polled
from common.storage.dead_letters import TooManyDeadLettersError

# A larger one takes megabytes, which a process keeps. In a backlog a smaller one has the records
# of one topic only.
_MAX_BATCH = 500
# How long the consumer waits for records before it looks at what else there is to do.
_POLL_MS = 500
_COMMIT_INTERVAL_S = 1.0
_COMMIT_TIMEOUT_S = 5
# Records that arrive within it share a transaction.
MIN_LINGER_S: Final = 0.01
_MAX_LINGER_S = 0.05

log = structlog.get_logger()


class RecordHandler(Protocol):
    """What a consumer does with the records of a poll."""

    async def handle(self, polled: Polled) -> None:
        """Handle all, those of a partition in order.

        Raises a transient error if a dependency is unavailable: the same records come again.
        """


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a consumer reads, and who handles it.

    `name` is that of the worker, and `oldest` shows the age of its oldest unhandled record.
    """

    topics: Sequence[str]
    handler: RecordHandler
    name: str = "consumer"
    oldest: Gauge | None = None


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """One member of a consumer group."""

    def __init__(
        self,
        kafka: AIOKafkaConsumer,
        subscription: Subscription,
        metrics: Metrics,
        health: Health,
        *,
        connection: KafkaConnection,
        clock: TimeSource,
    ) -> None:
        self.name = subscription.name
        self._kafka = kafka
        self._connection = connection
        self._topics = subscription.topics
        self._handler = subscription.handler
        self._metrics = metrics
        self._health = health
        self._batch_lock = asyncio.Lock()
        self._backoff = Backoff()
        self.linger = make_linger(MIN_LINGER_S)
        oldest = subscription.oldest or metrics.consumer_oldest_unhandled_seconds
        self._lag = Lag(kafka, metrics.consumer_lag_records, oldest, clock)
        # The next offset of each partition that is handled and not yet committed.
        self._handled_offsets: dict[TopicPartition, int] = {}
        self._committed_at = monotonic()
        # Set once every record is handled that the partitions had when we joined.
        self.caught_up = asyncio.Event()
        self._joined = False
        self._end_offsets: Mapping[TopicPartition, int] | None = None
        health.report_trouble(self.name, "has not joined its group yet")

    async def run(self, stopping: asyncio.Event) -> None:
        """Raises TooManyDeadLettersError."""
        try:
            await self._start(stopping)
            # Afterwards: a client whose start failed while it waited for the group can't be started
            # again.
            self._kafka.subscribe(self._topics, listener=self)
            while not stopping.is_set():
                await self._poll(stopping)
        finally:
            await self._commit()
            await self._kafka.stop()

    async def _start(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await start_client(self._kafka, self._connection)
            except KafkaUnavailableError as error:
                self._health.report_trouble(self.name, f"cannot join its group: {error}")
                log.warning("broker_unavailable", error=str(error))
                await self._backoff.wait(stopping)
            else:
                return

    async def _poll(self, stopping: asyncio.Event) -> None:
        polled: Polled = {}
        try:
            # Without the lock: getmany itself may wait for the end of a rebalance.
            polled = await self._kafka.getmany(timeout_ms=_POLL_MS, max_records=_MAX_BATCH)
            if polled:
                await self._work(polled)
            if not polled or monotonic() - self._committed_at > _COMMIT_INTERVAL_S:
                await self._commit()
            if self._joined:
                self._health.report_healthy(self.name)
                if not self.caught_up.is_set():
                    await self._check_caught_up()
        except TooManyDeadLettersError:
            raise
        except Exception as error:
            if not is_transient(error):
                log.exception("consumer_failed")
            await self._back_off(polled, error, stopping)

    async def _work(self, polled: Polled) -> None:
        """Handle a batch, and fetch nothing until the next can have all that came meanwhile.

        aiokafka would fetch at once: the next batch would have what came by then, and the rest wait
        for the one after it.
        """
        assigned = self._kafka.assignment()
        self._kafka.pause(*assigned)
        self.linger.batch_began()
        try:
            async with self._batch_lock:
                await self._handle(polled)
            # After a full batch more is waiting.
            if sum(map(len, polled.values())) < _MAX_BATCH:
                await self.linger.pause()
        finally:
            self._kafka.resume(*self._kafka.assignment() & assigned)

    async def _handle(self, polled: Polled) -> None:
        self._lag.records_taken(polled)
        await self._handler.handle(polled)
        for partition, records in polled.items():
            self._handled_offsets[partition] = records[-1].offset + 1
        self._lag.records_handled(polled)
        self._backoff.reset()

    async def _commit(self) -> None:
        offsets, self._handled_offsets = self._handled_offsets, {}
        self._committed_at = monotonic()
        if not offsets:
            return
        try:
            # aiokafka retries for as long as the broker is unavailable.
            async with asyncio.timeout(_COMMIT_TIMEOUT_S):
                await self._kafka.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            # The group has rebalanced; the inbox tells the next owner what we handled.
            log.warning("commit_refused", error=repr(error))
        except (KafkaError, TimeoutError) as error:
            if not is_transient(error):
                raise
            log.warning("commit_delayed", error=repr(error))
            self._handled_offsets = offsets | self._handled_offsets

    async def _check_caught_up(self) -> None:
        try:
            behind = await self._is_behind()
        except KafkaError as error:
            # A rebalance, or an unavailable broker: the next poll tries again.
            log.warning("end_offsets_unavailable", error=repr(error))
        else:
            if not behind:
                self.caught_up.set()

    async def _is_behind(self) -> bool:
        if self._end_offsets is None:
            self._end_offsets = await self._kafka.end_offsets(self._kafka.assignment())
        for partition in self._kafka.assignment() & self._end_offsets.keys():
            if await self._kafka.position(partition) < self._end_offsets[partition]:
                return True
        return False

    async def _back_off(
        self,
        polled: Polled,
        error: Exception,
        stopping: asyncio.Event,
    ) -> None:
        """Seek back to the start of the batch and pause its partitions for a while."""
        self._health.report_trouble(self.name, f"backing off: {error!r}")
        self._metrics.retries.labels(self.name).inc()
        log.warning("consumer_backing_off", error=repr(error))
        for partition, records in polled.items():
            try:
                self._kafka.seek(partition, records[0].offset)
            except IllegalStateError:
                continue  # revoked meanwhile: its new owner starts from the committed offset
        paused = [partition for partition in polled if partition in self._kafka.assignment()]
        self._kafka.pause(*paused)
        await self._backoff.wait(stopping)
        self._kafka.resume(*self._kafka.assignment().intersection(paused))

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Finish and commit the current batch before its partitions go to another member."""
        async with self._batch_lock:
            await self._commit()
            self._handled_offsets.clear()
            log.info("partitions_revoked", partitions=len(revoked))

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        self._lag.partitions_assigned(assigned)
        log.info("partitions_assigned", partitions=len(assigned))
        self._joined = True
        self._health.report_healthy(self.name)


def make_linger(min_s: float) -> Linger:
    return Linger(min_s=min_s, max_s=max(min_s, _MAX_LINGER_S))

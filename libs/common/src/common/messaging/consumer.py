"""From Kafka to the dispatcher: a poll is a batch, and an offset follows its effect.

Offsets are committed a few times a second, not after each batch: the inbox knows what comes
again, and a commit costs the broker as much as a batch does.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Generic, TypeAlias, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from common.core.backoff import Backoff
from common.core.clock import monotonic
from common.core.errors import TransientError, is_transient
from common.core.health import Health
from common.core.metrics import Metrics
from common.messaging.dispatcher import Dispatcher, Message
from common.messaging.envelope import MalformedRecordError, decode, type_of
from common.messaging.lag import Lag
from common.storage.dead_letters import DeadLetter, TooManyDeadLettersError
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)
Record: TypeAlias = ConsumerRecord[bytes, bytes]

_BATCH = 500
_POLL_MS = 200
_COMMIT_EVERY = 0.2
_COMMIT_WITHIN = 5
# What comes within it shares a fetch, a transaction and a commit; at most this much is added.
_LINGER_S = 0.01

log = structlog.get_logger()


class Consumer(ConsumerRebalanceListener, Generic[U]):  # type: ignore[misc]  # aiokafka is untyped
    """One member of a service's consumer group."""

    def __init__(
        self,
        kafka: AIOKafkaConsumer,
        topics: Sequence[str],
        dispatcher: Dispatcher[U],
        metrics: Metrics,
        health: Health,
    ) -> None:
        self._kafka = kafka
        self._topics = topics
        self._dispatcher = dispatcher
        self._known = dispatcher.subscriptions.events
        self._metrics = metrics
        self._health = health
        self._at_work = asyncio.Lock()
        self._backoff = Backoff()
        self._lag = Lag(kafka, metrics, dispatcher.database.clock)
        # What is done and not yet committed: the next offset of each partition.
        self._done: dict[TopicPartition, int] = {}
        self._committed_at = monotonic()
        # Set once all has been handled that had come by the time we joined.
        self.caught_up = asyncio.Event()
        self._joined = False
        self._ends: Mapping[TopicPartition, int] | None = None
        health.report_trouble("consumer", "has not joined its group yet")

    async def run(self, stopping: asyncio.Event) -> None:
        self._kafka.subscribe(self._topics, listener=self)
        try:
            await self._start(stopping)
            while not stopping.is_set():
                await self._poll(stopping)
        except TooManyDeadLettersError as error:
            # Not an end of the process: an orchestrator would restart it and drain the topic on.
            self._health.report_trouble("consumer", f"halted: {error}")
            self._metrics.halted.labels("consumer").set(1)
            log.critical("consumer_halted", error=str(error))
        finally:
            await self._commit()
            await self._kafka.stop()
        await stopping.wait()

    async def _start(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await self._kafka.start()
            except KafkaError as error:
                log.warning("broker_away", error=repr(error))
                await self._backoff.wait(stopping)
            else:
                return

    async def _poll(self, stopping: asyncio.Event) -> None:
        try:
            # Not yet at work: getmany itself may wait for the end of a rebalance.
            polled = await self._kafka.getmany(timeout_ms=_POLL_MS, max_records=_BATCH)
            if polled:
                async with self._at_work:
                    await self._take(polled)
                await asyncio.sleep(_LINGER_S)
            if monotonic() - self._committed_at > _COMMIT_EVERY:
                await self._commit()
            if self._joined and not self.caught_up.is_set():
                await self._look_for_the_end()
        except TransientError as error:
            await self._hold_back(polled, error, stopping)
        except KafkaError as error:
            if not is_transient(error):
                raise
            log.warning("broker_away", error=repr(error))
            await self._backoff.wait(stopping)

    async def _take(self, polled: Mapping[TopicPartition, Sequence[Record]]) -> None:
        self._lag.taken(polled)
        messages = [
            message
            for records in polled.values()
            for record in records
            if (message := self._message(record)) is not None
        ]
        await self._dispatcher.handle(messages)
        for partition, records in polled.items():
            self._done[partition] = records[-1].offset + 1
        self._lag.handled(polled)
        self._backoff.reset()
        self._health.report_well("consumer")

    async def _commit(self) -> None:
        done, self._done = self._done, {}
        self._committed_at = monotonic()
        if not done:
            return
        try:
            # aiokafka asks again for as long as the broker is away.
            async with asyncio.timeout(_COMMIT_WITHIN):
                await self._kafka.commit(done)
        except (CommitFailedError, IllegalStateError) as error:
            # The group moved on without us; the next owner meets our claims in the inbox.
            log.warning("commit_refused", error=repr(error))
        except (KafkaError, TimeoutError) as error:
            if not is_transient(error):
                raise
            log.warning("commit_delayed", error=repr(error))
            self._done = done | self._done

    async def _look_for_the_end(self) -> None:
        try:
            behind = await self._is_behind()
        except KafkaError as error:
            # A rebalance, or a broker that is away for a while: the next poll looks again.
            log.warning("end_not_seen", error=repr(error))
        else:
            if not behind:
                self.caught_up.set()

    async def _is_behind(self) -> bool:
        if self._ends is None:
            self._ends = await self._kafka.end_offsets(self._kafka.assignment())
        for partition in self._kafka.assignment() & self._ends.keys():
            if await self._kafka.position(partition) < self._ends[partition]:
                return True
        return False

    def _message(self, record: Record) -> Message | None:
        kind = type_of(record.headers)
        if kind is not None and kind not in self._known:
            # A newer producer, or a fact that is not ours to act on.
            self._metrics.messages.labels("other", "skipped").inc()
            return None

        def letter(error: BaseException) -> DeadLetter:
            return _letter(record, error)

        try:
            envelope, event = decode(record.key, record.headers, record.value)
        except MalformedRecordError as error:
            return Message(body=None, letter=letter, error=error)
        return Message(
            body=event, letter=letter, event_id=envelope.id, traceparent=envelope.traceparent
        )

    async def _hold_back(
        self,
        polled: Mapping[TopicPartition, Sequence[Record]],
        error: TransientError,
        stopping: asyncio.Event,
    ) -> None:
        """Go back to where the batch began and leave its partitions alone for a while."""
        self._health.report_trouble("consumer", f"waits: {error}")
        self._metrics.retries.labels("consumer").inc()
        log.warning("consumer_waits", error=str(error))
        for partition, records in polled.items():
            try:
                self._kafka.seek(partition, records[0].offset)
            except IllegalStateError:
                continue  # taken away meanwhile: its new owner starts from the committed offset
        held = [one for one in polled if one in self._kafka.assignment()]
        self._kafka.pause(*held)
        await self._backoff.wait(stopping)
        self._kafka.resume(*(one for one in held if one in self._kafka.assignment()))

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Finish and commit the batch at hand before its partitions go to another member."""
        async with self._at_work:
            await self._commit()
            self._done.clear()
            log.info("partitions_revoked", partitions=len(revoked))

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        self._lag.assigned(assigned)
        log.info("partitions_assigned", partitions=len(assigned))
        self._joined = True
        self._health.report_well("consumer")


def _letter(record: Record, error: BaseException) -> DeadLetter:
    headers: dict[str, bytes | None] = {str(name): value for name, value in record.headers}
    texts = {name: (value or b"").decode(errors="replace") for name, value in headers.items()}
    return DeadLetter(
        # With its timestamp, since a topic that is made anew counts its offsets from 0 again.
        origin=f"{record.topic}/{record.partition}/{record.offset}@{record.timestamp}",
        error=error,
        payload=record.value,
        # What this loses is no contact's id, so the key of what can ever be read comes back.
        key=(record.key or b"").decode(errors="replace"),
        type=texts.get("ce_type"),
        event_id=texts.get("ce_id"),
        traceparent=texts.get("ce_traceparent"),
        headers=headers,
    )

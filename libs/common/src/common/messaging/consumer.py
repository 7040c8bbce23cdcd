"""From Kafka to the dispatcher: each poll is a batch; its offsets are committed after its effects.

Offsets are committed when nothing arrives, or else once a second, not after each batch: the inbox
recognises what is delivered again, and a commit costs the broker as much as a batch.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Generic, TypeAlias, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from common.core.backoff import Backoff
from common.core.clock import monotonic
from common.core.errors import is_transient
from common.core.health import Health
from common.core.linger import Linger
from common.core.metrics import Metrics
from common.messaging.dispatcher import Dispatcher, Message
from common.messaging.envelope import MalformedRecordError, UntrustedRecordError, type_of
from common.messaging.kafka import KafkaUnavailableError, start_client
from common.messaging.kafka_connection import KafkaConnection
from common.messaging.lag import Lag, Polled
from common.messaging.record_decoder import RecordDecoder
from common.storage.dead_letters import DeadLetter, TooManyDeadLettersError
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)
Record: TypeAlias = ConsumerRecord[bytes, bytes]

_MAX_BATCH = 500
# A signature takes up to 0.1 ms to verify; timers of the process must not wait for a whole batch.
_DECODED_AT_ONCE = 25
# How long the consumer waits for records before it looks at what else there is to do.
_POLL_MS = 500
_COMMIT_INTERVAL_S = 1.0
_COMMIT_TIMEOUT_S = 5
# Records that arrive within it share a transaction.
MIN_LINGER_S: Final = 0.01
_MAX_LINGER_S = 0.05
# Characters of a column that lists show; the headers and the payload are kept whole.
_MAX_COLUMN = 200

log = structlog.get_logger()


class Consumer(ConsumerRebalanceListener, Generic[U]):  # type: ignore[misc]  # aiokafka is untyped
    """One member of a service's consumer group."""

    name = "consumer"

    def __init__(
        self,
        kafka: AIOKafkaConsumer,
        topics: Sequence[str],
        decoder: RecordDecoder,
        dispatcher: Dispatcher[U],
        metrics: Metrics,
        health: Health,
        *,
        connection: KafkaConnection,
    ) -> None:
        self._kafka = kafka
        self._connection = connection
        self._topics = topics
        self._decoder = decoder
        self._dispatcher = dispatcher
        self._types = dispatcher.subscriptions.events
        self._metrics = metrics
        self._skipped = metrics.messages.labels("other", "skipped")
        self._health = health
        self._batch_lock = asyncio.Lock()
        self._backoff = Backoff()
        self.linger = make_linger(MIN_LINGER_S)
        self._lag = Lag(kafka, metrics, dispatcher.database.clock)
        # The next offset of each partition that is handled and not yet committed.
        self._handled_offsets: dict[TopicPartition, int] = {}
        self._committed_at = monotonic()
        # Set once every record is handled that the partitions had when we joined.
        self.caught_up = asyncio.Event()
        self._joined = False
        self._end_offsets: Mapping[TopicPartition, int] | None = None
        health.report_trouble("consumer", "has not joined its group yet")

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
                self._health.report_trouble("consumer", f"cannot join its group: {error}")
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
                self._health.report_healthy("consumer")
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
        await self._dispatcher.handle(await self._to_messages(polled))
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

    async def _to_messages(self, polled: Polled) -> list[Message]:
        messages: list[Message] = []
        for records in polled.values():
            for number, record in enumerate(records, 1):
                if (message := self._to_message(record)) is not None:
                    messages.append(message)
                if number % _DECODED_AT_ONCE == 0:
                    await asyncio.sleep(0)
        return messages

    def _to_message(self, record: Record) -> Message | None:
        kind = type_of(record.headers)
        if kind is not None and kind not in self._types:
            # A newer producer, or an event that this service does not handle.
            self._skipped.inc()
            return None

        def to_dead_letter(error: BaseException) -> DeadLetter:
            return _to_dead_letter(record, error)

        try:
            envelope, event = self._decoder.decode(record)
        except MalformedRecordError as error:
            return Message(body=None, to_dead_letter=to_dead_letter, error=error)
        return Message(
            body=event,
            to_dead_letter=to_dead_letter,
            event_id=envelope.id,
            traceparent=envelope.traceparent,
            sequence=envelope.sequence,
        )

    async def _back_off(
        self,
        polled: Polled,
        error: Exception,
        stopping: asyncio.Event,
    ) -> None:
        """Seek back to the start of the batch and pause its partitions for a while."""
        self._health.report_trouble("consumer", f"backing off: {error!r}")
        self._metrics.retries.labels("consumer").inc()
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
        self._health.report_healthy("consumer")


def make_linger(min_s: float) -> Linger:
    return Linger(min_s=min_s, max_s=max(min_s, _MAX_LINGER_S))


def _to_dead_letter(record: Record, error: BaseException) -> DeadLetter:
    headers: dict[str, bytes | None] = {str(name): value for name, value in record.headers}
    texts = {name: _column(value) for name, value in headers.items()}
    return DeadLetter(
        # With the timestamp, since offsets of a recreated topic begin at 0 again.
        origin=f"{record.topic}/{record.partition}/{record.offset}@{record.timestamp}",
        error=error,
        payload=record.value,
        # The key of a record that can be decoded is ASCII and short: nothing of it is lost.
        key=_column(record.key),
        type=texts.get("ce_type"),
        event_id=texts.get("ce_id"),
        traceparent=texts.get("ce_traceparent"),
        headers=headers,
        trusted=not isinstance(error, UntrustedRecordError),
    )


def _column(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")[:_MAX_COLUMN]

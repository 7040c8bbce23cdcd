"""Events of our services from Kafka: each record of a known type becomes a message."""

import asyncio
from typing import Generic, TypeAlias, TypeVar

from aiokafka import ConsumerRecord

from common.core.metrics import Metrics
from common.messaging.dispatcher import Dispatcher, Message
from common.messaging.envelope import MalformedRecordError, UntrustedRecordError, type_of
from common.messaging.lag import Polled
from common.messaging.record_decoder import RecordDecoder
from common.storage.dead_letters import DeadLetter
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)
Record: TypeAlias = ConsumerRecord[bytes, bytes]

# A signature takes up to 0.1 ms to verify; timers of the process must not wait for a whole batch.
_DECODED_AT_ONCE = 25
# Characters of a column that lists show; the headers and the payload are kept whole.
_MAX_COLUMN = 200


class EventRecordHandler(Generic[U]):
    """Hands the events of a poll to the dispatcher; skips types that it does not handle."""

    def __init__(self, decoder: RecordDecoder, dispatcher: Dispatcher[U], metrics: Metrics) -> None:
        self._decoder = decoder
        self._dispatcher = dispatcher
        self._types = dispatcher.subscriptions.events
        self._skipped = metrics.messages.labels("other", "skipped")

    async def handle(self, polled: Polled) -> None:
        """As `Dispatcher.handle`."""
        await self._dispatcher.handle(await self._to_messages(polled))

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

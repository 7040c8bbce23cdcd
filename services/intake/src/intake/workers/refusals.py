"""Records that are refused go back to their writers, with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

from intake.channels.kafka_records import InboundRecord, RefusalCode

_PREFIX: Final = "upstairs-refus"
# Together, with a batch's overhead, less than the megabyte that brokers take.
_MAX_VALUE_BYTES: Final = 256 * 1024
_MAX_KEY_BYTES: Final = 4096
_MAX_HEADERS: Final = 50
_MAX_HEADER_BYTES: Final = 2048
_MAX_NAME_CHARACTERS: Final = 100
_MAX_DETAIL_CHARACTERS: Final = 500

Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Refusal:
    record: InboundRecord
    code: RefusalCode
    detail: str

    @property
    def key(self) -> bytes | None:
        return self.record.key and self.record.key[:_MAX_KEY_BYTES]

    @property
    def value(self) -> bytes:
        return (self.record.value or b"")[:_MAX_VALUE_BYTES]

    @property
    def headers(self) -> Headers:
        """Return why and which record, and then the record's own headers."""
        record = self.record
        own: Headers = [
            ("upstairs-refusal-code", self.code.encode()),
            ("upstairs-refusal-detail", self.detail[:_MAX_DETAIL_CHARACTERS].encode()),
            ("upstairs-refused-topic", record.topic.encode()),
            ("upstairs-refused-partition", b"%d" % record.partition),
            ("upstairs-refused-offset", b"%d" % record.offset),
            ("upstairs-refused-bytes", b"%d" % len(record.value or b"")),
        ]
        original = [
            (name[:_MAX_NAME_CHARACTERS], value and value[:_MAX_HEADER_BYTES])
            for name, value in record.headers
            if not name.lower().startswith(_PREFIX)
        ]
        return own + original[:_MAX_HEADERS]


class RefusalPublisher:
    """Publishes refusals before the offsets of their records are committed: none is lost.

    After a crash between the two they come twice, and name the same record.
    """

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def publish(self, refusals: Sequence[Refusal]) -> None:
        """Return when all in-sync replicas have them."""
        sent = [
            (
                refusal,
                await self._producer.send(
                    self._topic, key=refusal.key, value=refusal.value, headers=refusal.headers
                ),
            )
            for refusal in refusals
        ]
        for refusal, acknowledgement in sent:
            try:
                await acknowledgement
            except (MessageSizeTooLargeError, RecordListTooLargeError):
                # The broker allows less than usual: the place of the record has to do.
                await self._producer.send_and_wait(
                    self._topic, key=None, value=b"", headers=refusal.headers[:6]
                )

"""Writes the headers of what a service publishes, and signs them."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.messaging.envelope import Envelope, encode
from common.messaging.kafka import topic_name
from common.messaging.signatures import RecordContent, SigningKey


@dataclass(frozen=True)
class RecordEncoder:
    """`source` is the service; without a `signing_key` its records are not signed."""

    namespace: str
    source: str
    signing_key: SigningKey | None = None

    def topic(self, topic: str) -> str:
        """Return the topic's name in Kafka."""
        return topic_name(self.namespace, topic)

    def encode(self, topic: str, envelope: Envelope, value: bytes) -> RecordContent:
        """Return a record of this topic, given by its short name, without a signature."""
        return RecordContent(self.topic(topic), envelope.key.encode(), encode(envelope), value)

    def headers(self, records: Sequence[RecordContent]) -> list[list[tuple[str, bytes]]]:
        """Return all headers of each record; records that come together share a signature."""
        if self.signing_key is None or not records:
            return [record.headers for record in records]
        signatures = self.signing_key.sign(records)
        return [
            [*record.headers, *signature]
            for record, signature in zip(records, signatures, strict=True)
        ]

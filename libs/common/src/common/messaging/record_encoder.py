"""Writes the headers of what a service publishes, and signs them."""

from dataclasses import dataclass

from common.messaging.envelope import Envelope, encode
from common.messaging.kafka import topic_name
from common.messaging.signatures import SigningKey


@dataclass(frozen=True)
class RecordEncoder:
    """`source` is the service; without a `signing_key` its records are not signed."""

    namespace: str
    source: str
    signing_key: SigningKey | None = None

    def topic(self, topic: str) -> str:
        """Return the topic's name in Kafka."""
        return topic_name(self.namespace, topic)

    def headers(self, topic: str, envelope: Envelope, value: bytes) -> list[tuple[str, bytes]]:
        """Return the headers of a record of this topic, given by its short name."""
        headers = encode(envelope)
        if self.signing_key is not None:
            key = envelope.key.encode()
            headers += self.signing_key.sign(self.topic(topic), key, headers, value)
        return headers

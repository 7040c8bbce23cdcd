"""Decodes the records of the system's topics, and checks that each is its topic owner's."""

from typing import Protocol

from common.contracts.event import Event
from common.contracts.services import TOPIC_OWNERS, source_of
from common.messaging.envelope import (
    Envelope,
    Headers,
    MalformedRecordError,
    UntrustedRecordError,
    decode,
)
from common.messaging.kafka import topic_name
from common.messaging.signatures import VerificationKeys


class Record(Protocol):
    """A record as aiokafka reads it."""

    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def value(self) -> bytes | None: ...


class RecordDecoder:
    """Without `keys` the source that a record names is believed, and signatures are not read."""

    def __init__(self, namespace: str, keys: VerificationKeys | None = None) -> None:
        self._topics = {
            topic_name(namespace, topic): (topic, owner) for topic, owner in TOPIC_OWNERS.items()
        }
        self._keys = keys

    def decode(self, record: Record) -> tuple[Envelope, Event]:
        """Return the event of a known type.

        Raises UntrustedRecordError if nothing proves that the topic's owner published the record:
        without keys, for every record that violates the contract. Raises another
        MalformedRecordError if the owner itself did violate it.
        """
        if record.topic not in self._topics:
            message = f"{record.topic} is not a topic of this system"
            raise UntrustedRecordError(message)
        topic, owner = self._topics[record.topic]
        if self._keys is not None:
            self._keys.check(owner, record.topic, record.key, record.headers, record.value)
        try:
            envelope, event = decode(record.key, record.headers, record.value)
            _check_owner(topic, owner, envelope, event)
        except MalformedRecordError as error:
            if self._keys is not None:
                raise
            raise UntrustedRecordError(str(error)) from error
        return envelope, event


def _check_owner(topic: str, owner: str, envelope: Envelope, event: Event) -> None:
    if event.topic != topic:
        message = f"{event.type} does not belong to the topic {topic}"
        raise MalformedRecordError(message)
    if envelope.source != source_of(owner):
        message = f"source {envelope.source} is not the topic's owner, {source_of(owner)}"
        raise MalformedRecordError(message)

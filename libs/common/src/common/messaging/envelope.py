"""CloudEvents 1.0 in Kafka's binary binding: attributes in `ce_*` headers, JSON in the value.

Written out here because it runs for every record and the SDK costs many times as much;
tests/contracts hold it to what the SDK reads and writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson
from pydantic import ValidationError

from common.contracts import BY_TYPE
from common.contracts.event import Event
from common.core import trace
from common.core.errors import PermanentError
from common.core.ids import EventId, canonical, day_of

_PREFIX: Final = "ce_"
# Characters of an error's detail.
_MAX_DETAIL: Final = 500
_MAX_SEQUENCE: Final = 2**63 - 1

Headers = Sequence[tuple[str, bytes | None]]


class MalformedRecordError(PermanentError):
    """The record is not a CloudEvent in Kafka's binary binding that its contract allows."""

    def __init__(self, detail: str | None = None) -> None:
        # The detail may quote the record, which may be large.
        super().__init__(detail and detail[:_MAX_DETAIL])


class UntrustedRecordError(MalformedRecordError):
    """Nothing proves that the owner of the topic published the record."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """`sequence` counts the events of one key in one topic from 1, without gaps."""

    id: EventId
    type: str
    source: str
    key: str
    time: datetime
    sequence: int
    traceparent: str | None


def encode(envelope: Envelope) -> list[tuple[str, bytes]]:
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", envelope.id.encode()),
        ("ce_type", envelope.type.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_subject", envelope.key.encode()),
        ("ce_time", envelope.time.astimezone(UTC).isoformat().encode()),
        ("ce_partitionkey", envelope.key.encode()),
        ("ce_sequence", str(envelope.sequence).encode()),
        ("content-type", b"application/json"),
    ]
    if envelope.traceparent is not None:
        headers.append(("ce_traceparent", envelope.traceparent.encode()))
    return headers


def type_of(headers: Headers) -> str | None:
    """Return the event's type, or nothing when the record does not say or is malformed."""
    for name, value in headers:
        if name.lower() == "ce_type":
            return value.decode(errors="replace") if value is not None else None
    return None


def decode(key: bytes | None, headers: Headers, value: bytes | None) -> tuple[Envelope, Event]:
    """Read a record of a known type; raises MalformedRecord with the reason."""
    attributes = _attributes(headers)
    try:
        envelope = _envelope(key, attributes)
        day_of(envelope.id)
        event = BY_TYPE[envelope.type].model_validate(orjson.loads(value or b""))
    except KeyError as error:
        message = f"attribute {error} is missing or its value is unknown"
        raise MalformedRecordError(message) from error
    except ValidationError as error:
        place = error.errors(include_url=False, include_context=False)[0]
        message = f"data at {'.'.join(map(str, place['loc']))}: {place['msg']}"
        raise MalformedRecordError(message) from error
    except ValueError as error:  # JSON, UUID, UTF-8 and dates all end here
        raise MalformedRecordError(str(error)) from error
    if event.key != envelope.key:
        message = f"key {envelope.key} is not the event's key {event.key}"
        raise MalformedRecordError(message)
    if not event.key_pattern.fullmatch(envelope.key):
        message = f"key {envelope.key} is not a valid id: it must match {event.key_pattern.pattern}"
        raise MalformedRecordError(message)
    return envelope, event


def _attributes(headers: Headers) -> dict[str, str]:
    attributes: dict[str, str] = {}
    try:
        for name, value in headers:
            attribute = name.lower()
            # Otherwise readers that take the first and readers that take the last would disagree.
            if attribute in attributes and attribute.startswith(_PREFIX):
                message = f"attribute {attribute} comes twice"
                raise MalformedRecordError(message)
            attributes[attribute] = (value or b"").decode()
    except UnicodeDecodeError as error:
        message = "a header is not UTF-8 text"
        raise MalformedRecordError(message) from error
    return attributes


def _sequence(text: str) -> int:
    sequence = int(text)
    # What the database gives, and JSON holds.
    if not 0 < sequence <= _MAX_SEQUENCE:
        message = "ce_sequence is out of range"
        raise MalformedRecordError(message)
    return sequence


def _envelope(key: bytes | None, attributes: Mapping[str, str]) -> Envelope:
    if attributes["ce_specversion"] != "1.0":
        message = f"CloudEvents {attributes['ce_specversion']} is not supported"
        raise MalformedRecordError(message)
    return Envelope(
        # As the inbox gives it back.
        id=EventId(canonical(attributes["ce_id"])),
        type=attributes["ce_type"],
        source=attributes["ce_source"],
        key=(key or b"").decode(),
        time=datetime.fromisoformat(attributes["ce_time"]),
        sequence=_sequence(attributes["ce_sequence"]),
        traceparent=trace.parse(attributes.get("ce_traceparent")),
    )

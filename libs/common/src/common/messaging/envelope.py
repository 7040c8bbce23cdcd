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
from common.contracts.validation_messages import PATTERNS, summarize
from common.core import trace
from common.core.errors import PermanentError
from common.core.ids import EventId, canonical, day_of

_PREFIX: Final = "ce_"
# Characters of an error's detail.
_MAX_DETAIL: Final = 500
_MAX_SEQUENCE: Final = 2**63 - 1
_REQUIRED: Final = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "ce_sequence")

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
    """Read a record of a known type; raises MalformedRecordError with the reason."""
    envelope = _envelope(key, _attributes(headers))
    kind = BY_TYPE.get(envelope.type)
    if kind is None:
        message = f"there is no event of type {envelope.type}"
        raise MalformedRecordError(message)
    try:
        event = kind.model_validate(orjson.loads(value or b""))
    except orjson.JSONDecodeError as error:
        message = f"the value is not JSON: {error}"
        raise MalformedRecordError(message) from error
    except ValidationError as error:
        message = f"data at {summarize(error, 'its root')}"
        raise MalformedRecordError(message) from error
    if event.key != envelope.key:
        message = f"key {envelope.key} is not the event's key {event.key}"
        raise MalformedRecordError(message)
    if not event.key_pattern.fullmatch(envelope.key):
        message = f"key {envelope.key} {PATTERNS[f'^{event.key_pattern.pattern}$']}"
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


def _envelope(key: bytes | None, attributes: Mapping[str, str]) -> Envelope:
    if missing := [name for name in _REQUIRED if name not in attributes]:
        message = f"these attributes are missing: {', '.join(missing)}"
        raise MalformedRecordError(message)
    if attributes["ce_specversion"] != "1.0":
        message = f"CloudEvents {attributes['ce_specversion']} is not supported"
        raise MalformedRecordError(message)
    return Envelope(
        id=_id(attributes["ce_id"]),
        type=attributes["ce_type"],
        source=attributes["ce_source"],
        key=_key(key),
        time=_time(attributes["ce_time"]),
        sequence=_sequence(attributes["ce_sequence"]),
        traceparent=trace.parse(attributes.get("ce_traceparent")),
    )


def _id(text: str) -> EventId:
    try:
        # As the inbox gives it back.
        event_id = EventId(canonical(text))
        day_of(event_id)
    except ValueError as error:
        message = f"ce_id {text} must be a UUID of version 7"
        raise MalformedRecordError(message) from error
    return event_id


def _key(key: bytes | None) -> str:
    try:
        return (key or b"").decode()
    except UnicodeDecodeError as error:
        message = "the key is not UTF-8 text"
        raise MalformedRecordError(message) from error


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        message = f"ce_time {text} must be a date and a time, for example 2026-03-02T09:30:00Z"
        raise MalformedRecordError(message) from error


def _sequence(text: str) -> int:
    try:
        sequence = int(text)
    except ValueError as error:
        message = f"ce_sequence {text} must be a whole number"
        raise MalformedRecordError(message) from error
    # What the database gives, and JSON holds.
    if not 0 < sequence <= _MAX_SEQUENCE:
        message = "ce_sequence is out of range"
        raise MalformedRecordError(message)
    return sequence

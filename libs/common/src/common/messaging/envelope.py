"""CloudEvents 1.0 in Kafka's binary binding: attributes in `ce_*` headers, JSON in the value.

Written out here because it runs for every record and the SDK costs many times as much;
tests/contracts hold it to what the SDK reads and writes.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from common.contracts import BY_TYPE
from common.contracts.decoding import ContractViolationError, from_json
from common.contracts.event import Event
from common.contracts.validation_messages import PATTERNS
from common.core import trace
from common.core.errors import PermanentError
from common.core.ids import EventId, canonical, day_of

_PREFIX: Final = "ce_"
# Characters of an error's detail.
_MAX_DETAIL: Final = 500
_MAX_SEQUENCE: Final = 2**63 - 1
_REQUIRED: Final = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_sequence")
# An id as we write it, made before the year 9000. Others are parsed.
_PLAIN_ID: Final = re.compile(
    "[0-9a-c][0-9a-f]{7}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)

Headers = Sequence[tuple[str, bytes | None]]


class MalformedRecordError(PermanentError):
    """The record is not a CloudEvent in Kafka's binary binding that its contract allows."""

    def __init__(self, detail: str | None = None) -> None:
        # The detail may quote the record, which may be large.
        super().__init__(detail and detail[:_MAX_DETAIL])


class UntrustedRecordError(MalformedRecordError):
    """Nothing proves that the owner of the topic published the record."""


class Envelope(Struct, frozen=True, gc=False):
    """`sequence` counts the events of one key in one topic from 1, without gaps."""

    id: EventId
    type: str
    source: str
    key: str
    sequence: int
    traceparent: str | None


def encode(envelope: Envelope) -> list[tuple[str, bytes]]:
    """Return the headers, first the one that says whether a reader needs the others.

    The record's key is the attribute `partitionkey`, and the data has the time (ADR 0059).
    """
    headers = [
        ("ce_type", envelope.type.encode()),
        ("ce_specversion", b"1.0"),
        ("ce_id", envelope.id.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_sequence", b"%d" % envelope.sequence),
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
        event = from_json(kind, value or b"")
    except ContractViolationError as error:
        raise MalformedRecordError(str(error)) from error
    if event.key != envelope.key:
        message = f"key {envelope.key} is not the event's key {event.key}"
        raise MalformedRecordError(message)
    if not event.key_pattern.fullmatch(envelope.key):
        message = f"key {envelope.key} {PATTERNS[f'^{event.key_pattern.pattern}$']}"
        raise MalformedRecordError(message)
    return envelope, event


def _attributes(headers: Headers) -> dict[str, str]:
    try:
        attributes = {name.lower(): (value or b"").decode() for name, value in headers}
    except UnicodeDecodeError as error:
        message = "a header is not UTF-8 text"
        raise MalformedRecordError(message) from error
    if len(attributes) < len(headers):
        _refuse_repetition(headers)
    return attributes


def _refuse_repetition(headers: Headers) -> None:
    """Refuse an attribute that comes twice: readers of the first and of the last would disagree."""
    names = [name.lower() for name, _ in headers]
    for name in names:
        if name.startswith(_PREFIX) and names.count(name) > 1:
            message = f"attribute {name} comes twice"
            raise MalformedRecordError(message)


def _envelope(key: bytes | None, attributes: Mapping[str, str]) -> Envelope:
    if missing := [name for name in _REQUIRED if name not in attributes]:
        message = f"these attributes are missing: {', '.join(missing)}"
        raise MalformedRecordError(message)
    if attributes["ce_specversion"] != "1.0":
        message = f"CloudEvents {attributes['ce_specversion']} is not supported"
        raise MalformedRecordError(message)
    if "ce_time" in attributes:
        _check_time(attributes["ce_time"])
    return Envelope(
        id=_id(attributes["ce_id"]),
        type=attributes["ce_type"],
        source=attributes["ce_source"],
        key=_key(key),
        sequence=_sequence(attributes["ce_sequence"]),
        traceparent=trace.parse(attributes.get("ce_traceparent")),
    )


def _id(text: str) -> EventId:
    if _PLAIN_ID.fullmatch(text):
        return EventId(text)
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


def _check_time(text: str) -> None:
    """Refuse a time that is none. We write none: the data says when it happened."""
    try:
        datetime.fromisoformat(text)
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

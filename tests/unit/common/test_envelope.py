"""The envelope: what is written is read again, and what is not one is refused with its reason."""

from contextlib import suppress
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.contracts.contacts import CustomerWrote
from common.contracts.event import ContactId, MessageId, PersonEvent, PersonId
from common.core.ids import EventId, new_id
from common.messaging.envelope import (
    Envelope,
    Headers,
    MalformedRecordError,
    decode,
    encode,
    type_of,
)

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CONTACT = ContactId(new_id())
EVENT = CustomerWrote(
    contact_id=CONTACT, occurred_at=AT, message_id=MessageId(new_id()), excerpt="Grüße ☎"
)
ENVELOPE = Envelope(
    id=EventId(new_id()),
    type=EVENT.type,
    source="/upstairs/intake",
    key=CONTACT,
    sequence=7,
    traceparent="00-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
)
VALUE = msgspec.json.encode(EVENT)


def changed(**headers: bytes | None) -> Headers:
    return [*{**dict(encode(ENVELOPE)), **headers}.items()]


def test_decode_returns_the_encoded_event() -> None:
    assert decode(CONTACT.encode(), encode(ENVELOPE), VALUE) == (ENVELOPE, EVENT)


def test_event_without_trace_has_no_trace_header() -> None:
    headers = [header for header in encode(ENVELOPE) if header[0] != "ce_traceparent"]
    envelope, _ = decode(CONTACT.encode(), headers, VALUE)
    assert envelope.traceparent is None
    assert encode(envelope) == headers


def test_time_in_the_headers_is_read_by_nobody_and_must_be_one() -> None:
    timed = changed(ce_time=b"2026-03-02T09:30:00+00:00")
    assert decode(CONTACT.encode(), timed, VALUE) == (ENVELOPE, EVENT)
    with pytest.raises(MalformedRecordError, match="ce_time noon must be a date and a time"):
        decode(CONTACT.encode(), changed(ce_time=b"noon"), VALUE)


def test_id_in_capitals_is_read_as_lower_case() -> None:
    capitals = changed(ce_id=ENVELOPE.id.upper().encode())
    assert decode(CONTACT.encode(), capitals, VALUE)[0].id == ENVELOPE.id


def test_unknown_headers_and_fields_are_ignored() -> None:
    added = VALUE[:-1] + b', "mood": "angry"}'
    assert decode(CONTACT.encode(), changed(ce_new=b"1"), added)[1] == EVENT


@pytest.mark.parametrize(
    ("headers", "event_type"),
    [
        ([("ce_type", b"upstairs.customer_wrote.v1")], "upstairs.customer_wrote.v1"),
        ([("CE_Type", b"other")], "other"),
        ([("ce_type", None)], None),
        ([("ce_type", b"\xff")], "\N{REPLACEMENT CHARACTER}"),
        ([("type", b"other")], None),
        ([], None),
    ],
)
def test_type_is_read_from_the_headers_alone(headers: Headers, event_type: str | None) -> None:
    assert type_of(headers) == event_type


@pytest.mark.parametrize("sequence", [b"0", b"-1", b"9223372036854775808", b"9" * 4000])
def test_sequence_that_no_reader_could_write_down_is_malformed(sequence: bytes) -> None:
    with pytest.raises(MalformedRecordError, match="ce_sequence is out of range"):
        decode(CONTACT.encode(), changed(ce_sequence=sequence), VALUE)


names = st.sampled_from(sorted(dict(encode(ENVELOPE)))) | st.text(max_size=5)


@settings(max_examples=50)
@given(
    key=st.none() | st.binary(max_size=40),
    headers=st.lists(st.tuples(names, st.none() | st.binary(max_size=40))),
    value=st.none() | st.binary(max_size=60) | st.just(VALUE),
)
def test_arbitrary_bytes_raise_malformed_record_only(
    key: bytes | None, headers: list[tuple[str, bytes | None]], value: bytes | None
) -> None:
    for candidate in (headers, [*encode(ENVELOPE), *headers]):
        type_of(candidate)
        with suppress(MalformedRecordError):
            decode(key, candidate, value)


@pytest.mark.parametrize("key", ["rita", "sam@shop", "7", "A.b_c-d"])
def test_person_event_accepts_a_person_id_as_key(key: str) -> None:
    assert PersonEvent.key_pattern.fullmatch(key)
    assert PersonEvent(person_id=PersonId(key), occurred_at=AT).key == key


@pytest.mark.parametrize("key", ["", "-rita", "rita\x00", "rita bo", "ü", "r" * 101, "rita\n"])
def test_person_event_refuses_other_texts_as_key(key: str) -> None:
    assert not PersonEvent.key_pattern.fullmatch(key)


@pytest.mark.parametrize(
    "occurred_at",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2200-01-01T00:00:00Z"],
)
def test_time_that_no_row_could_be_read_back_with_is_malformed(occurred_at: str) -> None:
    value = VALUE.replace(b"2026-03-02T09:30:00Z", occurred_at.encode())
    with pytest.raises(MalformedRecordError, match="data at occurred_at"):
        decode(CONTACT.encode(), encode(ENVELOPE), value)

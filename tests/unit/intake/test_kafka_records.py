"""Who wrote a record to Kafka, and which event it holds."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from intake.channels.base import ContactOpened
from intake.channels.cloud_events import CloudEvents
from intake.channels.kafka_records import (
    InboundRecord,
    RecordRefusedError,
    read_record,
    verify_record,
)
from intake.domain.model import ChannelConnection
from support.inbound_records import SECRET, Headers, binary, event, sign, structured

AT = datetime(2026, 11, 28, 10, tzinfo=UTC)
ACME = ChannelConnection("acme", "cloudevents", SECRET, {})
UNSIGNED = replace(ACME, options={"unsigned_kafka": True})
MODES = pytest.mark.parametrize("mode", [structured, binary])
Mode = Callable[[Mapping[str, Any]], tuple[Headers, bytes]]


def record(headers: Headers, value: bytes | None, at: datetime = AT) -> InboundRecord:
    return InboundRecord("upstairs.inbound.v1", 0, 7, at, b"T-1", headers, value)


def signed(mode: Mode, content: Mapping[str, Any] | None = None, **how: Any) -> InboundRecord:
    headers, value = mode(content or event())
    return record(sign(headers, value, AT, **how), value)


def refusal(of: InboundRecord, connection: ChannelConnection | None = ACME) -> str:
    with pytest.raises(RecordRefusedError) as refused:
        verify_record(connection, read_record(of))
    return refused.value.code


def change(of: InboundRecord, name: str, value: bytes) -> InboundRecord:
    headers = [(each, value if each == name else old) for each, old in of.headers]
    return replace(of, headers=headers)


@MODES
def test_signed_record_is_the_event_that_http_would_take(mode: Mode) -> None:
    read = read_record(signed(mode, event(id="100% é")))
    verify_record(ACME, read)
    (opened,) = CloudEvents().parse(ACME, read.request)
    assert isinstance(opened, ContactOpened)
    assert (opened.event_id, opened.contact.ref) == ("/shop/100% é", "T-1")


@MODES
def test_record_of_another_secret_or_connection_is_refused_alike(mode: Mode) -> None:
    assert refusal(signed(mode, secret="another-secret-of-a-test")) == "signature-refused"
    assert refusal(signed(mode), None) == "signature-refused"
    assert refusal(replace(signed(mode), value=b'{"contact": {"ref": "T-9"}}')) in (
        "signature-refused",
        "malformed",
    )


def test_signature_covers_every_attribute_in_binary_mode() -> None:
    written = signed(binary)
    for name, _ in written.headers:
        if name.startswith("ce_"):
            assert refusal(change(written, name, b"forged")) == "signature-refused"
    added = replace(written, headers=[*written.headers, ("ce_time", b"2026-11-28T10:00:00Z")])
    assert refusal(added) == "signature-refused"


def test_signature_of_one_mode_has_no_meaning_in_the_other() -> None:
    as_structured = change(signed(binary), "content-type", b"application/cloudevents+json")
    assert refusal(as_structured) in ("signature-refused", "malformed")
    as_binary = change(signed(structured), "content-type", b"application/json")
    attributes = [(f"ce_{name}", b"forged") for name in ("id", "source", "type")]
    forged = replace(as_binary, headers=[*as_binary.headers, *attributes])
    assert refusal(forged) == "signature-refused"


@MODES
def test_record_may_wait_in_kafka_but_not_before(mode: Mode) -> None:
    written = signed(mode)
    verify_record(ACME, read_record(replace(written, at=AT + timedelta(minutes=4))))
    late = replace(written, at=AT + timedelta(minutes=6))
    assert refusal(late) == "stale-signature"


@MODES
def test_unsigned_record_needs_a_connection_that_admits_it(mode: Mode) -> None:
    headers, value = mode(event())
    unsigned = record([*headers, ("upstairs-connection", b"acme")], value)
    assert refusal(unsigned) == "signature-refused"
    assert verify_record(UNSIGNED, read_record(unsigned)) is UNSIGNED
    forged = signed(mode, secret="another-secret-of-a-test")
    assert refusal(forged, UNSIGNED) == "signature-refused"


@pytest.mark.parametrize("name", [b"", b"no name", b"a\x00b", b"\xff", b"x" * 101])
def test_connection_must_be_named(name: bytes) -> None:
    written = change(signed(structured), "upstairs-connection", name)
    assert refusal(written) in ("no-connection", "malformed")


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ([("content-type", b"application/cloudevents+json")], None),
        ([("content-type", b"application/cloudevents+json")], b""),
        ([("content-type", b"application/cloudevents+json")], b" [{}]"),
        ([("content-type", b"application/cloudevents+avro")], b"{}"),
        ([("content-type", b"application/cloudevents-batch+json")], b"[]"),
        ([], b"{}"),
        ([("ce_id", b"e-1"), ("ce_type", b"x")], b"{}"),
        ([("ce_id", b"e-1"), ("CE_ID", b"e-2")], b"{}"),
        ([("ce_id", b"e\nce_type: forged"), ("ce_type", b"x"), ("ce_source", b"/")], b"{}"),
        ([("ce_id", b"\xff")], b"{}"),
        ([("ce_id", None)], b"{}"),
    ],
)
def test_record_without_cloud_event_is_refused(headers: Headers, value: bytes | None) -> None:
    assert refusal(record([("upstairs-connection", b"acme"), *headers], value)) == "malformed"


def test_headers_of_others_are_no_concern() -> None:
    written = signed(structured)
    traced = [("x-trace", b"\xff"), ("x-trace", b"\x00"), *written.headers]
    verify_record(ACME, read_record(replace(written, headers=traced)))

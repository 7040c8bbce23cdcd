"""Contracts: what is refused and with which words, what is cut, and how pydantic meets them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec
import pytest
from msgspec import structs
from pydantic import TypeAdapter, ValidationError

from common.contracts import EVENTS
from common.contracts.contacts import ContactReceived, Customer
from common.contracts.contract import Contract, FieldError, Instant
from common.contracts.decoding import ContractViolationError, from_data, from_json
from common.contracts.escalations import EscalationClosed, EscalationResolved, PagedCause
from common.contracts.event import ContactId, CustomerId, EscalationId, PersonId
from common.contracts.page_subjects import PagedApproval
from common.contracts.texts import NOTE_LENGTH, REASON_LENGTH, ReasonText
from common.core.ids import new_id

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class Part(Contract):
    count: int
    mood: Literal["calm", "angry"] | None = None


class Whole(Contract):
    at: Instant
    flag: bool = False
    share: float | None = None
    amount: Decimal | None = None
    label: str = ""
    parts: tuple[Part, ...] = ()
    details: Mapping[str, str] = {}
    reason: ReasonText | None = None


GOOD: dict[str, Any] = {"at": "2026-03-02T09:30:00Z"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"at": "noon"}, "at: must be a date and a time with its zone"),
        ({"at": "2026-03-02T09:30:00"}, "at: must be a date and a time with its zone"),
        ({"at": 1}, "at: must be a date and a time with its zone"),
        ({"at": "1969-12-31T00:00:00Z"}, "at: must be from 1970-01-02 to before 2200"),
        ({"flag": 1}, "flag: must be true or false"),
        ({"share": "1"}, "share: must be a number"),
        ({"amount": "much"}, "amount: must be a number"),
        ({"label": None}, "label: must be a text"),
        ({"parts": {}}, "parts: must be a list"),
        ({"parts": [{"count": 1}, 2]}, "parts/1: must be an object with named fields"),
        ({"parts": [{"count": "1"}]}, "parts/0/count: must be a whole number"),
        ({"parts": [{"count": True}]}, "parts/0/count: must be a whole number"),
        ({"parts": [{}]}, "parts/0/count: is missing"),
        ({"parts": [{"count": 1, "mood": "furious"}]}, "parts/0/mood: must be 'angry' or 'calm'"),
        ({"details": {"phone": 1}}, "details: must be a text"),
        (
            {"flag": "yes", "label": 1},
            "flag: must be true or false; label: must be a text",
        ),
    ],
)
def test_violation_is_said_in_words_with_its_place(fields: dict[str, Any], words: str) -> None:
    content = {**GOOD, **fields}
    with pytest.raises(ContractViolationError) as refused:
        from_json(Whole, msgspec.json.encode(content))
    assert str(refused.value).startswith(f"data at {words}")
    assert "furious" not in str(refused.value)
    with pytest.raises(ContractViolationError) as refused_as_data:
        from_data(Whole, content)
    assert str(refused_as_data.value) == str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "the value is not JSON: Input data was truncated"),
        (b"{", "the value is not JSON: "),
        (b'{"label": 1, "at"', "the value is not JSON: "),
        (b'{"at": "\xff"}', "the value is not JSON: "),
        (b'{"unknown": ' + b"[" * 100_000, "the value is not JSON: "),
        (b"[]", "data at its root: must be an object with named fields"),
        (b"{}", "data at at: is missing"),
    ],
)
def test_value_that_is_no_object_of_json_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(ContractViolationError) as refused:
        from_json(Whole, text)
    assert str(refused.value).startswith(words)


def test_default_is_not_written_and_is_read_again() -> None:
    whole = Whole(at=AT, parts=(Part(count=1), Part(count=2, mood="calm")))
    written = msgspec.json.encode(whole)
    parts = [{"count": 1}, {"count": 2, "mood": "calm"}]
    assert msgspec.json.decode(written) == {**GOOD, "parts": parts}
    assert from_json(Whole, written) == whole


def test_answer_has_every_field() -> None:
    whole = Whole(at=AT, parts=(Part(count=1),))
    assert TypeAdapter(Whole).dump_python(whole, mode="json") == {
        "at": "2026-03-02T09:30:00Z",
        "flag": False,
        "share": None,
        "amount": None,
        "label": "",
        "parts": [{"count": 1, "mood": None}],
        "details": {},
        "reason": None,
    }


def test_longest_message_is_bounded() -> None:
    class Wide(Contract):
        first: dict[str, int]

    with pytest.raises(ContractViolationError) as refused:
        from_data(Wide, {"first": {"x" * 5000: "y" * 5000}})
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize("length", [REASON_LENGTH - 1, REASON_LENGTH, REASON_LENGTH + 1, 9000])
def test_longer_text_is_cut_however_it_comes(length: int) -> None:
    text = "x" * length
    made = Whole(at=AT, reason=text)
    read = from_data(Whole, {**GOOD, "reason": text})
    replaced = structs.replace(Whole(at=AT), reason=text)
    assert made == read == replaced
    assert made.reason is not None
    assert len(made.reason) == min(length, REASON_LENGTH)
    assert made.reason.endswith("…") == (length > REASON_LENGTH)


def test_text_of_a_part_is_cut_to_its_own_length() -> None:
    approval = PagedApproval(
        by=PersonId("ben"), outcome="refund", amount=Decimal(9), currency="EUR", note="n" * 9000
    )
    assert len(approval.note) == NOTE_LENGTH


def test_time_out_of_range_is_refused_where_it_is_made() -> None:
    late = datetime(2200, 1, 1, tzinfo=UTC)
    with pytest.raises(FieldError, match="due_at must be from 1970-01-02"):
        PagedCause(cause="breach", reason="", at=AT, due_at=late)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
def test_amount_is_a_number(amount: str) -> None:
    fields = {
        "contact_id": ContactId(new_id()),
        "escalation_id": EscalationId(new_id()),
        "occurred_at": AT,
        "by": "ben",
        "outcome": "refund",
        "note": "",
        "level": 0,
        "amount": amount,
    }
    with pytest.raises(ContractViolationError, match="data at amount: must be a number"):
        from_data(EscalationResolved, fields)


@pytest.mark.parametrize("kind", EVENTS)
def test_every_event_is_frozen_and_out_of_the_collectors_sight(kind: type[Contract]) -> None:
    assert kind.__struct_config__.frozen
    assert not kind.__struct_config__.gc
    assert "occurred_at" in kind.instants


@dataclass(frozen=True)
class Stored:
    customer: Customer
    parts: tuple[Part, ...]


def test_pydantic_reads_and_writes_what_has_contracts_in_it() -> None:
    adapter = TypeAdapter(Stored)
    stored = Stored(Customer(customer_id=CustomerId("shop:1"), tier="vip"), (Part(count=1),))
    assert adapter.validate_json(adapter.dump_json(stored)) == stored
    assert adapter.validate_python({"customer": stored.customer, "parts": stored.parts}) == stored
    schema = adapter.json_schema()
    assert schema["properties"]["customer"] == {"$ref": "#/$defs/Customer"}
    assert schema["$defs"]["Customer"]["required"] == ["customer_id"]
    with pytest.raises(ValidationError, match="customer_id"):
        adapter.validate_python({"customer": {}, "parts": []})


def test_field_of_a_newer_producer_is_ignored_at_every_depth() -> None:
    content = {
        "contact_id": new_id(),
        "occurred_at": "2026-03-02T09:30:00Z",
        "channel": "chat",
        "customer": {"customer_id": "c", "shoe_size": 44},
        "subject": "",
        "topic_of_contact": "billing",
        "language": "en",
        "priority": "low",
        "mood": {"of": ["the", "day"]},
    }
    event = from_json(ContactReceived, msgspec.json.encode(content))
    assert event.customer == Customer(customer_id=CustomerId("c"))


@pytest.mark.parametrize(
    "newer",
    [
        {"code": "brand-new"},
        {"code": "contact-discarded", "discarded_as": "brand-new"},
        {"code": "escalation-ended", "state": 7},
        {"code": "priority-changed", "before": "low", "after": "brand-new"},
        {},
        "brand-new",
    ],
    ids=str,
)
def test_explanation_of_a_newer_service_gives_way_to_its_text(newer: Any) -> None:
    event_fields = {
        "contact_id": new_id(),
        "occurred_at": "2026-03-02T09:30:00Z",
        "reason": "It ended",
    }
    event = {**event_fields, "escalation_id": new_id(), "change_reason": newer}
    for closed in (
        from_json(EscalationClosed, msgspec.json.encode(event)),
        from_data(EscalationClosed, event),
    ):
        assert (closed.reason, closed.change_reason) == ("It ended", None)
    # All else is read as strictly as before.
    with pytest.raises(ContractViolationError, match="escalation_id: is missing"):
        from_data(EscalationClosed, {**event_fields, "change_reason": newer})


def test_explanation_that_can_be_read_is_kept() -> None:
    event = {
        "contact_id": new_id(),
        "occurred_at": "2026-03-02T09:30:00Z",
        "escalation_id": new_id(),
        "reason": "It ended",
        "change_reason": {"code": "we-replied", "brand_new": 1},
    }
    closed = from_data(EscalationClosed, event)
    assert closed.change_reason
    assert closed.change_reason.code == "we-replied"

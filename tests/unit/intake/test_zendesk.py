"""Zendesk's signature and its tickets, as documented and as captured."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.contracts.event import PersonId
from intake.channels import zendesk
from intake.channels.zendesk import BadSignature, Stale, Told
from unit.intake.examples import delivery

# A vector whose three parts Zendesk's own examples give; recomputed by hand.
SECRET = "HRkRd4BeOAoUkfZr-mhauJT64rvBASlJRoIyPsd3zeA="
SIGNED_AT = "2021-07-25T10:00:00Z"
BODY = b'{"say": "hello"}'
SIGNATURE = "Rry/4TtIdFyawtXXp8QdI6tlAUUQ/5kL1OTp5qo/ZIk="
# An old page signs body + timestamp; that is another signature, and not a valid one.
OLD_PAGE_SIGNATURE = "tRDSF7UR"
NOW = datetime(2021, 7, 25, 10, 0, 1, tzinfo=UTC)


def headers(signature: str = SIGNATURE, signed_at: str = SIGNED_AT) -> dict[str, str]:
    return {
        "x-zendesk-webhook-signature": signature,
        "x-zendesk-webhook-signature-timestamp": signed_at,
    }


def test_the_known_signature_is_accepted() -> None:
    zendesk.verify(SECRET, headers(), BODY, NOW)


@pytest.mark.parametrize(
    ("given", "body"),
    [
        (headers(signature=OLD_PAGE_SIGNATURE), BODY),
        (headers(signature=""), BODY),
        (headers(signed_at="2021-07-25T10:00:01Z"), BODY),
        (headers(), BODY + b" "),
        ({}, BODY),
    ],
)
def test_any_other_signature_is_refused(given: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadSignature):
        zendesk.verify(SECRET, given, body, NOW)


@pytest.mark.parametrize("away", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_a_right_signature_of_another_time_is_refused(away: timedelta) -> None:
    with pytest.raises(Stale):
        zendesk.verify(SECRET, headers(), BODY, NOW + away)


def test_captured_oddities_are_read() -> None:
    ticket = delivery().detail
    assert (ticket.id, ticket.tags, zendesk.priority(ticket)) == ("5158", (), "normal")
    loud = ticket.model_copy(update={"priority": "URGENT", "tags": ("x", "invoice")})
    assert zendesk.priority(loud) == "urgent"
    assert zendesk.by_tag(loud, {"invoice": "billing"}, "general") == "billing"
    assert zendesk.by_tag(ticket, {"invoice": "billing"}, "general") == "general"


@pytest.mark.parametrize(
    ("kind", "event", "expected"),
    [
        ("ticket.created", {}, Told("created")),
        (
            "ticket.comment_added",
            {"comment": {"body": "Hi", "author": {"id": 9, "is_staff": False}}},
            Told("customer_wrote", text="Hi"),
        ),
        (
            "ticket.comment_added",
            {"comment": {"body": "Hello", "author": {"id": 9, "is_staff": True}}},
            Told("replied", text="Hello", person_id=PersonId("zendesk:9")),
        ),
        (
            "ticket.comment_added",
            {"comment": {"body": "psst", "is_public": False, "author": {"is_staff": True}}},
            Told("other"),
        ),
        ("ticket.status_changed", {"current": "SOLVED", "previous": "OPEN"}, Told("resolved")),
        ("ticket.status_changed", {"current": "open", "previous": "solved"}, Told("reopened")),
        ("ticket.status_changed", {"current": "PENDING"}, Told("waiting")),
        ("ticket.priority_changed", {"current": "HIGH"}, Told("prioritized", priority="high")),
        ("ticket.tags_changed", {"current": ["vip"]}, Told("other")),
    ],
)
def test_a_delivery_in_our_words(kind: str, event: dict[str, Any], expected: Told) -> None:
    assert zendesk.told(delivery(type=f"zen:event-type:{kind}", event=event)) == expected

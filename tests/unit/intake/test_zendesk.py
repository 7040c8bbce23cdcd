"""Zendesk's signature and its tickets, as documented and as captured."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.http.webhooks import BadSignatureError, StaleRequestError
from intake.channels import zendesk
from intake.channels.base import (
    ChannelEvent,
    ContactOpened,
    ContactSetPending,
    ContactSolved,
    CustomerMessageAdded,
    PriorityChanged,
    RepresentativeMessageAdded,
    SolvedContactReopened,
    UnrelatedUpdate,
    WebhookRequest,
)
from intake.channels.zendesk import Zendesk
from intake.domain.model import ChannelConnection
from unit.intake.examples import zendesk_connection, zendesk_delivery

# A vector whose three parts Zendesk's own examples give; recomputed by hand.
SECRET = "HRkRd4BeOAoUkfZr-mhauJT64rvBASlJRoIyPsd3zeA="
SIGNED_AT = "2021-07-25T10:00:00Z"
BODY = b'{"say": "hello"}'
SIGNATURE = "Rry/4TtIdFyawtXXp8QdI6tlAUUQ/5kL1OTp5qo/ZIk="
# An old page signs body + timestamp; that is another signature, and not a valid one.
OLD_PAGE_SIGNATURE = "tRDSF7UR"
NOW = datetime(2021, 7, 25, 10, 0, 1, tzinfo=UTC)
CONTACT = zendesk.external_contact(zendesk_delivery().detail, zendesk_connection())


def headers(signature: str = SIGNATURE, signed_at: str = SIGNED_AT) -> dict[str, str]:
    return {
        "x-zendesk-webhook-signature": signature,
        "x-zendesk-webhook-signature-timestamp": signed_at,
    }


def verify(sent: dict[str, str], body: bytes = BODY, now: datetime = NOW) -> None:
    connection = ChannelConnection("acme", "zendesk", SECRET, {})
    Zendesk().verify(connection, WebhookRequest(sent, body), now)


def test_documented_signature_is_accepted() -> None:
    verify(headers())


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (headers(signature=OLD_PAGE_SIGNATURE), BODY),
        (headers(signature=""), BODY),
        (headers(signed_at="2021-07-25T10:00:01Z"), BODY),
        (headers(), BODY + b" "),
        ({}, BODY),
    ],
)
def test_any_other_signature_is_refused(sent: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadSignatureError):
        verify(sent, body)


@pytest.mark.parametrize("away", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_right_signature_of_another_time_is_refused(away: timedelta) -> None:
    with pytest.raises(StaleRequestError):
        verify(headers(), now=NOW + away)


def test_captured_numbers_capitals_and_nulls_are_read() -> None:
    assert (CONTACT.ref, CONTACT.topic, CONTACT.priority) == ("5158", "general", "normal")
    loud = zendesk_delivery().detail.model_copy(
        update={"priority": "URGENT", "tags": ("x", "invoice")}
    )
    connection = zendesk_connection(topic_by_tag={"invoice": "billing"})
    contact = zendesk.external_contact(loud, connection)
    assert (contact.priority, contact.topic) == ("urgent", "billing")


@pytest.mark.parametrize(
    ("kind", "event", "expected"),
    [
        ("ticket.created", {}, (ContactOpened,)),
        (
            "ticket.comment_added",
            {"comment": {"body": "Hi", "author": {"id": 9, "is_staff": False}}},
            (CustomerMessageAdded, "Hi"),
        ),
        (
            "ticket.comment_added",
            {"comment": {"body": "Hello", "author": {"id": 9, "is_staff": True}}},
            (RepresentativeMessageAdded, "Hello", "9"),
        ),
        (
            "ticket.comment_added",
            {"comment": {"body": "psst", "is_public": False, "author": {"is_staff": True}}},
            (UnrelatedUpdate,),
        ),
        (
            "ticket.comment_added",
            {"comment": {"body": None, "author": {"id": 9, "is_staff": False}}},
            (UnrelatedUpdate,),
        ),
        (
            "ticket.status_changed",
            {"current": "SOLVED", "previous": "OPEN"},
            (ContactSolved, "solved in Zendesk"),
        ),
        (
            "ticket.status_changed",
            {"current": "open", "previous": "solved"},
            (SolvedContactReopened, "reopened in Zendesk"),
        ),
        ("ticket.status_changed", {"current": "PENDING"}, (ContactSetPending,)),
        ("ticket.status_changed", {"current": "open", "previous": "new"}, (UnrelatedUpdate,)),
        (
            "ticket.priority_changed",
            {"current": "HIGH"},
            (PriorityChanged, "high", "changed in Zendesk"),
        ),
        ("ticket.tags_changed", {"current": ["vip"]}, (UnrelatedUpdate,)),
    ],
)
def test_delivery_becomes_a_channel_event(
    kind: str, event: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    delivery = zendesk_delivery(type=f"zen:event-type:{kind}", event=event)
    kind_of_event, *fields = expected
    wanted: ChannelEvent = kind_of_event("e-1", f"zen:event-type:{kind}", CONTACT, *fields)
    assert zendesk.channel_event(delivery, CONTACT) == wanted


@pytest.mark.parametrize(
    ("current", "expected"), [("URGENT", "urgent"), ("low", "low"), (None, "normal"), (7, "normal")]
)
def test_changed_priority_is_read_in_any_spelling(current: object, expected: str) -> None:
    changed = zendesk_delivery(
        type="zen:event-type:ticket.priority_changed", event={"current": current}
    )
    event = zendesk.channel_event(changed, CONTACT)
    assert isinstance(event, PriorityChanged)
    assert event.priority == expected

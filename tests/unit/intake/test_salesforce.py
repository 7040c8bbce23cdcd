"""Outbound Messages of Salesforce: many cases in one envelope, whatever fields were chosen."""

from datetime import UTC, datetime
from typing import Any

import pytest

from common.http.webhooks import BadSignatureError
from intake.channels.base import (
    ChannelEvent,
    ContactDiscarded,
    ContactOpened,
    ContactSetOpen,
    ContactSetPending,
    ContactSolved,
    CustomerMessageAdded,
    MalformedBodyError,
    PriorityChanged,
    RepresentativeMessageAdded,
    SupervisorRequested,
    UnreadablePart,
    WebhookRequest,
)
from intake.channels.salesforce import Salesforce
from intake.domain.model import ChannelConnection
from integration.intake.outbound_messages import ORGANIZATION, envelope, record

SECRET = "a-secret-of-a-test-7f3c"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def connection(**options: Any) -> ChannelConnection:
    return ChannelConnection(
        "acme", "salesforce", SECRET, {"organization": ORGANIZATION, **options}
    )


def read(body: bytes, **options: Any) -> list[ChannelEvent | UnreadablePart]:
    return Salesforce().parse(connection(**options), WebhookRequest({}, body))


def read_case(fields: dict[str, str], **options: Any) -> list[ChannelEvent]:
    parts = read(envelope(record(**{"Id": "500A", **fields})), **options)
    return [part for part in parts if not isinstance(part, UnreadablePart)]


def test_case_is_taken_over_with_the_fields_that_were_chosen() -> None:
    opened, state, priority = read_case(
        {
            "CaseNumber": "00001042",
            "ContactId": "003A",
            "Subject": "Boiler &amp; heater",
            "Description": "No hot water.",
            "Status": "WORKING",
            "Priority": "HIGH",
            "Origin": "Phone",
            "Type": "Repair;Heating",
            "LastModifiedDate": "2026-11-28T10:00:00.000Z",
        },
        topic_by_tag={"type=heating": "repairs"},
        tier_by_tag={"ContactId=003A": "vip"},
    )
    assert isinstance(opened, ContactOpened)
    contact = opened.contact
    assert (contact.ref, contact.channel, contact.subject) == ("500A", "call", "Boiler & heater")
    assert (contact.topic, contact.customer.customer_id, contact.customer.tier) == (
        "repairs",
        "003A",
        "vip",
    )
    assert contact.first_message is not None
    assert contact.first_message.text == "No hot water."
    assert isinstance(state, ContactSetOpen)
    assert isinstance(priority, PriorityChanged)
    assert priority.priority == "high"
    assert opened.moment is not None
    assert opened.moment.at == datetime(2026, 11, 28, 10, tzinfo=UTC)
    assert len({opened.event_id, state.event_id, priority.event_id}) == 3


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Status": "Closed"}, ContactSolved),
        ({"Status": "Done here", "IsClosed": "true"}, ContactSolved),
        ({"Status": "On Hold"}, ContactSetOpen),
        ({"Status": "Waiting on Customer"}, ContactSetPending),
        ({"Status": "A status of ours"}, ContactSetOpen),
        ({"Status": "Parts ordered"}, ContactSetPending),
        ({"IsDeleted": "true"}, ContactDiscarded),
    ],
)
def test_status_becomes_a_state(fields: dict[str, str], expected: type) -> None:
    events = read_case(fields, state_by_tag={"Status=Parts ordered": "waiting_on_customer"})
    assert [type(event) for event in events] == [ContactOpened, expected]


def test_case_that_is_closed_was_closed_when_it_says_so() -> None:
    """A later change of another field must not end again what the customer opened meanwhile."""
    _, solved = read_case(
        {
            "Status": "Closed",
            "ClosedDate": "2026-11-28T09:00:00.000Z",
            "LastModifiedDate": "2026-11-28T11:00:00.000Z",
        }
    )
    assert solved.moment is not None
    assert solved.moment.at.hour == 9


def test_escalated_case_asks_for_a_supervisor_once() -> None:
    requests = [
        event
        for notification in ("04l1", "04l2")
        for event in read(envelope(record(notification=notification, Id="5A", IsEscalated="true")))
        if isinstance(event, SupervisorRequested)
    ]
    assert len(requests) == 2
    assert requests[0].event_id == requests[1].event_id


def test_mail_and_comment_belong_to_their_case() -> None:
    mail, comment = read(
        envelope(
            record(
                "EmailMessage", "04l1", Id="02s", ParentId="5A", TextBody="Hello", Incoming="true"
            ),
            record(
                "CaseComment", "04l2", Id="00a", ParentId="5A", CommentBody="A", IsPublished="false"
            ),
        )
    )
    assert isinstance(mail, CustomerMessageAdded)
    assert isinstance(comment, RepresentativeMessageAdded)
    assert (mail.contact.ref, comment.contact.ref, comment.internal) == ("5A", "5A", True)


def test_notification_without_id_does_not_hold_up_the_others() -> None:
    parts = read(
        envelope(record(Id="5A"), record(Subject="No id"), record(notification="", Id="5B"))
    )
    assert [type(part) for part in parts] == [ContactOpened, UnreadablePart, UnreadablePart]


def test_records_of_other_kinds_are_ignored() -> None:
    assert read(envelope(record("Account", Id="001A"))) == []


def test_hundred_cases_are_hundred_contacts() -> None:
    cases = [record(notification=f"04l{number}", Id=f"500{number}") for number in range(100)]
    assert len(read(envelope(*cases))) == 100


def test_document_type_is_refused() -> None:
    body = b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + envelope(record(Id="5A"))
    with pytest.raises(MalformedBodyError, match="document type"):
        read(body)


@pytest.mark.parametrize("body", [b"<a/>", b"<", b"<a>" * 9, b'<?xml encoding="none"?><a/>'])
def test_body_that_is_no_message_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        read(body)


def verify(body: bytes, **request: Any) -> None:
    Salesforce().verify(connection(), WebhookRequest({}, body, **request), NOW)


def test_secret_in_path_or_query_is_a_proof() -> None:
    verify(envelope(), path_secret=SECRET)
    verify(envelope(), url=f"https://x.example/v1/channels/salesforce/acme?key={SECRET}")
    # Salesforce may write the short form of its ids.
    verify(envelope(organization=ORGANIZATION[:15]), path_secret=SECRET)


@pytest.mark.parametrize(
    "request_fields", [{}, {"path_secret": "guess"}, {"path_secret": ""}, {"url": "https://x?k="}]
)
def test_wrong_secret_is_refused(request_fields: dict[str, str]) -> None:
    with pytest.raises(BadSignatureError):
        verify(envelope(), **request_fields)


def test_other_organization_is_refused() -> None:
    """A copy of an organization for tests has the same address and secret."""
    with pytest.raises(BadSignatureError):
        verify(envelope(organization="00D000000000001AAA"), path_secret=SECRET)

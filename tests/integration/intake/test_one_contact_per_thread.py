"""Of every kind of channel a ticket, thread or call is one contact, and the next one follows it."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from common.storage.database import Database
from intake.channel_events import apply_events
from intake.channels.base import CaseToRead, ChannelEvent, UnreadablePart, WebhookRequest
from intake.channels.mail import MailOptions, mail_events, read_raw_mail
from intake.channels.registry import CHANNELS
from intake.domain.customers import CustomerNamespaces
from intake.domain.model import ChannelConnection
from intake.domain.understanding.signs import SignReader, standard_rules
from intake.event_preparation import prepare_events
from intake.store import UnitOfWork
from integration.intake.harness import published_data
from integration.intake.outbound_messages import ORGANIZATION, envelope, record

FORM = {"content-type": "application/x-www-form-urlencoded"}
NAMESPACES = CustomerNamespaces({}, follows_within=timedelta(days=7))

# The parts of one thread, and after them the first part of another one of the same customer.
Parts = Sequence[list[ChannelEvent]]


def parse(kind: str, body: bytes, headers: dict[str, str] | None = None) -> list[ChannelEvent]:
    options = {"organization": ORGANIZATION} if kind == "salesforce" else {}
    connection = ChannelConnection("acme", kind, "a-secret", options)
    parts = CHANNELS[kind].parse(connection, WebhookRequest(headers or {}, body))
    return [part for part in parts if not isinstance(part, UnreadablePart | CaseToRead)]


def mails() -> Parts:
    heads = (
        "Message-ID: <a@x>",
        "Message-ID: <b@x>\r\nReferences: <a@x>",
        "Message-ID: <c@x>\r\nIn-Reply-To: <a@x>",
        "Message-ID: <d@x>",
    )
    raw = (f"From: ada@example.org\r\n{head}\r\n\r\nText of {head}\r\n" for head in heads)
    return [
        mail_events(read_raw_mail(each.encode()), MailOptions(), f"e-{number}", None)
        for number, each in enumerate(raw)
    ]


def calls() -> Parts:
    calls = (
        {"CallSid": "CA1", "CallStatus": "ringing"},
        {"CallSid": "CA1", "Digits": "1", "CallStatus": "in-progress"},
        {"CallSid": "CA2", "ParentCallSid": "CA1", "CallStatus": "ringing"},
        {"CallSid": "CA3", "CallStatus": "ringing"},
    )
    numbers = {"From": "+442079460018", "To": "+18005550100"}
    return [parse("twilio", urlencode({**numbers, **call}).encode(), FORM) for call in calls]


def text_messages() -> Parts:
    sent = (("SM1", "+18005550100"), ("SM2", "+18005550100"), ("SM3", "+18005550199"))
    messages = (
        {"MessageSid": sid, "From": "+442079460018", "To": to, "Body": sid} for sid, to in sent
    )
    return [parse("twilio", urlencode(message).encode(), FORM) for message in messages]


def slack_threads() -> Parts:
    times = (("100.1", None), ("101.1", "100.1"), ("102.1", "100.1"), ("103.1", None))
    messages = (
        {"type": "message", "channel": "C1", "user": "U1", "text": ts, "ts": ts, "thread_ts": root}
        for ts, root in times
    )
    return [
        parse("slack", json.dumps({"type": "event_callback", "event": message}).encode())
        for message in messages
    ]


def zendesk_tickets() -> Parts:
    tickets = ((1, "d-1", "created"), (1, "d-2", "status_changed"), (2, "d-3", "created"))
    return [
        parse(
            "zendesk",
            json.dumps(
                {
                    "id": delivery,
                    "type": f"zen:event-type:ticket.{change}",
                    "detail": {"id": ticket, "requester_id": 7},
                    "event": {"current": "OPEN"},
                }
            ).encode(),
        )
        for ticket, delivery, change in tickets
    ]


def salesforce_cases() -> Parts:
    cases = (("500A", "04l1"), ("500A", "04l2"), ("500B", "04l3"))
    records = (
        record(notification=notification, Id=case, ContactId="003A") for case, notification in cases
    )
    return [parse("salesforce", envelope(each)) for each in records]


def dynamics_cases() -> Parts:
    def context(number: int, operation: str) -> bytes:
        case = f"7a1c9e52-40d1-4f3b-8a55-c1f0e2d3b4a{number}"
        customer = {"key": "customerid", "value": {"Id": "0e4b7c11-2f6a-4b8e-9a3d-5c6d7e8f9a0b"}}
        target = {"Id": case, "Attributes": [customer]}
        return json.dumps(
            {
                "MessageName": "Create",
                "PrimaryEntityName": "incident",
                "PrimaryEntityId": case,
                "OperationId": operation,
                "InputParameters": [{"key": "Target", "value": target}],
            }
        ).encode()

    cases = ((1, "o-1"), (1, "o-2"), (2, "o-3"))
    return [parse("dynamics", context(*case)) for case in cases]


def own_events() -> Parts:
    events = (("T-7", "contact_received"), ("T-7", "message_added"), ("T-8", "contact_received"))
    return [
        parse(
            "webhook",
            json.dumps(
                {
                    "type": kind,
                    "data": {
                        "contact": {"ref": ref, "customer": {"id": "c-7"}},
                        "message": {"id": f"{ref} {kind}", "text": kind},
                    },
                }
            ).encode(),
            {"webhook-id": f"{ref} {kind}", "webhook-timestamp": "1614265330"},
        )
        for ref, kind in events
    ]


@pytest.mark.parametrize(
    "read",
    [
        *(mails, calls, text_messages, slack_threads, zendesk_tickets),
        *(salesforce_cases, dynamics_cases, own_events),
    ],
)
async def test_thread_is_one_contact_and_the_next_thread_follows_it(
    database: Database[UnitOfWork], read: Callable[[], Parts]
) -> None:
    connection = ChannelConnection("acme", "any", "a-secret", {})
    signs = SignReader(standard_rules())
    contact_ids = []
    for events in read():
        prepared = prepare_events(connection, events, NAMESPACES, signs)
        async with database.transaction() as uow:
            applied = await apply_events(connection, prepared, uow)
        contact_ids.append({each.contact_id for each in applied})
    *first, last = contact_ids
    assert len(set().union(*first)) == 1
    first_contact, second_contact = await published_data(database, "contact_received")
    assert {first_contact["contact_id"]} == first[0]
    assert {second_contact["contact_id"]} == last
    assert (first_contact["follows"], second_contact["follows"]) == (
        None,
        first_contact["contact_id"],
    )

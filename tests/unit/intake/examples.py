"""Contacts and messages that the tests share."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from common.contracts.event import ContactId, CustomerId, MessageId, PersonId, SystemName
from intake.channels.base import ChannelEvent, WebhookRequest
from intake.channels.zendesk import Zendesk
from intake.domain.model import Author, ChannelConnection, Contact, Message

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
SARA, RITA = PersonId("sara"), PersonId("rita")
CONTACT = Contact(
    contact_id=ContactId("01a200f7-13bd-749f-a0af-38154619ae68"),
    state="open",
    channel="chat",
    received_from=SystemName("channel:shop"),
    external_ref=None,
    customer_id=CustomerId("c-1"),
    subject="Lost parcel",
    topic="shipping",
    language="en",
    priority="normal",
    received_at=AT,
    changed_at=AT,
)
WAITING = replace(CONTACT, state="waiting_on_customer")
RESOLVED = replace(CONTACT, state="resolved", resolved_at=AT, resolved_by=RITA, resolution_no=1)
ABANDONED = replace(CONTACT, state="abandoned")


def message(text: str, author: Author = "customer", *, automatic: bool = False) -> Message:
    return Message(MessageId("m"), CONTACT.contact_id, author, None, text, AT, automatic)


def zendesk_connection(**options: Any) -> ChannelConnection:
    return ChannelConnection("acme", "zendesk", "a-signing-secret", options)


def zendesk_body(
    kind: str = "ticket.created", ticket: Mapping[str, Any] | None = None, **event: Any
) -> dict[str, Any]:
    """Return a webhook about a ticket of the customer 8400; `ticket` and `event` change it."""
    usual = {
        "id": "5158",
        "subject": "Invoice",
        "status": "OPEN",
        "priority": "LOW",
        "requester_id": "8400",
        "submitter_id": "8400",
    }
    return {
        "id": "e-1",
        "type": f"zen:event-type:{kind}",
        "time": "2026-11-22T10:00:00.672717030Z",
        "subject": "zen:ticket:5158",
        "detail": {**usual, **(ticket or {})},
        "event": event,
    }


def zendesk_events(body: object, **options: Any) -> list[ChannelEvent]:
    """Read the webhook as the connection with these options does."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Zendesk().parse(zendesk_connection(**options), WebhookRequest({}, content))

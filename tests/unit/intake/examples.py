"""A contact for the intake's unit tests."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from common.contracts.event import ContactId, CustomerId
from intake.channels.zendesk import Delivery
from intake.domain import Contact

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
CONTACT = Contact(
    contact_id=ContactId("01a200f7-13bd-749f-a0af-38154619ae68"),
    state="open",
    channel="chat",
    connection=None,
    external_ref=None,
    customer_id=CustomerId("c-1"),
    subject="Lost parcel",
    topic="shipping",
    language="en",
    priority="normal",
    received_at=AT,
)

RESOLVED = replace(CONTACT, state="resolved", resolved_at=AT)


def delivery(**changes: Any) -> Delivery:
    ticket = {"id": 5158, "subject": "Invoice", "status": "OPEN", "priority": None, "tags": None}
    return Delivery.model_validate(
        {
            "id": "e-1",
            "type": "zen:event-type:ticket.created",
            "detail": ticket,
            "event": {},
            **changes,
        }
    )

"""What happens to a contact, so many seconds after it was received."""

from datetime import timedelta
from typing import Any

from common.contracts.contacts import (
    ContactReceived,
    CustomerWrote,
    RepresentativeReplied,
    WaitingOnCustomer,
)
from common.contracts.event import Event, MessageId


def waits(contact: ContactReceived, after: float) -> Event:
    return WaitingOnCustomer(contact_id=contact.contact_id, occurred_at=later(contact, after))


def writes(contact: ContactReceived, after: float) -> Event:
    return CustomerWrote(
        contact_id=contact.contact_id,
        occurred_at=later(contact, after),
        message_id=MessageId("w"),
        excerpt="And now?",
    )


def replies(contact: ContactReceived, after: float) -> Event:
    return RepresentativeReplied(
        contact_id=contact.contact_id,
        occurred_at=later(contact, after),
        message_id=MessageId("r"),
    )


def later(contact: ContactReceived, seconds: float) -> Any:
    return contact.occurred_at + timedelta(seconds=seconds)

"""Contacts of the past, for what is tried on them."""

from datetime import datetime, timedelta

from common.contracts.contacts import ContactReceived, ContactResolved, RepresentativeReplied
from common.contracts.event import Event, MessageId
from integration.escalation.conftest import EscalationHarness, assigned

_RESOLVED_AFTER_S = 300


async def handle_past_contacts(service: EscalationHarness, *answered_after_s: float) -> None:
    """Contacts that were answered after so many seconds, and resolved after five minutes."""
    for seconds in answered_after_s:
        contact = await service.received()
        facts: list[Event] = [
            contact,
            assigned(contact),
            RepresentativeReplied(
                contact_id=contact.contact_id,
                occurred_at=_later(contact, seconds),
                message_id=MessageId("m"),
            ),
            ContactResolved(
                contact_id=contact.contact_id, occurred_at=_later(contact, _RESOLVED_AFTER_S)
            ),
        ]
        service.database.clock.offset += timedelta(seconds=_RESOLVED_AFTER_S + 1)
        await service.handle_events(*facts)


def _later(contact: ContactReceived, seconds: float) -> datetime:
    return contact.occurred_at + timedelta(seconds=seconds)

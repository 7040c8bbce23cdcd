"""Calls and chats as their own systems measured them."""

from dataclasses import asdict
from datetime import datetime

from common.contracts.contacts import InteractionMeasured
from intake.domain.model import Contact, Decision, Interaction


def record_interaction(contact: Contact, interaction: Interaction, at: datetime) -> Decision:
    """A late measurement counts too: the contact may have ended meanwhile."""
    measured = InteractionMeasured(
        contact_id=contact.contact_id, occurred_at=at, **asdict(interaction)
    )
    return Decision(contact, (measured,))

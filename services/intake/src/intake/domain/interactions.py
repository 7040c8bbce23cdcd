"""Calls and chats as their own systems measured them."""

from dataclasses import asdict
from datetime import datetime, timedelta

from common.contracts.contacts import InteractionMeasured
from intake.domain.errors import InteractionNotOverError
from intake.domain.model import Contact, Decision, Interaction

# The clocks of two systems may differ so much.
CLOCK_TOLERANCE = timedelta(minutes=5)


def record_interaction(contact: Contact, interaction: Interaction, at: datetime) -> Decision:
    """A late measurement counts too: the contact may have ended meanwhile."""
    if interaction.ended_at > at + CLOCK_TOLERANCE:
        raise InteractionNotOverError
    measured = InteractionMeasured(
        contact_id=contact.contact_id, occurred_at=at, **asdict(interaction)
    )
    return Decision(contact, (measured,))

"""What the channel sees of an escalation. The service `escalation` decides; intake mirrors it."""

from dataclasses import replace

from common.contracts.event import PersonId
from intake.domain import contacts
from intake.domain.actors import actor_named
from intake.domain.model import Contact, Decision, EscalationView


def mirror_escalation(contact: Contact, view: EscalationView) -> Decision:
    return Decision(replace(contact, escalation=view))


def resolve_from_escalation(
    contact: Contact, by: PersonId, note: str, view: EscalationView
) -> Decision:
    """Resolve the contact as well, unless it has ended already."""
    mirrored = replace(contact, escalation=view)
    if contacts.is_ended(contact):
        return Decision(mirrored)
    return contacts.resolve(mirrored, view.at, actor_named(by), note=note)

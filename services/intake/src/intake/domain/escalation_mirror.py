"""What the channel sees of an escalation. The service `escalation` decides; intake mirrors it."""

from datetime import datetime

from msgspec.structs import replace

from common.contracts.escalations import Cause
from common.contracts.event import PersonId
from intake.domain import contacts
from intake.domain.actors import Actor, actor_named
from intake.domain.model import Contact, Decision, EscalationView


def mirror_escalation(contact: Contact, view: EscalationView) -> Decision:
    return Decision(replace(contact, escalation=view))


def add_cause(contact: Contact, cause: Cause, at: datetime) -> Decision:
    """Show an escalation that has a cause which is no complaint, as if that had raised it."""
    view = contact.escalation
    if view is None or not view.confidential or may_be_complaint(cause):
        return Decision(contact)
    shown = replace(view, at=at, confidential=False, earlier=None)
    return Decision(replace(contact, escalation=shown))


def may_be_complaint(cause: Cause) -> bool:
    """Tell whether the contact's representative may be whom it is about."""
    return cause in ("complaint", "feedback")


def visible_escalation(contact: Contact, actor: Actor) -> EscalationView | None:
    """Return what the actor may know: nobody learns of a complaint that is about them."""
    if actor.reach == "assigned":
        return view_of_representative(contact)
    return contact.escalation


def view_of_representative(contact: Contact) -> EscalationView | None:
    view = contact.escalation
    return view.earlier if view is not None and view.confidential else view


def resolve_from_escalation(
    contact: Contact, by: PersonId, note: str, view: EscalationView
) -> Decision:
    """Resolve the contact as well, unless it has ended already."""
    mirrored = replace(contact, escalation=view)
    if contacts.is_ended(contact):
        return Decision(mirrored)
    return contacts.resolve(mirrored, view.at, actor_named(by), note=note)

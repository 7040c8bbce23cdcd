"""Customers who leave a chat: who does not come back in time has left for good."""

from datetime import datetime
from typing import Final

from intake.domain.actors import Actor
from intake.domain.contacts import is_ended, report_state
from intake.domain.model import Contact, ContactState, Decision, Moment
from intake.domain.timers import CustomerAbsenceDue
from intake.domain.transitions import Change

_REASON: Final = "the customer left and did not come back"


def end_absence(contact: Contact, timer: CustomerAbsenceDue, at: datetime) -> Decision:
    """Abandon a contact that nobody has answered; with any other we wait for the customer.

    It is not resolved: nobody knows whether the answer was the one that the customer needed.
    """
    if is_ended(contact) or _has_spoken_since(contact, timer.left_at):
        return Decision(contact)
    state: ContactState = "abandoned"
    if "representative_spoke" in contact.latest:
        state = "waiting_on_customer"
    change = Change(at, Actor("received", system=timer.reported_by), reason=_REASON)
    return report_state(contact, state, Moment(at), change)


def _has_spoken_since(contact: Contact, at: datetime) -> bool:
    spoke = contact.latest.get("customer_spoke")
    return spoke is not None and spoke.at > at

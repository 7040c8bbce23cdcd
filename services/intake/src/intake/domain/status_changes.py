"""Which statuses of a contact its channel is told, from what happened to it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, assert_never

from common.contracts.contacts import (
    ContactAbandoned,
    ContactDiscarded,
    ContactMerged,
    ContactReceived,
    ContactReopened,
    ContactResolved,
    WaitingOnCustomer,
    WaitingOnCustomerEnded,
)
from common.contracts.event import ContactEvent, ContactId, Event, PersonId
from common.contracts.statuses import ContactStatus, ContactStatusChanged
from common.core.ids import derived_id, new_id
from intake.domain.assignments import AssignmentChange
from intake.domain.model import Contact, EscalationState, EscalationView

_STATUSES: Final[dict[type[Event], ContactStatus]] = {
    ContactReceived: "received",
    WaitingOnCustomer: "waiting_on_customer",
    WaitingOnCustomerEnded: "waiting_ended",
    ContactResolved: "resolved",
    ContactAbandoned: "abandoned",
    ContactDiscarded: "discarded",
    ContactMerged: "merged",
    ContactReopened: "reopened",
}


def of_events(contact: Contact, events: Iterable[Event]) -> list[ContactStatusChanged]:
    return [
        _status(
            contact,
            status,
            event.occurred_at,
            person_id=getattr(event, "by", None),
            level=None,
            merged_into=event.into if isinstance(event, ContactMerged) else None,
        )
        for event in events
        if isinstance(event, ContactEvent) and (status := _STATUSES.get(type(event)))
    ]


def of_escalation(contact: Contact, view: EscalationView) -> ContactStatusChanged:
    status = _escalation_status(view.state)
    return _status(contact, status, view.at, person_id=view.by, level=view.level)


def of_assignment(contact: Contact, change: AssignmentChange) -> ContactStatusChanged:
    """Its id is the same if the event that says so comes again."""
    change_id = derived_id("assigned", contact.contact_id, change.person_id, change.at)
    return _status(
        contact, "assigned", change.at, person_id=change.person_id, level=None, change_id=change_id
    )


def _escalation_status(state: EscalationState) -> ContactStatus:
    match state:
        case "raised":
            return "escalated"
        case "acknowledged" | "taken_over" | "handed_back":
            return state
        case "resolved" | "closed":
            return "escalation_ended"
        case _:
            assert_never(state)


def _status(
    contact: Contact,
    status: ContactStatus,
    at: datetime,
    *,
    person_id: PersonId | None,
    level: str | None,
    merged_into: ContactId | None = None,
    change_id: str | None = None,
) -> ContactStatusChanged:
    return ContactStatusChanged(
        contact_id=contact.contact_id,
        occurred_at=at,
        change_id=change_id or new_id(),
        source=contact.received_from,
        external_ref=contact.external_ref,
        status=status,
        person_id=person_id,
        level=level,
        merged_into=merged_into,
    )

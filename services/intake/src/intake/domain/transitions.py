"""What a change of a contact's state publishes."""

from datetime import datetime
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from common.contracts.contacts import (
    ContactAbandoned,
    ContactDiscarded,
    ContactMerged,
    ContactReopened,
    ContactResolved,
    DiscardCause,
    WaitEnd,
    WaitingOnCustomer,
    WaitingOnCustomerEnded,
)
from common.contracts.event import ContactId, Event
from intake.domain.actors import NOBODY, Actor
from intake.domain.model import Contact, ContactState, Decision


class Change(Struct, frozen=True):
    """Who changes the state, when and why; each event takes what it says."""

    at: datetime
    actor: Actor = NOBODY
    reason: str | None = None
    note: str | None = None
    disposition: str | None = None
    root_cause: str | None = None
    automatic: bool = False
    wait_end: WaitEnd = "opened"
    discard_cause: DiscardCause = "deleted"
    into: ContactId | None = None


def enter(contact: Contact, state: ContactState, change: Change) -> Decision:
    """Change the state; the same state again changes nothing."""
    if state == contact.state:
        return Decision(contact)
    # What we hear of late can't have ended before what we have said of the state before.
    at = max(change.at, contact.state_since or contact.received_at)
    change = replace(change, at=at)
    events = (*_leave(contact, state, change), *_event(contact, state, change))
    return Decision(_changed(contact, state, change), events)


def is_ended(state: ContactState) -> bool:
    match state:
        case "open" | "waiting_on_customer":
            return False
        case "resolved" | "abandoned" | "discarded" | "merged":
            return True
        case _:
            assert_never(state)


def _changed(contact: Contact, state: ContactState, change: Change) -> Contact:
    changed = replace(contact, state=state, state_since=change.at)
    if is_ended(contact.state) and not is_ended(state):
        changed = replace(changed, supervisor_quote=None, supervisor_question=None)
    match state:
        case "open" | "waiting_on_customer":
            return replace(changed, resolved_at=None, resolved_by=None, merged_into=None)
        case "resolved":
            return replace(
                changed,
                resolved_at=change.at,
                resolved_by=change.actor.person_id,
                resolution_no=contact.resolution_no + 1,
            )
        case "merged":
            return replace(changed, merged_into=change.into)
        case "abandoned" | "discarded":
            return changed
        case _:
            assert_never(state)


def _leave(contact: Contact, state: ContactState, change: Change) -> tuple[Event, ...]:
    if is_ended(state):
        return ()
    if is_ended(contact.state):
        return (
            ContactReopened(
                contact_id=contact.contact_id,
                occurred_at=change.at,
                reason=change.reason or "opened again",
                by=change.actor.person_id,
                reported_by=change.actor.system,
            ),
        )
    if contact.state == "waiting_on_customer":
        return (
            WaitingOnCustomerEnded(
                contact_id=contact.contact_id, occurred_at=change.at, cause=change.wait_end
            ),
        )
    return ()


def _event(contact: Contact, state: ContactState, change: Change) -> tuple[Event, ...]:
    about = contact.contact_id, change
    match state:
        case "open":
            return ()
        case "waiting_on_customer":
            return (WaitingOnCustomer(contact_id=contact.contact_id, occurred_at=change.at),)
        case "resolved":
            return (_resolved(*about),)
        case "abandoned":
            return (_abandoned(*about),)
        case "discarded":
            return (_discarded(*about),)
        case "merged":
            return (_merged(*about),)
        case _:
            assert_never(state)


def _resolved(contact_id: ContactId, change: Change) -> ContactResolved:
    return ContactResolved(
        contact_id=contact_id,
        occurred_at=change.at,
        by=change.actor.person_id,
        reported_by=change.actor.system,
        note=change.note,
        disposition=change.disposition,
        root_cause=change.root_cause,
        automatic=change.automatic,
    )


def _abandoned(contact_id: ContactId, change: Change) -> ContactAbandoned:
    return ContactAbandoned(
        contact_id=contact_id,
        occurred_at=change.at,
        by=change.actor.person_id,
        reported_by=change.actor.system,
        reason=change.reason,
    )


def _discarded(contact_id: ContactId, change: Change) -> ContactDiscarded:
    return ContactDiscarded(
        contact_id=contact_id,
        occurred_at=change.at,
        by=change.actor.person_id,
        reported_by=change.actor.system,
        cause=change.discard_cause,
    )


def _merged(contact_id: ContactId, change: Change) -> ContactMerged:
    return ContactMerged(
        contact_id=contact_id,
        occurred_at=change.at,
        by=change.actor.person_id,
        reported_by=change.actor.system,
        into=change.into,
    )

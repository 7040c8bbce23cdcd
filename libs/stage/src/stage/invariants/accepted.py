"""Invariant 1: a contact answered with 2xx is never lost, and is in exactly one state."""

from collections.abc import Iterable

from common.contracts.contacts import ContactReceived
from common.contracts.escalations import (
    EscalationRaised,
    EscalationReasonAdded,
    EscalationReopened,
)
from common.contracts.event import Event
from stage.invariants.facts import Assignment, Contact, Facts, Watch
from stage.invariants.ledger import Ledger


def check(facts: Facts, ledger: Ledger) -> None:
    contacts = {one.contact_id: one for one in facts.contacts}
    assignments = {one.contact_id: one for one in facts.assignments}
    watches = {one.contact_id: one for one in facts.watches}
    events = facts.events("contacts")
    upstairs = facts.events("escalations")
    for contact_id in sorted(facts.accepted):
        ledger.require(
            contact_id in contacts, "accepted, and intake has no such contact", contact_id
        )
    for contact_id, contact in contacts.items():
        received = [one for one in events.get(contact_id, ()) if isinstance(one, ContactReceived)]
        ledger.require(bool(received), "ContactReceived was never published", contact_id)
        ledger.require(len(received) <= 1, "ContactReceived was published twice", contact_id)
        _placed(contact, assignments.get(contact_id), ledger)
        watch = watches.get(contact_id)
        outlives = _outlives_its_contact(watch, upstairs.get(contact_id, ()))
        _watched(contact, watch, ledger, outlives=outlives)


def _placed(contact: Contact, assignment: Assignment | None, ledger: Ledger) -> None:
    state = assignment.state if assignment else "unknown"
    ledger.require(state != "unknown", "the router has not placed it", contact.contact_id)
    # A representative may be done with a contact that its channel still has open.
    ledger.require(
        contact.state != "resolved" or state in ("completed", "unknown"),
        "resolved at intake, and still with somebody at the router",
        contact.contact_id,
        state,
    )


def _watched(contact: Contact, watch: Watch | None, ledger: Ledger, *, outlives: bool) -> None:
    if watch is None or watch.details is None:
        ledger.require(False, "escalation does not watch it", contact.contact_id)
        return
    ledger.require(bool(watch.clocks), "no clock was started", contact.contact_id)
    ledger.require(
        (contact.state == "resolved") == (watch.resolved_at is not None),
        "intake and escalation differ on whether it is resolved",
        contact.contact_id,
    )
    ledger.require(
        contact.state != "resolved" or watch.escalation_id is None or outlives,
        "resolved, and its escalation is still open",
        contact.contact_id,
    )


def _outlives_its_contact(watch: Watch | None, told: Iterable[Event]) -> bool:
    """What is about us, or was opened again by hand, is not settled by the contact's end."""
    return any(
        watch is not None and event.escalation_id == watch.escalation_id
        for event in told
        if isinstance(event, EscalationReopened)
        or (
            isinstance(event, EscalationRaised | EscalationReasonAdded)
            and event.cause in ("feedback", "complaint")
        )
    )

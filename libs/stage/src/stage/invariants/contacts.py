"""Invariant 1: a contact answered with 2xx is never lost, and is in exactly one state."""

from collections.abc import Iterable
from typing import Final

from common.contracts.contacts import ContactReceived
from common.contracts.escalations import (
    EscalationCauseAdded,
    EscalationRaised,
    EscalationReopened,
)
from common.contracts.event import Event
from stage.invariants.findings import Findings
from stage.invariants.snapshot import Assignment, Contact, Snapshot, TrackedContact

_ENDED: Final = ("resolved", "abandoned", "discarded", "merged")


def check(snapshot: Snapshot, findings: Findings) -> None:
    contacts = {contact.contact_id: contact for contact in snapshot.contacts}
    assignments = {row.contact_id: row for row in snapshot.assignments}
    tracked_contacts = {row.contact_id: row for row in snapshot.tracked_contacts}
    events = snapshot.events("contacts")
    escalation_events = snapshot.events("escalations")
    for contact_id in sorted(snapshot.accepted_contacts):
        findings.require(
            contact_id in contacts, "accepted, and intake has no such contact", contact_id
        )
    for contact_id, contact in contacts.items():
        received = [
            event for event in events.get(contact_id, ()) if isinstance(event, ContactReceived)
        ]
        findings.require(bool(received), "ContactReceived was never published", contact_id)
        findings.require(len(received) <= 1, "ContactReceived was published twice", contact_id)
        _check_assignment(contact, assignments.get(contact_id), findings)
        tracked = tracked_contacts.get(contact_id)
        outlives = _outlives_contact(tracked, escalation_events.get(contact_id, ()))
        _check_tracking(contact, tracked, findings, outlives=outlives)


def _check_assignment(contact: Contact, assignment: Assignment | None, findings: Findings) -> None:
    state = assignment.state if assignment else "unknown"
    findings.require(state != "unknown", "router does not know the contact", contact.contact_id)
    # A representative may be done with a contact that its channel still has open.
    findings.require(
        contact.state not in _ENDED or state in ("completed", "abandoned", "unknown"),
        "resolved at intake, but still assigned at router",
        contact.contact_id,
        state,
    )


def _check_tracking(
    contact: Contact, tracked: TrackedContact | None, findings: Findings, *, outlives: bool
) -> None:
    if tracked is None or tracked.details is None:
        findings.require(False, "escalation does not track the contact", contact.contact_id)
        return
    findings.require(bool(tracked.clocks), "no clock was started", contact.contact_id)
    findings.require(
        (contact.state in _ENDED) == (tracked.resolved_at is not None),
        "intake and escalation differ on whether it has ended",
        contact.contact_id,
    )
    findings.require(
        contact.state not in _ENDED or tracked.escalation_id is None or outlives,
        "ended, but its escalation is still open",
        contact.contact_id,
    )


def _outlives_contact(tracked: TrackedContact | None, events: Iterable[Event]) -> bool:
    """A complaint about us, or a reopened escalation, stays open when the contact is resolved."""
    return any(
        tracked is not None and event.escalation_id == tracked.escalation_id
        for event in events
        if isinstance(event, EscalationReopened)
        or (
            isinstance(event, EscalationRaised | EscalationCauseAdded)
            and event.cause in ("feedback", "complaint")
        )
    )

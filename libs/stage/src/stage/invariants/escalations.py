"""Invariant 2: one open escalation per contact; thresholds fire once, in time, never early."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import astuple

from common.contracts.clocks import ClockBreached, ClockWarned
from common.contracts.escalations import (
    EscalationClimbed,
    EscalationClosed,
    EscalationHandedBack,
    EscalationRaised,
    EscalationReopened,
    EscalationResolved,
    EscalationReturned,
    EscalationUnanswered,
)
from common.contracts.event import Event
from stage.invariants import clock_runs, leases
from stage.invariants.clock_runs import Firing
from stage.invariants.findings import Findings
from stage.invariants.snapshot import Clock, Snapshot, Threshold, TrackedContact


def check(snapshot: Snapshot, findings: Findings) -> None:
    events = snapshot.events("escalations")
    open_escalations = _open_escalations(snapshot, findings)
    fired: Counter[Firing] = Counter()
    for contact_id, history in events.items():
        still_open = _replay_escalations(history, findings)
        findings.require(
            still_open == open_escalations.get(contact_id),
            "the topic and the table differ on the open escalation",
            contact_id,
        )
        leases.check(history, findings)
        _check_not_early(history, findings)
    for history in snapshot.events("clocks").values():
        _check_not_early(history, findings)
        fired.update(clock_runs.replay(history, findings))
    for firing, times in fired.items():
        findings.require(times == 1, "a threshold fired twice", *astuple(firing))
    for contact in snapshot.tracked_contacts:
        for clock in contact.clocks:
            _check_thresholds(contact, clock, fired, findings)


def _open_escalations(snapshot: Snapshot, findings: Findings) -> dict[str, str]:
    by_contact: defaultdict[str, list[str]] = defaultdict(list)
    for escalation in snapshot.escalations:
        if escalation.is_open:
            by_contact[escalation.contact_id].append(escalation.escalation_id)
    for contact_id, ids in by_contact.items():
        findings.require(len(ids) == 1, "two open escalations", contact_id, *ids)
    return {contact_id: ids[0] for contact_id, ids in by_contact.items()}


def _replay_escalations(events: Iterable[Event], findings: Findings) -> str | None:
    """Replay one contact's escalations; return the id of the one that is still open."""
    current: str | None = None
    for event in events:
        match event:
            case EscalationRaised() | EscalationReopened():
                evidence = (event.contact_id, current, event.escalation_id)
                findings.require(current is None, "raised while another was open", *evidence)
                current = event.escalation_id
            case EscalationHandedBack() | EscalationResolved() | EscalationClosed():
                ids = (event.contact_id, event.escalation_id)
                findings.require(current == event.escalation_id, "ended without being open", *ids)
                current = None
            case _:
                pass
    return current


def _check_not_early(events: Iterable[Event], findings: Findings) -> None:
    for event in events:
        match event:
            case (
                ClockWarned()
                | ClockBreached()
                | EscalationClimbed()
                | EscalationReturned()
                | EscalationUnanswered()
            ):
                early = event.lateness_ms is not None and event.lateness_ms < 0
                findings.require(not early, "a timer fired early", event.contact_id, event.type)
            case _:
                pass
        if isinstance(event, ClockBreached):
            early = event.occurred_at < event.due_at
            findings.require(not early, "breached before it was due", event.contact_id, event.clock)


def _check_thresholds(
    contact: TrackedContact, clock: Clock, fired: Counter[Firing], findings: Findings
) -> None:
    """Compare a clock in the table with the topic."""
    stops = (clock.ended_at, clock.paused_at)
    ran_until = min((stop for stop in stops if stop is not None), default=None)
    for threshold in clock.thresholds:
        evidence = (contact.contact_id, clock.name, threshold.due_at, threshold.percent)
        published = _published_count(contact, clock, threshold, fired)
        if threshold.fired_at is None:
            findings.require(not published, "fired in the topic, but not in the table", *evidence)
            overdue = ran_until is not None and threshold.due_at < ran_until
            findings.require(not overdue, "due before its clock ended, but never fired", *evidence)
        else:
            findings.require(published == 1, "fired in the table, but not in the topic", *evidence)
            early = threshold.fired_at < threshold.due_at
            findings.require(not early, "fired before it was due", *evidence)


def _published_count(
    contact: TrackedContact, clock: Clock, threshold: Threshold, fired: Counter[Firing]
) -> int:
    run = (contact.contact_id, clock.name, clock.run)
    if threshold == clock.deadline:
        return fired[Firing(*run)]
    return fired[Firing(*run, threshold.percent, threshold.due_at, threshold.action)]

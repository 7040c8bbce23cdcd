"""Invariant 2: one open escalation a contact; thresholds fire once, never early, never too late."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import astuple

from common.contracts.escalations import (
    ClockBreached,
    ClockWarned,
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


def check(facts: Snapshot, ledger: Findings) -> None:
    events = facts.events("escalations")
    opened = _open_escalations(facts, ledger)
    fired: Counter[Firing] = Counter()
    for contact_id, told in events.items():
        left_open = _replay_escalations(told, ledger)
        ledger.require(
            left_open == opened.get(contact_id),
            "the topic and the table differ on the open escalation",
            contact_id,
        )
        leases.check(told, ledger)
        _check_not_early(told, ledger)
        fired.update(clock_runs.replay(told, ledger))
    for firing, times in fired.items():
        ledger.require(times == 1, "a threshold fired twice", *astuple(firing))
    for watch in facts.tracked_contacts:
        for clock in watch.clocks:
            _check_thresholds(watch, clock, fired, ledger)


def _open_escalations(facts: Snapshot, ledger: Findings) -> dict[str, str]:
    opened: defaultdict[str, list[str]] = defaultdict(list)
    for escalation in facts.escalations:
        if escalation.is_open:
            opened[escalation.contact_id].append(escalation.escalation_id)
    for contact_id, several in opened.items():
        ledger.require(len(several) == 1, "two open escalations", contact_id, *several)
    return {contact_id: several[0] for contact_id, several in opened.items()}


def _replay_escalations(told: Iterable[Event], ledger: Findings) -> str | None:
    """Replay one contact's escalations; return the one that is left open."""
    current: str | None = None
    for event in told:
        match event:
            case EscalationRaised() | EscalationReopened():
                before = (event.contact_id, current, event.escalation_id)
                ledger.require(current is None, "raised while another was open", *before)
                current = event.escalation_id
            case EscalationHandedBack() | EscalationResolved() | EscalationClosed():
                ended = (event.contact_id, event.escalation_id)
                ledger.require(current == event.escalation_id, "ended without being open", *ended)
                current = None
    return current


def _check_not_early(told: Iterable[Event], ledger: Findings) -> None:
    for event in told:
        match event:
            case (
                ClockWarned()
                | ClockBreached()
                | EscalationClimbed()
                | EscalationReturned()
                | EscalationUnanswered()
            ):
                early = event.lateness_ms is not None and event.lateness_ms < 0
                ledger.require(not early, "a timer fired early", event.contact_id, event.type)
        if isinstance(event, ClockBreached):
            early = event.occurred_at < event.due_at
            ledger.require(not early, "breached before it was due", event.contact_id, event.clock)


def _check_thresholds(
    watch: TrackedContact, clock: Clock, fired: Counter[Firing], ledger: Findings
) -> None:
    """Hold what the table says of a clock against the topic."""
    stopped = (clock.ended_at, clock.paused_at)
    ran_until = min((each for each in stopped if each is not None), default=None)
    for threshold in clock.thresholds:
        evidence = (watch.contact_id, clock.name, threshold.due_at, threshold.percent)
        published = _published_count(watch, clock, threshold, fired)
        if threshold.fired_at is None:
            ledger.require(not published, "fired in the topic, not in the table", *evidence)
            overdue = ran_until is not None and threshold.due_at < ran_until
            ledger.require(not overdue, "due before its clock ended, and never fired", *evidence)
        else:
            ledger.require(published == 1, "fired in the table, not in the topic", *evidence)
            early = threshold.fired_at < threshold.due_at
            ledger.require(not early, "fired before it was due", *evidence)


def _published_count(
    watch: TrackedContact, clock: Clock, threshold: Threshold, fired: Counter[Firing]
) -> int:
    place = (watch.contact_id, clock.name, clock.run)
    if threshold == clock.deadline:
        return fired[Firing(*place)]
    percent = threshold.percent
    told = fired[Firing(*place, percent, threshold.due_at, threshold.action)]
    return told + fired[Firing(*place, percent)]

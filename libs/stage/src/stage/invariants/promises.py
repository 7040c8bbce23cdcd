"""Invariant 2: one open escalation a contact; thresholds fire once, never early, never too late."""

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
from stage.invariants import holding, running
from stage.invariants.facts import Clock, Facts, Threshold, Watch
from stage.invariants.ledger import Ledger
from stage.invariants.running import Firing


def check(facts: Facts, ledger: Ledger) -> None:
    events = facts.events("escalations")
    opened = _opened(facts, ledger)
    fired: Counter[Firing] = Counter()
    for contact_id, told in events.items():
        left_open = _one_at_a_time(told, ledger)
        ledger.require(
            left_open == opened.get(contact_id),
            "the topic and the table differ on the open escalation",
            contact_id,
        )
        holding.check(told, ledger)
        _never_early(told, ledger)
    for told in facts.events("clocks").values():
        _never_early(told, ledger)
        fired.update(running.fired(told, ledger))
    for firing, times in fired.items():
        ledger.require(times == 1, "a threshold fired twice", *astuple(firing))
    for watch in facts.watches:
        for clock in watch.clocks:
            _as_published(watch, clock, fired, ledger)


def _opened(facts: Facts, ledger: Ledger) -> dict[str, str]:
    opened: defaultdict[str, list[str]] = defaultdict(list)
    for escalation in facts.escalations:
        if escalation.is_open:
            opened[escalation.contact_id].append(escalation.escalation_id)
    for contact_id, several in opened.items():
        ledger.require(len(several) == 1, "two open escalations", contact_id, *several)
    return {contact_id: several[0] for contact_id, several in opened.items()}


def _one_at_a_time(told: Iterable[Event], ledger: Ledger) -> str | None:
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


def _never_early(told: Iterable[Event], ledger: Ledger) -> None:
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


def _as_published(watch: Watch, clock: Clock, fired: Counter[Firing], ledger: Ledger) -> None:
    """Hold what the table says of a clock against the topic."""
    stopped = (clock.ended_at, clock.paused_at)
    ran_until = min((each for each in stopped if each is not None), default=None)
    for threshold in clock.thresholds:
        evidence = (watch.contact_id, clock.name, threshold.due_at, threshold.percent)
        published = _published(watch, clock, threshold, fired)
        if threshold.fired_at is None:
            ledger.require(not published, "fired in the topic, not in the table", *evidence)
            overdue = ran_until is not None and threshold.due_at < ran_until
            ledger.require(not overdue, "due before its clock ended, and never fired", *evidence)
        else:
            ledger.require(published == 1, "fired in the table, not in the topic", *evidence)
            early = threshold.fired_at < threshold.due_at
            ledger.require(not early, "fired before it was due", *evidence)


def _published(watch: Watch, clock: Clock, threshold: Threshold, fired: Counter[Firing]) -> int:
    place = (watch.contact_id, clock.name, clock.run)
    if threshold == clock.deadline:
        return fired[Firing(*place)]
    percent = threshold.percent
    told = fired[Firing(*place, percent, threshold.due_at, threshold.action)]
    return told + fired[Firing(*place, percent)]

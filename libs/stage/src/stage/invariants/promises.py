"""Invariant 2: one open escalation a contact; thresholds fire once, never early, never too late."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from common.contracts.escalations import (
    ClockBreached,
    ClockCancelled,
    ClockMet,
    ClocksStarted,
    ClockWarned,
    EscalationClimbed,
    EscalationClosed,
    EscalationHandedBack,
    EscalationRaised,
    EscalationResolved,
    EscalationUnanswered,
)
from common.contracts.event import Event
from stage.invariants import holding
from stage.invariants.facts import Clock, Facts, Watch
from stage.invariants.ledger import Ledger

_DEADLINE = 100
# Contact, clock, deadline, percent: a clock that is started anew has another deadline.
Firing = tuple[str, str, datetime, int]


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
        fired.update(_while_running(told, ledger))
    for firing, times in fired.items():
        ledger.require(times == 1, "a threshold fired twice", *firing)
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
            case EscalationRaised():
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
            case ClockWarned() | ClockBreached() | EscalationClimbed() | EscalationUnanswered():
                early = event.lateness_ms is not None and event.lateness_ms < 0
                ledger.require(not early, "a timer fired early", event.contact_id, event.type)
        if isinstance(event, ClockBreached):
            early = event.occurred_at < event.due_at
            ledger.require(not early, "breached before it was due", event.contact_id, event.clock)


def _while_running(told: Iterable[Event], ledger: Ledger) -> Iterator[Firing]:
    """Replay one contact's clocks and yield each threshold that fired."""
    running: dict[str, datetime] = {}
    breached_at: dict[str, datetime] = {}
    for event in told:
        match event:
            case ClocksStarted():
                running.update({one.clock: one.due_at for one in event.clocks})
            case ClockCancelled():
                running.pop(event.clock, None)
            case ClockMet():
                _runs(event, running, "met without running", ledger)
                _overtaken(event, breached_at, ledger)
                running.pop(event.clock, None)
            case ClockWarned():
                _runs(event, running, "fired without running", ledger)
                yield event.contact_id, event.clock, event.due_at, event.threshold_percent
            case ClockBreached():
                _runs(event, running, "fired without running", ledger)
                breached_at[event.clock] = event.occurred_at
                yield event.contact_id, event.clock, event.due_at, _DEADLINE


def _runs(
    event: ClockMet | ClockWarned | ClockBreached,
    running: Mapping[str, datetime],
    otherwise: str,
    ledger: Ledger,
) -> None:
    runs = running.get(event.clock) == event.due_at
    ledger.require(runs, otherwise, event.contact_id, event.clock, event.due_at)


def _overtaken(event: ClockMet, breached_at: Mapping[str, datetime], ledger: Ledger) -> None:
    """Remark on a breach of what had been met in time, when the news of that came too late."""
    fired_at = breached_at.get(event.clock)
    if fired_at is not None and event.met_at <= event.due_at <= fired_at:
        late_ms = (fired_at - event.met_at) / timedelta(milliseconds=1)
        ledger.remarks.append(
            f"breached though it was met in time: {event.clock} of {event.contact_id}, "
            f"met {late_ms:.0f} ms before it fired"
        )


def _as_published(watch: Watch, clock: Clock, fired: Counter[Firing], ledger: Ledger) -> None:
    """Hold what the table says of a clock against the topic."""
    # Cancelled when the news of the resolution came, for the time of that resolution.
    ended_at = clock.met_at or (clock.cancelled_at and watch.resolved_at)
    for threshold in clock.thresholds:
        firing = (watch.contact_id, clock.name, clock.due_at, threshold.percent)
        published = fired[firing]
        if threshold.fired_at is None:
            ledger.require(not published, "fired in the topic, not in the table", *firing)
            overdue = ended_at is not None and threshold.due_at < ended_at
            ledger.require(not overdue, "due before its clock ended, and never fired", *firing)
        else:
            ledger.require(published == 1, "fired in the table, not in the topic", *firing)
            early = threshold.fired_at < threshold.due_at
            ledger.require(not early, "fired before it was due", *firing)

"""Starts and pauses clocks, and computes the time they have spent and when thresholds are due."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from common.contracts.clocks import (
    ClockDeadline,
    ClockName,
    ClockPaused,
    ClocksStarted,
    ClockThreshold,
)
from common.messages import Cancel, Schedule, TimerChange
from escalation.domain.change_reasons import CUSTOMER_AWAITED, Reason
from escalation.domain.clocks.events import ClockEvent, apply
from escalation.domain.clocks.pausing import pausable_clocks
from escalation.domain.duty.calendars import Calendar, add_business_time, business_time_between
from escalation.domain.model import SlaClock, Threshold, TrackedContact
from escalation.domain.settings.policies import (
    DEADLINE_PERCENT,
    PlannedThreshold,
    SlaPolicy,
    Target,
    threshold_offset_s,
)
from escalation.domain.settings.registry import Versioned
from escalation.domain.situation import Decision, Situation, no_change
from escalation.domain.timers import CLOCK_SLOT, ClockDue


def next_due(contact: TrackedContact) -> tuple[SlaClock, Threshold] | None:
    """Return the threshold that is due first, with its clock."""
    pending = ((clock, item) for clock in contact.clocks if (item := clock.next_threshold))
    return min(pending, key=lambda due: due[1].due_at, default=None)


def _next_due_at(contact: TrackedContact) -> datetime | None:
    return due[1].due_at if (due := next_due(contact)) else None


def emit(situation: Situation, event: ClockEvent) -> Decision:
    """Emit the event, apply it, and set the timer of the clocks if another time is next."""
    before = situation.contact
    contact = replace(before, clocks=apply(before.clocks, event))
    timers = () if _next_due_at(contact) == _next_due_at(before) else (next_timer(contact),)
    return Decision(situation.with_contact(contact), (event,), timers)


def next_timer(contact: TrackedContact) -> TimerChange:
    """Return the change of the one timer that all clocks of the contact have."""
    due_at = _next_due_at(contact)
    if due_at is None:
        return Cancel(contact.contact_id, CLOCK_SLOT)
    return Schedule(ClockDue(contact_id=contact.contact_id), due_at)


def calendar_in_force(
    situation: Situation, policy: Versioned[SlaPolicy]
) -> Versioned[Calendar] | None:
    details = situation.contact.details
    return situation.configuration.calendar_for(policy.body, details) if details else None


def adopt_policy(situation: Situation, policy: Versioned[SlaPolicy]) -> Situation:
    """Escalate the contact from now on as this policy says."""
    contact = replace(
        situation.contact, ladder_id=policy.body.ladder_id, severity=policy.body.severity
    )
    return situation.with_contact(contact)


def start_clocks(
    situation: Situation, since: datetime, names: frozenset[ClockName], reason: Reason
) -> Decision:
    """Start a run of each of these clocks that the policy in force has, from `since`."""
    policy = situation.policy
    targets = [target for target in policy.body.targets if target.clock in names] if policy else []
    if policy is None or not targets:
        return no_change(situation)
    calendar = calendar_in_force(situation, policy)
    started = ClocksStarted(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        policy_id=policy.id,
        policy_version=policy.version,
        clocks=tuple(_deadline(situation.contact, target, calendar, since) for target in targets),
        calendar_id=calendar.id if calendar else None,
        calendar_version=calendar.version if calendar else None,
        reason=reason.text,
        change_reason=reason.data,
    )
    return emit(situation, started).then(pause_while_waiting)


def _deadline(
    contact: TrackedContact,
    target: Target,
    calendar: Versioned[Calendar] | None,
    since: datetime,
) -> ClockDeadline:
    earlier = contact.clock(target.clock)
    thresholds = thresholds_for(target, calendar.body if calendar else None, since, spent_s=0.0)
    return ClockDeadline(
        clock=target.clock,
        due_at=deadline_of(thresholds).due_at,
        run=earlier.run + 1 if earlier else 1,
        started_at=since,
        target_s=target.target_s,
        thresholds=thresholds,
        runs_while_waiting=target.runs_while_waiting,
    )


def pause_while_waiting(situation: Situation) -> Decision:
    """Pause the clocks that were started while we wait for the customer."""
    decision, since = no_change(situation), situation.contact.waiting_since
    if since is None:
        return decision
    for name in pausable_clocks(situation.contact):
        decision = decision.then(pause_clock, name, since)
    return decision


def pause_clock(situation: Situation, name: ClockName, at: datetime) -> Decision:
    clock = situation.contact.clock(name)
    if clock is None:
        return no_change(situation)
    paused = ClockPaused(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        clock=name,
        paused_at=max(at, clock.running_since),
        elapsed_s=elapsed_s(situation.configuration.calendar_version(clock.calendar), clock, at),
        reason=CUSTOMER_AWAITED.text,
        change_reason=CUSTOMER_AWAITED.data,
    )
    return emit(situation, paused)


def elapsed_s(calendar: Calendar | None, clock: SlaClock, at: datetime) -> float:
    """Return the business time that the run had spent at `at`."""
    if clock.paused_at is not None:
        return clock.spent_s
    until = max(clock.running_since, at)
    passed = business_time_between(calendar, clock.running_since, until)
    return clock.spent_s + passed.total_seconds()


def thresholds_for(
    target: Target, calendar: Calendar | None, since: datetime, spent_s: float
) -> tuple[ClockThreshold, ...]:
    """Return a target's thresholds in order, for a clock that has spent `spent_s` by `since`."""
    return tuple(_scheduled(target.planned_thresholds, calendar, since, spent_s))


def resumed_thresholds(
    clock: SlaClock, calendar: Calendar | None, since: datetime
) -> tuple[ClockThreshold, ...]:
    """Return a clock's thresholds: those that have fired, and the others counted from `since`."""
    return (*_fired(clock), *_rescheduled(clock, calendar, since))


def retargeted_thresholds(
    clock: SlaClock, target: Target, calendar: Calendar | None, since: datetime, spent_s: float
) -> tuple[ClockThreshold, ...]:
    """Return its thresholds under another target.

    One that has fired fires again only if the time spent has not reached it under this target.
    """
    fired = _fired(clock)
    places = {_place(threshold) for threshold in fired}
    same_target = target.target_s == clock.target_s
    done = {
        place
        for planned in target.planned_thresholds
        if (place := _place(planned)) in places
        and (same_target or clock.breached or planned.after_s <= spent_s)
    }
    new = thresholds_for(target, calendar, since, spent_s)
    return (*fired, *(threshold for threshold in new if _place(threshold) not in done))


def deadline_of(thresholds: Iterable[ClockThreshold]) -> ClockThreshold:
    return next(
        threshold
        for threshold in thresholds
        if (threshold.percent, threshold.offset_s, threshold.action)
        == (DEADLINE_PERCENT, None, "raise")
    )


def _fired(clock: SlaClock) -> tuple[ClockThreshold, ...]:
    return tuple(
        ClockThreshold(
            percent=threshold.percent,
            due_at=threshold.due_at,
            action=threshold.action,
            offset_s=threshold.offset_s,
            priority=threshold.priority,
        )
        for threshold in clock.fired_thresholds
    )


def _rescheduled(
    clock: SlaClock, calendar: Calendar | None, since: datetime
) -> list[ClockThreshold]:
    """Return the thresholds that have not fired; each keeps its place in the clock's target."""
    planned = (
        PlannedThreshold(
            percent=threshold.percent,
            action=threshold.action,
            after_s=threshold_offset_s(clock.target_s, threshold.percent, threshold.offset_s),
            offset_s=threshold.offset_s,
            priority=threshold.priority,
        )
        for threshold in clock.thresholds
        if threshold.fired_at is None
    )
    return _scheduled(planned, calendar, since, clock.spent_s)


def _scheduled(
    planned: Iterable[PlannedThreshold], calendar: Calendar | None, since: datetime, spent_s: float
) -> list[ClockThreshold]:
    """Return when each is due, in order. One that the time spent has passed is due at once."""
    thresholds = [
        ClockThreshold(
            percent=threshold.percent,
            due_at=add_business_time(
                calendar, since, timedelta(seconds=max(0.0, threshold.after_s - spent_s))
            ),
            action=threshold.action,
            offset_s=threshold.offset_s,
            priority=threshold.priority,
        )
        for threshold in planned
    ]
    thresholds.sort(key=_order)
    return thresholds


def _order(threshold: ClockThreshold) -> tuple[datetime, bool]:
    """Sort by due time; of equal ones the threshold that raises, such as the deadline, is first."""
    return threshold.due_at, threshold.action != "raise"


def _place(threshold: ClockThreshold | PlannedThreshold) -> tuple[object, ...]:
    percent = threshold.percent if threshold.offset_s is None else None
    return threshold.action, percent, threshold.offset_s, threshold.priority

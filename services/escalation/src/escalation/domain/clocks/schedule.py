"""What a clock's terms mean in time: when it starts, how much is spent, when the rest comes due."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

from common.contracts.escalations import (
    ClockDeadline,
    ClockName,
    ClockPaused,
    ClocksStarted,
    ClockThreshold,
)
from common.messages import Cancel, Schedule, TimerChange
from escalation.domain.clocks.events import ClockEvent, evolve
from escalation.domain.duty.calendars import Calendar, add_business_time, business_time_between
from escalation.domain.model import Clock, Watch
from escalation.domain.settings.policies import (
    DEADLINE_PERCENT,
    SlaPolicy,
    Target,
    ThresholdRule,
    after_s,
)
from escalation.domain.settings.registry import Versioned
from escalation.domain.situation import Decision, Situation, nothing
from escalation.domain.timers import ClockDue, clock_slot
from escalation.domain.values import replace


def record(situation: Situation, event: ClockEvent) -> Decision:
    """Tell it, and let it be so: clocks change by what is told of them alone."""
    watch = replace(situation.watch, clocks=evolve(situation.watch.clocks, event))
    timers = tuple(_timer(watch, name) for name in _named(event))
    return Decision(replace(situation, watch=watch), (event,), timers)


def _named(event: ClockEvent) -> Iterable[ClockName]:
    if isinstance(event, ClocksStarted):
        return (one.clock for one in event.clocks)
    return (event.clock,)


def _timer(watch: Watch, name: ClockName) -> TimerChange:
    clock = watch.clock(name)
    threshold = clock.next_threshold if clock else None
    if threshold is None:
        return Cancel(watch.contact_id, clock_slot(name))
    due = ClockDue(contact_id=watch.contact_id, clock=name, percent=threshold.percent)
    return Schedule(due, threshold.due_at)


def policy_in_force(situation: Situation) -> Versioned[SlaPolicy] | None:
    contact = situation.watch.contact
    return situation.configuration.policy_for(contact) if contact else None


def calendar_in_force(
    situation: Situation, policy: Versioned[SlaPolicy]
) -> Versioned[Calendar] | None:
    contact = situation.watch.contact
    return situation.configuration.calendar_of(policy.body, contact) if contact else None


def under(situation: Situation, policy: Versioned[SlaPolicy]) -> Situation:
    """Let the contact go upstairs as this policy says."""
    watch = replace(situation.watch, ladder_id=policy.body.ladder_id, severity=policy.body.severity)
    return replace(situation, watch=watch)


def start(
    situation: Situation, since: datetime, names: frozenset[ClockName], because: str
) -> Decision:
    """Start a run of each of these clocks that the policy in force promises, from `since`."""
    policy = policy_in_force(situation)
    targets = [target for target in policy.body.targets if target.clock in names] if policy else []
    if policy is None or not targets:
        return nothing(situation)
    calendar = calendar_in_force(situation, policy)
    started = ClocksStarted(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        policy_id=policy.id,
        policy_version=policy.version,
        clocks=tuple(_promised(situation.watch, target, calendar, since) for target in targets),
        calendar_id=calendar.id if calendar else None,
        calendar_version=calendar.version if calendar else None,
        reason=because,
    )
    return record(situation, started).then(stand_still_while_waiting)


def _promised(
    watch: Watch, target: Target, calendar: Versioned[Calendar] | None, since: datetime
) -> ClockDeadline:
    earlier = watch.clock(target.clock)
    thresholds = thresholds_of(target, calendar.body if calendar else None, since, spent_s=0.0)
    return ClockDeadline(
        clock=target.clock,
        due_at=deadline_of(thresholds).due_at,
        run=earlier.run + 1 if earlier else 1,
        started_at=since,
        target_s=target.target_s,
        thresholds=thresholds,
        runs_while_waiting=target.runs_while_waiting,
    )


def stand_still_while_waiting(situation: Situation) -> Decision:
    """Pause what has begun to run while the next word is the customer's."""
    decision, since = nothing(situation), situation.watch.waiting_since
    if since is None:
        return decision
    for name in running_for_customer(situation.watch):
        decision = decision.then(partial(pause, name=name, at=since))
    return decision


def running_for_customer(watch: Watch) -> list[ClockName]:
    """Return those that run, though they stand still while the next word is the customer's."""
    running = (one for one in watch.clocks if not one.ended and one.paused_at is None)
    return [one.name for one in running if one.waits_for_customer]


def pause(situation: Situation, name: ClockName, at: datetime) -> Decision:
    clock = situation.watch.clock(name)
    if clock is None:
        return nothing(situation)
    paused = ClockPaused(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        clock=name,
        paused_at=max(at, clock.runs_since),
        elapsed_s=elapsed_s(situation.configuration.calendar_at(clock.calendar), clock, at),
        reason="waiting for the customer",
    )
    return record(situation, paused)


def escalation_raised(situation: Situation) -> Decision:
    """Promise that somebody upstairs answers, from now on."""
    names: frozenset[ClockName] = frozenset(("acknowledgement",))
    return start(situation, situation.at, names, "escalation open")


def elapsed_s(calendar: Calendar | None, clock: Clock, at: datetime) -> float:
    """Return the business time that its run had spent at `at`."""
    if clock.paused_at is not None:
        return clock.spent_s
    until = max(clock.runs_since, at)
    passed = business_time_between(calendar, clock.runs_since, until)
    return clock.spent_s + passed.total_seconds()


def thresholds_of(
    target: Target, calendar: Calendar | None, since: datetime, spent_s: float
) -> tuple[ClockThreshold, ...]:
    """Return a target's thresholds in order, for a clock that has spent so much by `since`."""
    found = (_threshold(target.target_s, rule, calendar, since, spent_s) for rule in target.rules)
    return tuple(sorted(found, key=_order))


def coming(clock: Clock, calendar: Calendar | None, since: datetime) -> tuple[ClockThreshold, ...]:
    """Return a clock's thresholds: those that have fired, and when the others come from `since`."""
    return (*_fired(clock), *_anew(clock, calendar, since))


def coming_under(
    clock: Clock, target: Target, calendar: Calendar | None, since: datetime, spent_s: float
) -> tuple[ClockThreshold, ...]:
    """Return its thresholds under another target; what has fired does not fire again."""
    gone = _fired(clock)
    places = {_place(each) for each in gone}
    new = thresholds_of(target, calendar, since, spent_s)
    return (*gone, *(each for each in new if _place(each) not in places))


def deadline_of(thresholds: Iterable[ClockThreshold]) -> ClockThreshold:
    return next(
        each for each in thresholds if each.percent == DEADLINE_PERCENT and each.offset_s is None
    )


def _fired(clock: Clock) -> tuple[ClockThreshold, ...]:
    return tuple(
        ClockThreshold(
            percent=each.percent,
            due_at=each.due_at,
            action=each.action,
            offset_s=each.offset_s,
            priority=each.priority,
        )
        for each in clock.fired_ones
    )


def _anew(clock: Clock, calendar: Calendar | None, since: datetime) -> list[ClockThreshold]:
    rules = [
        ThresholdRule(
            action=each.action,
            at_percent=each.percent if each.offset_s is None else None,
            offset_s=each.offset_s,
            priority=each.priority,
        )
        for each in clock.thresholds
        if each.fired_at is None
    ]
    found = (_threshold(clock.target_s, rule, calendar, since, clock.spent_s) for rule in rules)
    return sorted(found, key=_order)


def _threshold(
    target_s: float, rule: ThresholdRule, calendar: Calendar | None, since: datetime, spent_s: float
) -> ClockThreshold:
    """One that is passed by what is spent already comes due at once."""
    stands_at = after_s(target_s, rule.at_percent, rule.offset_s)
    left = timedelta(seconds=max(0.0, stands_at - spent_s))
    return ClockThreshold(
        percent=rule.at_percent or round(stands_at / target_s * DEADLINE_PERCENT),
        due_at=add_business_time(calendar, since, left),
        action=rule.action,
        offset_s=rule.offset_s,
        priority=rule.priority,
    )


def _order(threshold: ClockThreshold) -> tuple[datetime, bool]:
    """Of those at one moment that which raises is first, so that the deadline is."""
    return threshold.due_at, threshold.action != "raise"


def _place(threshold: ClockThreshold) -> tuple[object, ...]:
    place = threshold.percent if threshold.offset_s is None else None
    return threshold.action, place, threshold.offset_s, threshold.priority

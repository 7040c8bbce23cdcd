"""Clocks: started, met, cancelled, and each threshold fired exactly once, never early."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from uuid import NAMESPACE_OID, uuid5

from common.contracts.escalations import (
    ClockBreached,
    ClockCancelled,
    ClockDeadline,
    ClockMet,
    ClockName,
    ClocksStarted,
    ClockWarned,
    PageRequested,
)
from common.contracts.event import PageId, PersonId
from common.messages import Cancel, Schedule, TimerChange
from escalation.domain import words
from escalation.domain.calendars import Calendar, add_business_time
from escalation.domain.climbing import escalate
from escalation.domain.configuration import Ref, Versioned
from escalation.domain.policies import DEADLINE_PERCENT, Target, ThresholdRule
from escalation.domain.situation import Decision, Situation, nothing
from escalation.domain.timers import ClockDue, clock_slot
from escalation.domain.watches import Clock, Reason, Threshold, Watch, ms_between


def start(situation: Situation, since: datetime, only: ClockName | None = None) -> Decision:
    """Start the clocks of the policy in force, counting from `since`; `only` one if given."""
    contact = situation.watch.contact
    policy = situation.configuration.policy_for(contact) if contact else None
    if policy is None:
        return Decision(situation, surprises=("no_policy_matches",))
    calendar = situation.configuration.calendar_of(policy.body)
    clocks = tuple(
        _clock(target, policy.ref, calendar, since)
        for target in policy.body.targets
        if only in (None, target.clock)
    )
    watch = replace(
        situation.watch.having(*clocks),
        ladder_id=policy.body.ladder_id,
        severity=policy.body.severity,
    )
    if not clocks:
        return Decision(replace(situation, watch=watch))
    started = ClocksStarted(
        contact_id=watch.contact_id,
        occurred_at=situation.at,
        policy_id=policy.id,
        policy_version=policy.version,
        clocks=tuple(ClockDeadline(clock=clock.name, due_at=clock.due_at) for clock in clocks),
    )
    timers = tuple(_timer(watch, clock) for clock in clocks)
    return Decision(replace(situation, watch=watch), (started,), timers)


def _clock(
    target: Target, policy: Ref, calendar: Versioned[Calendar] | None, since: datetime
) -> Clock:
    thresholds = (_threshold(target, rule, calendar, since) for rule in target.rules)
    return Clock(
        name=target.clock,
        policy=policy,
        calendar=None if calendar is None else calendar.ref,
        started_at=since,
        target_s=target.target_s,
        thresholds=tuple(sorted(thresholds, key=lambda one: one.due_at)),
    )


def _threshold(
    target: Target, rule: ThresholdRule, calendar: Versioned[Calendar] | None, since: datetime
) -> Threshold:
    after_s = rule.after_s(target.target_s)
    due_at = add_business_time(
        None if calendar is None else calendar.body, since, timedelta(seconds=after_s)
    )
    percent = rule.at_percent or round(after_s / target.target_s * DEADLINE_PERCENT)
    return Threshold(
        percent, due_at, None, rule.action, offset_s=rule.offset_s, priority=rule.priority
    )


def _timer(watch: Watch, clock: Clock) -> TimerChange:
    threshold = clock.next_threshold
    if threshold is None:
        return Cancel(watch.contact_id, clock_slot(clock.name))
    due = ClockDue(contact_id=watch.contact_id, clock=clock.name, percent=threshold.percent)
    return Schedule(due, threshold.due_at)


def come_due(situation: Situation, timer: ClockDue) -> Decision:
    """Fire the threshold that the clock waits for, if it is due."""
    clock = situation.watch.clock(timer.clock)
    threshold = clock.next_threshold if clock else None
    # The clock may have ended or started anew while the timer of its earlier run fired.
    if clock is None or threshold is None or situation.at < threshold.due_at:
        return nothing(situation)
    return _fire(situation, clock, threshold)


def meet(situation: Situation, name: ClockName, met_at: datetime) -> Decision:
    """End the clock as met at `met_at`; what was due before that fires first, as if in time."""
    return _overdue(situation, name, met_at).then(partial(_met, name=name, met_at=met_at))


def cancel(situation: Situation, name: ClockName, at: datetime, because: str) -> Decision:
    return _overdue(situation, name, at).then(partial(_cancelled, name=name, because=because))


def _met(situation: Situation, name: ClockName, met_at: datetime) -> Decision:
    clock = situation.watch.clock(name)
    if clock is None or clock.ended:
        return nothing(situation)
    met = replace(clock, met_at=met_at)
    event = ClockMet(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        clock=name,
        due_at=met.due_at,
        met_at=met_at,
    )
    return Decision(situation.having(met), (event,), (_timer(situation.watch, met),))


def _cancelled(situation: Situation, name: ClockName, because: str) -> Decision:
    clock = situation.watch.clock(name)
    if clock is None or clock.ended:
        return nothing(situation)
    cancelled = replace(clock, cancelled_at=situation.at)
    timer = _timer(situation.watch, cancelled)
    if clock.breached:
        return Decision(situation.having(cancelled), (), (timer,))
    event = ClockCancelled(
        contact_id=situation.contact_id, occurred_at=situation.at, clock=name, because=because
    )
    return Decision(situation.having(cancelled), (event,), (timer,))


def _overdue(situation: Situation, name: ClockName, before: datetime) -> Decision:
    """Fire what was due before `before` and whose timer is late: no fact depends on that delay."""
    decision = nothing(situation)
    while True:
        clock = decision.situation.watch.clock(name)
        threshold = clock.next_threshold if clock else None
        if clock is None or threshold is None:
            return decision
        if threshold.due_at >= before or threshold.due_at > situation.at:
            return decision
        decision = decision.then(partial(_fire, clock=clock, threshold=threshold))


def _fire(situation: Situation, clock: Clock, threshold: Threshold) -> Decision:
    fired = clock.fired(threshold, situation.at)
    after = situation.having(fired)
    timer = _timer(after.watch, fired)
    lateness_ms = ms_between(threshold.due_at, situation.at)
    if threshold.is_deadline:
        breached = ClockBreached(
            contact_id=situation.contact_id,
            occurred_at=situation.at,
            clock=clock.name,
            due_at=clock.due_at,
            lateness_ms=lateness_ms,
        )
        reason = Reason(
            cause="breach",
            text=words.unkept(clock),
            at=situation.at,
            clock=clock.name,
            due_at=clock.due_at,
        )
        return Decision(after, (breached,), (timer,)).then(partial(escalate, reason=reason))
    warned = ClockWarned(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        clock=clock.name,
        threshold_percent=threshold.percent,
        due_at=clock.due_at,
        lateness_ms=lateness_ms,
    )
    return Decision(after, (warned, *_warnings(after, fired, threshold)), (timer,))


def _warnings(
    situation: Situation, clock: Clock, threshold: Threshold
) -> tuple[PageRequested, ...]:
    watch = situation.watch
    if not watch.is_open:
        return ()
    return tuple(
        PageRequested(
            contact_id=watch.contact_id,
            occurred_at=situation.at,
            page_id=_page_id(watch, clock, threshold, person),
            person_id=person,
            reason="warning",
            headline=words.warning_headline(watch, clock, situation.at),
            why=words.why(watch, [words.unkept(clock)]),
            severity=watch.severity,
            respond_by=clock.due_at,
        )
        for person in _to_warn(situation)
    )


def _to_warn(situation: Situation) -> tuple[PersonId, ...]:
    """Return the representative, or while there is none those whom the ladder asks first."""
    if situation.watch.representative_id is not None:
        return (situation.watch.representative_id,)
    ladder = situation.configuration.ladder(situation.watch.ladder_id)
    levels = ladder.body.levels if ladder else ()
    asked = (situation.configuration.people(level, situation.at) for level in levels)
    return next((people for people in asked if people), ())


def _page_id(watch: Watch, clock: Clock, threshold: Threshold, person: PersonId) -> PageId:
    due = threshold.due_at.isoformat()
    return PageId(str(uuid5(NAMESPACE_OID, f"{watch.contact_id}/{clock.name}/{due}/{person}")))

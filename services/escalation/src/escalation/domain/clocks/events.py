"""A clock is what was told of it: the one place where a clock changes, now or when told again."""

from datetime import datetime
from typing import assert_never

from common.contracts.escalations import (
    ClockBreached,
    ClockCancelled,
    ClockDeadline,
    ClockMet,
    ClockPaused,
    ClockResumed,
    ClockRetargeted,
    ClocksStarted,
    ClockThreshold,
    ClockWarned,
)
from escalation.domain.model import Clock, Threshold
from escalation.domain.settings.policies import DEADLINE_PERCENT
from escalation.domain.settings.registry import Ref
from escalation.domain.values import replace

Clocks = tuple[Clock, ...]
ClockChanged = (
    ClockPaused
    | ClockResumed
    | ClockRetargeted
    | ClockWarned
    | ClockBreached
    | ClockMet
    | ClockCancelled
)
ClockEvent = ClocksStarted | ClockChanged
CLOCK_EVENTS: dict[str, type[ClockEvent]] = {
    kind.type: kind
    for kind in (
        ClocksStarted,
        ClockPaused,
        ClockResumed,
        ClockRetargeted,
        ClockWarned,
        ClockBreached,
        ClockMet,
        ClockCancelled,
    )
}


def evolve(clocks: Clocks, event: ClockEvent) -> Clocks:
    """Return the clocks as they are after the event; one that is started anew takes its place."""
    if isinstance(event, ClocksStarted):
        changed = {one.clock: _started(event, one) for one in event.clocks}
        kept = tuple(changed.pop(clock.name, clock) for clock in clocks)
        return (*kept, *changed.values())
    return tuple(_after(clock, event) if clock.name == event.clock else clock for clock in clocks)


def is_whole(event: ClocksStarted) -> bool:
    """Tell whether it says all that a clock is; those of a version before pauses did not."""
    return all(one.thresholds for one in event.clocks)


def _started(event: ClocksStarted, one: ClockDeadline) -> Clock:
    since = one.started_at or event.occurred_at
    thresholds = one.thresholds or (
        ClockThreshold(percent=DEADLINE_PERCENT, due_at=one.due_at, action="raise"),
    )
    return Clock(
        name=one.clock,
        policy=Ref(event.policy_id, event.policy_version),
        calendar=_ref(event.calendar_id, event.calendar_version),
        started_at=since,
        target_s=one.target_s or (one.due_at - since).total_seconds(),
        thresholds=tuple(_threshold(each) for each in thresholds),
        run=one.run,
        runs_while_waiting=one.runs_while_waiting,
    )


def _after(clock: Clock, event: ClockChanged) -> Clock:
    match event:
        case ClockPaused():
            return replace(clock, paused_at=event.paused_at, spent_s=event.elapsed_s)
        case ClockResumed():
            return replace(
                clock,
                paused_at=None,
                resumed_at=event.resumed_at,
                thresholds=_still_to_come(clock, event.thresholds),
            )
        case ClockRetargeted():
            return _retargeted(clock, event)
        case ClockWarned() | ClockBreached():
            return _fired(clock, event)
        case ClockMet():
            terms = terms_at(clock, event.met_at)
            return replace(terms, met_at=event.met_at, cancelled_at=None)
        case ClockCancelled():
            at = event.cancelled_at or event.occurred_at
            return replace(clock, cancelled_at=at, met_at=None)
        case _:
            assert_never(event)


def _retargeted(clock: Clock, event: ClockRetargeted) -> Clock:
    """Run on under other terms, also if it had ended: what ends it is then told anew."""
    return replace(
        clock,
        policy=Ref(event.policy_id, event.policy_version),
        calendar=_ref(event.calendar_id, event.calendar_version),
        target_s=event.target_s,
        thresholds=_still_to_come(clock, event.thresholds),
        met_at=None,
        cancelled_at=None,
        spent_s=event.elapsed_s,
        resumed_at=event.retargeted_at or event.occurred_at,
        paused_at=None if clock.ended or event.runs_while_waiting else clock.paused_at,
        runs_while_waiting=event.runs_while_waiting,
        # Of the others all news comes in order.
        before=replace(clock, met_at=None) if clock.name == "assignment" else None,
    )


def _fired(clock: Clock, event: ClockWarned | ClockBreached) -> Clock:
    if isinstance(event, ClockBreached):
        return clock.fired(clock.deadline, event.occurred_at)
    passed = (
        each
        for each in clock.thresholds
        if each.fired_at is None
        and (each.percent, each.due_at, each.action)
        == (event.threshold_percent, event.threshold_due_at, event.action)
    )
    threshold = next(passed, None)
    return clock if threshold is None else clock.fired(threshold, event.occurred_at)


def terms_at(clock: Clock, at: datetime) -> Clock:
    """Return the clock as it was at `at`, unless the terms since then have had an effect."""
    while (
        clock.before is not None
        and at <= clock.runs_since
        and len(clock.fired_ones) == len(clock.before.fired_ones)
    ):
        clock = clock.before
    return clock


def _still_to_come(clock: Clock, told: tuple[ClockThreshold, ...]) -> tuple[Threshold, ...]:
    """Those that have fired come first, and stay as they are."""
    fired = clock.fired_ones
    return (*fired, *(_threshold(each) for each in told[len(fired) :]))


def _threshold(told: ClockThreshold) -> Threshold:
    return Threshold(
        percent=told.percent,
        due_at=told.due_at,
        action=told.action,
        offset_s=told.offset_s,
        priority=told.priority,
    )


def _ref(setting_id: str | None, version: int | None) -> Ref | None:
    return None if setting_id is None else Ref(setting_id, version or 0)

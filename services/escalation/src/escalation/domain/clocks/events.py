"""A clock is a fold over its events: `apply` is the only function that changes one."""

from datetime import datetime
from typing import assert_never, get_args

from msgspec.structs import replace

from common.contracts.clocks import (
    ClockBreached,
    ClockCancelled,
    ClockDeadline,
    ClockMet,
    ClockName,
    ClockPaused,
    ClockResumed,
    ClockRetargeted,
    ClocksStarted,
    ClockThreshold,
    ClockWarned,
)
from escalation.domain.model import SlaClock, Threshold
from escalation.domain.settings.registry import Ref

Clocks = tuple[SlaClock, ...]
ClockChange = (
    ClockPaused
    | ClockResumed
    | ClockRetargeted
    | ClockWarned
    | ClockBreached
    | ClockMet
    | ClockCancelled
)
ClockEvent = ClocksStarted | ClockChange
_PLACES: dict[str, int] = {name: place for place, name in enumerate(get_args(ClockName))}
CLOCK_EVENTS: dict[str, type[ClockEvent]] = {kind.type: kind for kind in get_args(ClockEvent)}


def apply(clocks: Clocks, event: ClockEvent) -> Clocks:
    """Return the clocks after the event; a clock that starts again replaces its earlier run."""
    if isinstance(event, ClocksStarted):
        earlier = {clock.name: clock for clock in clocks}
        started = {
            deadline.clock: _started(event, deadline, earlier.get(deadline.clock))
            for deadline in event.clocks
        }
        others = tuple(started.pop(clock.name, clock) for clock in clocks)
        return tuple(sorted((*others, *started.values()), key=_place))
    return tuple(_changed(clock, event) if clock.name == event.clock else clock for clock in clocks)


def _place(clock: SlaClock) -> int:
    """One order for all, whichever starts first: stored clocks equal those of their events."""
    return _PLACES[clock.name]


def _started(event: ClocksStarted, deadline: ClockDeadline, earlier: SlaClock | None) -> SlaClock:
    return SlaClock(
        name=deadline.clock,
        policy=Ref(event.policy_id, event.policy_version),
        calendar=_ref(event.calendar_id, event.calendar_version),
        started_at=deadline.started_at,
        target_s=deadline.target_s,
        thresholds=tuple(_threshold(threshold) for threshold in deadline.thresholds),
        run=deadline.run,
        met_run=_met_run(earlier) if earlier else 0,
        runs_while_waiting=deadline.runs_while_waiting,
    )


def _met_run(clock: SlaClock) -> int:
    if clock.name == "assignment":
        # Whether an earlier run was met depends on when its assignment was heard of.
        return 0
    return clock.met_run if clock.met_at is None else clock.run


def _changed(clock: SlaClock, event: ClockChange) -> SlaClock:
    match event:
        case ClockPaused():
            return replace(
                clock,
                paused_at=event.paused_at,
                pause_reason=event.reason,
                spent_s=event.elapsed_s,
            )
        case ClockResumed():
            return replace(
                clock,
                paused_at=None,
                pause_reason=None,
                resumed_at=event.resumed_at,
                thresholds=_updated(clock, event.thresholds),
            )
        case ClockRetargeted():
            return _retargeted(clock, event)
        case ClockWarned() | ClockBreached():
            return _fired(clock, event)
        case ClockMet():
            terms = terms_at(clock, event.met_at)
            return replace(terms, met_at=event.met_at, cancelled_at=None)
        case ClockCancelled():
            return replace(clock, cancelled_at=event.cancelled_at, met_at=None)
        case _:
            assert_never(event)


def _retargeted(clock: SlaClock, event: ClockRetargeted) -> SlaClock:
    """Run on under other terms, also if it had ended: the event that ends it comes again."""
    runs = clock.ended or clock.paused_at is None or event.runs_while_waiting
    return replace(
        clock,
        policy=Ref(event.policy_id, event.policy_version),
        calendar=_ref(event.calendar_id, event.calendar_version),
        target_s=event.target_s,
        thresholds=_updated(clock, event.thresholds),
        met_at=None,
        cancelled_at=None,
        spent_s=event.elapsed_s,
        resumed_at=event.retargeted_at,
        paused_at=None if runs else clock.paused_at,
        pause_reason=None if runs else clock.pause_reason,
        runs_while_waiting=event.runs_while_waiting,
        # Events of the other clocks come in order.
        previous_terms=replace(clock, met_at=None) if clock.name == "assignment" else None,
    )


def _fired(clock: SlaClock, event: ClockWarned | ClockBreached) -> SlaClock:
    if isinstance(event, ClockBreached):
        return clock.with_fired(clock.deadline, event.occurred_at)
    passed = (event.threshold_percent, event.threshold_due_at, event.action)
    for threshold in clock.thresholds:
        place = (threshold.percent, threshold.due_at, threshold.action)
        if threshold.fired_at is None and place == passed:
            return clock.with_fired(threshold, event.occurred_at)
    return clock


def terms_at(clock: SlaClock, at: datetime) -> SlaClock:
    """Return the clock with its terms at `at`, unless later terms have fired a threshold."""
    while (
        clock.previous_terms is not None
        and at <= clock.running_since
        and len(clock.fired_thresholds) == len(clock.previous_terms.fired_thresholds)
    ):
        clock = clock.previous_terms
    return clock


def _updated(clock: SlaClock, thresholds: tuple[ClockThreshold, ...]) -> tuple[Threshold, ...]:
    """Return the thresholds after an event; those that have fired come first and stay."""
    fired = clock.fired_thresholds
    return (*fired, *(_threshold(threshold) for threshold in thresholds[len(fired) :]))


def _threshold(threshold: ClockThreshold) -> Threshold:
    return Threshold(
        percent=threshold.percent,
        due_at=threshold.due_at,
        action=threshold.action,
        offset_s=threshold.offset_s,
        priority=threshold.priority,
    )


def _ref(setting_id: str | None, version: int | None) -> Ref | None:
    return None if setting_id is None else Ref(setting_id, version or 0)

"""The timeline of a contact's clocks from their events: what changed, when, why, in figures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, assert_never

from common.contracts.change_reasons import ChangeReason
from common.contracts.clocks import (
    ClockBreached,
    ClockCancelled,
    ClockMet,
    ClockName,
    ClockPaused,
    ClockResumed,
    ClockRetargeted,
    ClocksStarted,
    ClockWarned,
    ThresholdAction,
)
from common.core.durations import duration_text
from escalation.domain import wording
from escalation.domain.clocks.events import ClockChange, ClockEvent, apply
from escalation.domain.clocks.schedule import elapsed_s
from escalation.domain.duty.calendars import Calendar
from escalation.domain.model import SlaClock
from escalation.domain.wording import STAMP

ChangeCode = Literal[
    "started",
    "paused",
    "resumed",
    "runs-on",
    "retargeted",
    "passed",
    "breached",
    "met",
    "cancelled",
]


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of a clock; it counts from `at`.

    `text` says in English what `code`, `parameters` and `reason` say as data.
    """

    clock: ClockName
    run: int
    at: datetime
    text: str
    code: ChangeCode
    parameters: Mapping[str, Any]
    reason: ChangeReason | None


def summarize(clock: SlaClock, at: datetime) -> str:
    """Say in one line how a clock stands and how it came to that."""
    calendar = "" if clock.calendar is None else f" of calendar {clock.calendar}"
    parts = [
        f"Promised within {duration_text(clock.target_s)}{calendar} by policy {clock.policy}",
        f"started {clock.started_at:{STAMP}}",
    ]
    if clock.paused_at is None:
        parts.append(f"due {clock.due_at:{STAMP}}")
    parts += [
        f"{_action_text(threshold.action)} at {threshold.percent} %"
        f"{_after_due(threshold.lateness_ms)}"
        for threshold in clock.fired_thresholds
        if threshold != clock.deadline
    ]
    if clock.breached:
        parts.append(f"breached{_after_due(clock.deadline.lateness_ms)}")
    parts.append(_state(clock, at))
    return "; ".join(parts) + "."


def _state(clock: SlaClock, at: datetime) -> str:
    if clock.met_at is not None:
        margin = _margin(clock.met_at, clock.due_at)
        return f"{wording.done(clock.name)} {clock.met_at:{STAMP}}, {margin}"
    if clock.cancelled_at is not None:
        return f"cancelled {clock.cancelled_at:{STAMP}}"
    if clock.paused_at is not None:
        why = clock.pause_reason or "unknown reason"
        return f"paused since {clock.paused_at:{STAMP}} with {_left(clock)} left: {why}"
    left = clock.due_at - at
    return (
        f"{duration_text(left)} left" if left > timedelta(0) else f"{duration_text(-left)} overdue"
    )


def _left(clock: SlaClock) -> str:
    return duration_text(_left_s(clock))


def _left_s(clock: SlaClock) -> float:
    return max(0.0, clock.target_s - clock.spent_s)


def clock_before(name: ClockName, events: Iterable[ClockEvent], at: datetime) -> SlaClock | None:
    """Return the clock as it was before `at`; None if it had not started."""
    clocks: tuple[SlaClock, ...] = ()
    for event in events:
        if event.occurred_at < at:
            clocks = apply(clocks, event)
    return next((clock for clock in clocks if clock.name == name), None)


def build_timeline(events: Iterable[ClockEvent]) -> list[Entry]:
    entries: list[Entry] = []
    clocks: tuple[SlaClock, ...] = ()
    for event in events:
        before = {clock.name: clock for clock in clocks}
        clocks = apply(clocks, event)
        if isinstance(event, ClocksStarted):
            started = {deadline.clock for deadline in event.clocks}
            entries += [_start(clock, event) for clock in clocks if clock.name in started]
        elif event.clock in before:
            entries.append(_entry(before[event.clock], event))
    return entries


def _start(clock: SlaClock, event: ClocksStarted) -> Entry:
    text = (
        f"started, {_target_text(clock.target_s, clock.calendar)} by policy {clock.policy}, "
        f"due {clock.due_at:{STAMP}}: {event.reason}"
    )
    parameters = {
        **_terms(event.policy_id, event.policy_version, event.calendar_id),
        "target_s": clock.target_s,
        "due_at": clock.due_at,
    }
    return Entry(
        clock.name, clock.run, clock.started_at, text, "started", parameters, event.change_reason
    )


def _terms(policy_id: str, version: int, calendar_id: str | None) -> dict[str, Any]:
    return {"policy_id": policy_id, "policy_version": version, "calendar_id": calendar_id}


def _target_text(target_s: float, calendar: object | None) -> str:
    hours = f"of calendar {calendar}" if calendar else "round the clock"
    return f"{duration_text(target_s)} {hours}"


def _entry(clock: SlaClock, event: ClockChange) -> Entry:
    code, parameters = _data(clock, event)
    return Entry(
        clock.name,
        clock.run,
        _counts_from(event),
        _text(clock, event),
        code,
        parameters,
        None if isinstance(event, ClockWarned | ClockBreached | ClockMet) else event.change_reason,
    )


def _data(clock: SlaClock, event: ClockChange) -> tuple[ChangeCode, dict[str, Any]]:
    """Return what `_text` says, for other languages."""
    match event:
        case ClockPaused():
            return "paused", {"elapsed_s": event.elapsed_s}
        case ClockResumed():
            return "resumed", {"left_s": _left_s(clock), "due_at": event.due_at}
        case ClockRetargeted():
            return "runs-on" if event.counted_until else "retargeted", {
                **_terms(event.policy_id, event.policy_version, event.calendar_id),
                "before_s": clock.target_s,
                "target_s": event.target_s,
                "elapsed_s": event.elapsed_s,
                "due_at": event.due_at,
            }
        case ClockWarned() | ClockBreached():
            return _passed_data(event)
        case ClockMet():
            return "met", {"late_s": (event.met_at - event.due_at).total_seconds()}
        case ClockCancelled():
            return "cancelled", {}
        case _:
            assert_never(event)


def _counts_from(event: ClockChange) -> datetime:
    """Return from when it counts, which may be before the event occurred."""
    match event:
        case ClockPaused():
            return event.paused_at
        case ClockResumed():
            return event.resumed_at
        case ClockRetargeted():
            return event.retargeted_at
        case ClockMet():
            return event.met_at
        case ClockCancelled():
            return event.cancelled_at
        case ClockWarned() | ClockBreached():
            return event.occurred_at
        case _:
            assert_never(event)


def _text(clock: SlaClock, event: ClockChange) -> str:
    match event:
        case ClockPaused():
            return f"paused after {duration_text(event.elapsed_s)}: {event.reason}"
        case ClockResumed():
            return f"resumed with {_left(clock)} left, due {event.due_at:{STAMP}}: {event.reason}"
        case ClockRetargeted():
            return _retargeted(clock, event)
        case ClockWarned() | ClockBreached():
            return f"{_passed(event)}{_after_due(event.lateness_ms)}"
        case ClockMet():
            return f"{wording.done(event.clock)}, {_margin(event.met_at, event.due_at)}"
        case ClockCancelled():
            return f"cancelled: {event.reason}"
        case _:
            assert_never(event)


def _passed_data(event: ClockWarned | ClockBreached) -> tuple[ChangeCode, dict[str, Any]]:
    lateness = {"lateness_s": event.lateness_ms / 1000}
    if isinstance(event, ClockBreached):
        return "breached", lateness
    return "passed", {"percent": event.threshold_percent, "action": event.action, **lateness}


def _retargeted(clock: SlaClock, event: ClockRetargeted) -> str:
    before, after = duration_text(clock.target_s), duration_text(event.target_s)
    change = "runs on" if event.counted_until else f"retargeted from {before} to {after}"
    return (
        f"{change} by policy {event.policy_id} "
        f"v{event.policy_version} after {duration_text(event.elapsed_s)}, "
        f"due {event.due_at:{STAMP}}: {event.reason}"
    )


def _passed(event: ClockWarned | ClockBreached) -> str:
    if isinstance(event, ClockBreached):
        return "breached"
    return f"passed {event.threshold_percent} %, {_action_text(event.action)}"


def _action_text(action: ThresholdAction) -> str:
    match action:
        case "warn_representative":
            return "warning for the representative"
        case "warn_supervisor":
            return "warning for supervisors"
        case "raise":
            return "raised"
        case "change_priority":
            return "priority change requested"
        case _:
            assert_never(action)


def _after_due(lateness_ms: float) -> str:
    return f" (noticed {duration_text(lateness_ms / 1000)} after it was due)"


def _margin(met_at: datetime, due_at: datetime) -> str:
    late = met_at - due_at
    return (
        f"{duration_text(late)} late"
        if late > timedelta(0)
        else f"{duration_text(-late)} before it was due"
    )


def spent_s(calendar: Calendar | None, clock: SlaClock, at: datetime) -> float:
    """Return the business time that its run took, up to its end or to `at`."""
    return elapsed_s(calendar, clock, clock.met_at or clock.cancelled_at or at)

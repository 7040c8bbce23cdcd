"""The story of a contact's clocks, told from their events: what, when, why, and in what figures."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from common.contracts.escalations import (
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
from escalation.domain.clocks.events import ClockChanged, ClockEvent, evolve
from escalation.domain.clocks.schedule import elapsed_s
from escalation.domain.duty.calendars import Calendar
from escalation.domain.model import Clock
from escalation.domain.wording import STAMP, span


@dataclass(frozen=True, slots=True)
class Line:
    """One change of a clock; `at` is from when it counts.

    `paused_because` says why it stood still from then on, if it did.
    """

    clock: ClockName
    run: int
    at: datetime
    what: str
    paused_because: str | None = None


def summary(clock: Clock, at: datetime) -> str:
    """Tell how a clock stands, and how it came to that, in one line."""
    calendar = "" if clock.calendar is None else f" of calendar {clock.calendar}"
    told = [
        f"Promised within {span(clock.target_s)}{calendar} by policy {clock.policy}",
        f"started {clock.started_at:{STAMP}}",
    ]
    if clock.paused_at is None:
        told.append(f"due {clock.due_at:{STAMP}}")
    told += [
        f"{_done(each.action)} at {each.percent} %{_after_due(each.lateness_ms)}"
        for each in clock.fired_ones
        if each != clock.deadline
    ]
    if clock.breached:
        told.append(f"breached{_after_due(clock.deadline.lateness_ms)}")
    told.append(_state(clock, at))
    return "; ".join(told) + "."


def _state(clock: Clock, at: datetime) -> str:
    if clock.met_at is not None:
        return f"met {clock.met_at:{STAMP}}, {_margin(clock.met_at, clock.due_at)}"
    if clock.cancelled_at is not None:
        return f"cancelled {clock.cancelled_at:{STAMP}}"
    if clock.paused_at is not None:
        return f"paused since {clock.paused_at:{STAMP}} with {_left(clock)} left"
    left = clock.due_at - at
    return f"{span(left)} left" if left > timedelta(0) else f"{span(-left)} overdue"


def _left(clock: Clock) -> str:
    return span(max(0.0, clock.target_s - clock.spent_s))


def tell(events: Iterable[ClockEvent]) -> list[Line]:
    lines: list[Line] = []
    clocks: tuple[Clock, ...] = ()
    for event in events:
        before = {clock.name: clock for clock in clocks}
        clocks = evolve(clocks, event)
        if isinstance(event, ClocksStarted):
            started = {one.clock for one in event.clocks}
            lines += [_start(one, event) for one in clocks if one.name in started]
        elif event.clock in before:
            lines.append(_line(before[event.clock], event))
    return lines


def _start(clock: Clock, event: ClocksStarted) -> Line:
    because = f": {event.reason}" if event.reason else ""
    what = (
        f"started, {_promised(clock.target_s, clock.calendar)} by policy {clock.policy}, "
        f"due {clock.due_at:{STAMP}}{because}"
    )
    return Line(clock.name, clock.run, clock.started_at, what)


def _promised(target_s: float, calendar: object | None) -> str:
    counted = f"of calendar {calendar}" if calendar else "round the clock"
    return f"{span(target_s)} {counted}"


def _line(clock: Clock, event: ClockChanged) -> Line:
    because = event.reason if isinstance(event, ClockPaused) else None
    return Line(clock.name, clock.run, _when(event), _what(clock, event), because)


def _when(event: ClockChanged) -> datetime:
    """Return from when it counts, which may be before it was told."""
    match event:
        case ClockPaused():
            return event.paused_at
        case ClockResumed():
            return event.resumed_at
        case ClockRetargeted():
            return event.retargeted_at or event.occurred_at
        case ClockMet():
            return event.met_at
        case ClockCancelled():
            return event.cancelled_at or event.occurred_at
        case ClockWarned() | ClockBreached():
            return event.occurred_at
        case _:
            assert_never(event)


def _what(clock: Clock, event: ClockChanged) -> str:
    match event:
        case ClockPaused():
            return f"paused after {span(event.elapsed_s)}: {event.reason}"
        case ClockResumed():
            return f"resumed with {_left(clock)} left, due {event.due_at:{STAMP}}: {event.reason}"
        case ClockRetargeted():
            return _retargeted(clock, event)
        case ClockWarned() | ClockBreached():
            return f"{_passed(event)}{_after_due(event.lateness_ms)}"
        case ClockMet():
            return f"met, {_margin(event.met_at, event.due_at)}"
        case ClockCancelled():
            return f"cancelled: {event.reason}"
        case _:
            assert_never(event)


def _retargeted(clock: Clock, event: ClockRetargeted) -> str:
    return (
        f"retargeted from {span(clock.target_s)} to {span(event.target_s)} by policy "
        f"{event.policy_id} v{event.policy_version} after {span(event.elapsed_s)}, "
        f"due {event.due_at:{STAMP}}: {event.reason}"
    )


def _passed(event: ClockWarned | ClockBreached) -> str:
    if isinstance(event, ClockBreached):
        return "breached"
    return f"passed {event.threshold_percent} %, {_done(event.action)}"


def _done(action: ThresholdAction | None) -> str:
    match action:
        case "warn_representative" | None:
            return "warning for the representative"
        case "warn_supervisor":
            return "warning for supervisors"
        case "raise":
            return "raised"
        case "change_priority":
            return "time for another priority"
        case _:
            assert_never(action)


def _after_due(lateness_ms: float) -> str:
    return f" (noticed {span(lateness_ms / 1000)} after it was due)"


def _margin(met_at: datetime, due_at: datetime) -> str:
    late = met_at - due_at
    return f"{span(late)} late" if late > timedelta(0) else f"{span(-late)} before it was due"


def why_paused(lines: Iterable[Line]) -> str | None:
    pauses = [line.paused_because for line in lines if line.paused_because]
    return pauses[-1] if pauses else None


def spent_s(calendar: Calendar | None, clock: Clock, at: datetime) -> float:
    """Return the business time that its run took, up to its end or to `at`."""
    return elapsed_s(calendar, clock, clock.met_at or clock.cancelled_at or at)

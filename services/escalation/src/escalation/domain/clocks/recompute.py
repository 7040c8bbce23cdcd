"""Clocks worked out again from what was told of them, in figures that can be checked by hand."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from itertools import pairwise

from common.contracts.escalations import ClockName, ClocksStarted
from escalation.domain.clocks.events import ClockEvent, evolve, is_whole
from escalation.domain.duty.calendars import Calendar, edges, open_at
from escalation.domain.model import Clock
from escalation.domain.settings.registry import Configuration, Ref


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which the clock ran, by which calendar; `end` is nil while it runs."""

    start: datetime
    end: datetime | None
    calendar: Ref | None


@dataclass(frozen=True, slots=True)
class Run:
    """A clock as the last event of one of its runs left it, and when it ran.

    One that is not `whole` was started by a version that did not tell its terms.
    """

    clock: Clock
    stretches: tuple[Stretch, ...]
    whole: bool

    def until(self, end: datetime) -> tuple[tuple[datetime, datetime, Ref | None], ...]:
        """Return when it ran, up to its own end or to `end`."""
        end = self.clock.met_at or self.clock.cancelled_at or end
        return tuple(
            (one.start, min(one.end or end, end), one.calendar)
            for one in self.stretches
            if one.start < end
        )


def runs(events: Iterable[ClockEvent]) -> list[Run]:
    found: dict[tuple[ClockName, int], Run] = {}
    clocks: tuple[Clock, ...] = ()
    for event in events:
        clocks = evolve(clocks, event)
        for clock in clocks:
            known = found.get((clock.name, clock.run))
            if known is None:
                whole = isinstance(event, ClocksStarted) and is_whole(event)
                found[clock.name, clock.run] = Run(clock, _running(clock), whole)
            elif known.clock != clock:
                found[clock.name, clock.run] = _changed(known, clock)
    return list(found.values())


def _running(clock: Clock) -> tuple[Stretch, ...]:
    return (Stretch(clock.runs_since, None, clock.calendar),)


def _changed(run: Run, clock: Clock) -> Run:
    """Begin another stretch where it runs on, or by other terms; end one where it stands still."""
    stretches = run.stretches
    if clock.paused_at is not None and run.clock.paused_at is None:
        stretches = _ended(stretches, clock.paused_at)
    elif clock.paused_at is None and clock.runs_since > run.clock.runs_since:
        stretches = (*_ended(stretches, clock.runs_since), *_running(clock))
    return replace(run, clock=clock, stretches=stretches)


def _ended(stretches: tuple[Stretch, ...], at: datetime) -> tuple[Stretch, ...]:
    *earlier, last = stretches
    return (*earlier, replace(last, end=last.end or at))


def open_within(
    calendar: Calendar | None, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the parts in which business was open."""
    if calendar is None:
        yield start, end
        return
    for opens, closes in pairwise(sorted({start, end, *edges(calendar, start, end)})):
        if open_at(calendar, opens):
            yield opens, closes


def counted(run: Run, configuration: Configuration, at: datetime) -> timedelta:
    """Add up the open hours in which it ran, one by one."""
    return sum(
        (
            closes - opens
            for start, end, ref in run.until(at)
            for opens, closes in open_within(configuration.calendar_at(ref), start, end)
        ),
        timedelta(0),
    )


def differences(kept: Sequence[Clock], told: Sequence[Run]) -> list[str]:
    """Name what is kept of a clock and was not told of it, and the other way round."""
    last = {run.clock.name: run for run in told}
    found = [f"{clock.name}: kept, and never told of" for clock in kept if clock.name not in last]
    known = {clock.name: clock for clock in kept}
    for name, run in last.items():
        if name not in known:
            found.append(f"{name}: told of, and not kept")
        elif run.whole:
            found += _differing(known[name], run.clock)
    return found


def _differing(kept: Clock, told: Clock) -> Iterator[str]:
    for field in fields(Clock):
        here, there = getattr(kept, field.name), getattr(told, field.name)
        if here != there:
            yield f"{kept.name}: {field.name} is kept as {here}, and was told as {there}"

"""Recomputes clocks from their events, in figures that can be checked by hand."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import structs

from common.contracts.clocks import ClockName, ClockRetargeted
from escalation.domain.clocks.events import ClockEvent, apply
from escalation.domain.duty.calendars import Calendar, edges, open_at
from escalation.domain.model import SlaClock
from escalation.domain.settings.registry import Configuration, Ref


@dataclass(frozen=True, slots=True)
class Interval:
    """A time in which the clock ran, and its calendar; `end` is None while it runs."""

    start: datetime
    end: datetime | None
    calendar: Ref | None


@dataclass(frozen=True, slots=True)
class ClockRun:
    """A clock as the last event of one of its runs left it, and when it ran."""

    clock: SlaClock
    intervals: tuple[Interval, ...]

    def intervals_until(self, end: datetime) -> tuple[tuple[datetime, datetime, Ref | None], ...]:
        """Return when it ran, up to its own end or to `end`."""
        end = self.clock.met_at or self.clock.cancelled_at or end
        return tuple(
            (interval.start, min(interval.end or end, end), interval.calendar)
            for interval in self.intervals
            if interval.start < end
        )


def clock_runs(events: Iterable[ClockEvent]) -> list[ClockRun]:
    runs: dict[tuple[ClockName, int], ClockRun] = {}
    clocks: tuple[SlaClock, ...] = ()
    for event in events:
        clocks = apply(clocks, event)
        for clock in clocks:
            key = clock.name, clock.run
            run = runs.get(key)
            if run is None:
                runs[key] = ClockRun(clock, _open_interval(clock))
            elif run.clock != clock:
                runs[key] = _changed(run, clock, _counted_until(event) or clock.running_since)
    return list(runs.values())


def _open_interval(clock: SlaClock) -> tuple[Interval, ...]:
    return (Interval(clock.running_since, None, clock.calendar),)


def _counted_until(event: ClockEvent) -> datetime | None:
    return event.counted_until if isinstance(event, ClockRetargeted) else None


def _changed(run: ClockRun, clock: SlaClock, counted_until: datetime) -> ClockRun:
    """Begin another interval where it runs on or has other terms; end one where it pauses."""
    intervals = run.intervals
    if clock.paused_at is not None and run.clock.paused_at is None:
        intervals = _ended(intervals, clock.paused_at)
    elif clock.paused_at is None and (
        run.clock.paused_at is not None or clock.running_since > run.clock.running_since
    ):
        intervals = (*_ended(intervals, counted_until), *_open_interval(clock))
    return replace(run, clock=clock, intervals=intervals)


def _ended(intervals: tuple[Interval, ...], at: datetime) -> tuple[Interval, ...]:
    *earlier, last = intervals
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


def counted_time(run: ClockRun, configuration: Configuration, at: datetime) -> timedelta:
    """Add up the open hours in which it ran, one by one."""
    return sum(
        (
            closes - opens
            for start, end, ref in run.intervals_until(at)
            for opens, closes in open_within(configuration.calendar_version(ref), start, end)
        ),
        timedelta(0),
    )


def find_differences(stored: Sequence[SlaClock], runs: Sequence[ClockRun]) -> list[str]:
    """Name each difference between the stored clocks and those recomputed from events."""
    recomputed = {run.clock.name: run.clock for run in runs}
    stored_names = {clock.name for clock in stored}
    differences = [
        f"{clock.name}: stored, but no event started it"
        for clock in stored
        if clock.name not in recomputed
    ]
    differences += [
        f"{name}: started by an event, but not stored"
        for name in recomputed
        if name not in stored_names
    ]
    for clock in stored:
        if clock.name in recomputed:
            differences += _differing_fields(clock, recomputed[clock.name])
    return differences


def _differing_fields(stored: SlaClock, recomputed: SlaClock) -> Iterator[str]:
    for field in structs.fields(SlaClock):
        actual, expected = getattr(stored, field.name), getattr(recomputed, field.name)
        if actual != expected:
            yield f"{stored.name}: {field.name} is stored as {actual}, but events say {expected}"

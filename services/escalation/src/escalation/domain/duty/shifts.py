"""Shifts and gaps: who is on duty from when until when, and when nobody is.

All are computed by `on_duty`, once for each interval in which nothing changes, so that they agree.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from common.contracts.event import PersonId
from escalation.domain.duty.calendars import edges
from escalation.domain.duty.schedules import (
    NO_ABSENCES,
    Absences,
    DutySchedule,
    DutyWindow,
    on_duty,
)

# Most shifts end within the first, which is cheap; one beyond the second counts as endless.
_HORIZONS = (timedelta(days=8), timedelta(days=366))


@dataclass(frozen=True, slots=True)
class Shift:
    person_id: PersonId
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which nobody is on duty though somebody should be."""

    start: datetime
    end: datetime


def shifts(
    schedule: DutySchedule, start: datetime, end: datetime, absences: Absences = NO_ABSENCES
) -> list[Shift]:
    """Return the shifts between two instants; turns that follow each other are one shift."""
    result: list[Shift] = []
    for interval in _intervals(schedule, start, end, absences):
        for person in interval.people:
            if result and (result[-1].person_id, result[-1].end) == (person, interval.start):
                result[-1] = Shift(person, result[-1].start, interval.end)
            else:
                result.append(Shift(person, interval.start, interval.end))
    return result


def gaps(
    schedule: DutySchedule, start: datetime, end: datetime, absences: Absences = NO_ABSENCES
) -> list[Gap]:
    result: list[Gap] = []
    for interval in _intervals(schedule, start, end, absences):
        if interval.people or not schedule.should_have_somebody(interval.start):
            continue
        if result and result[-1].end == interval.start:
            result[-1] = Gap(result[-1].start, interval.end)
        else:
            result.append(Gap(interval.start, interval.end))
    return result


def shift_end(
    schedule: DutySchedule, person: PersonId, at: datetime, absences: Absences = NO_ABSENCES
) -> datetime | None:
    """Return when the person's duty ends; None if there is none or it lasts over a year."""
    if person not in on_duty(schedule, at, absences):
        return None
    for horizon in _HORIZONS:
        for interval in _intervals(schedule, at, at.astimezone(UTC) + horizon, absences):
            if person not in interval.people:
                return interval.start
    return None


def format_period(start: datetime, end: datetime) -> str:
    """Return the period as text: `Mon 2026-03-09 17:00 to 18:00 UTC`."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    day = "" if start.date() == end.date() else "%a %Y-%m-%d "
    return f"{start:%a %Y-%m-%d %H:%M} to {end:{day}%H:%M} UTC"


@dataclass(frozen=True, slots=True)
class _Interval:
    start: datetime
    end: datetime
    people: Sequence[PersonId]


def _intervals(
    schedule: DutySchedule, start: datetime, end: datetime, absences: Absences
) -> Iterator[_Interval]:
    """Yield the intervals from `start` to `end` in each of which the same people are on duty."""
    # In UTC, since Python compares times of one zone by their wall clock.
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    changes = (at for at in _changes(schedule, start, end, absences) if start < at < end)
    for from_, until in pairwise(sorted({start, *changes, end})):
        yield _Interval(from_, until, on_duty(schedule, from_, absences))


def _changes(
    schedule: DutySchedule, start: datetime, end: datetime, absences: Absences
) -> Iterator[datetime]:
    """Yield the instants at which the people on duty, or the need for them, may change."""
    for rotation in schedule.rotations:
        yield from rotation.hand_overs(start, end)
        if rotation.calendar is not None:
            yield from edges(rotation.calendar, start, end)
    if schedule.covers is not None:
        yield from edges(schedule.covers, start, end)
    absent = (absence for person in schedule.people for absence in absences.get(person, ()))
    windows: tuple[DutyWindow, ...] = (*schedule.overrides, *schedule.swaps, *absent)
    for window in windows:
        yield from (window.from_.astimezone(UTC), window.until.astimezone(UTC))

"""Shifts and gaps: who is on duty from when until when, and when nobody is.

All are computed by `on_duty`, once for each interval in which nothing changes, so that they agree.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from common.contracts.event import PersonId
from escalation.domain.duty.calendars import edges
from escalation.domain.duty.rosters import Roster, on_duty
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.duty.stand_ins import with_stand_ins
from escalation.domain.duty.windows import NO_ABSENCES, Absences, DutyWindow

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


@dataclass(frozen=True, slots=True)
class Interval:
    """A time in which the people on duty stay the same."""

    start: datetime
    end: datetime
    people: Sequence[PersonId]
    should_have_somebody: bool


def shifts(
    roster: Roster, start: datetime, end: datetime, absences: Absences = NO_ABSENCES
) -> list[Shift]:
    """Return the shifts between two instants; turns that follow each other are one shift."""
    return merge_shifts(intervals(roster, start, end, absences))


def gaps(
    roster: Roster, start: datetime, end: datetime, absences: Absences = NO_ABSENCES
) -> list[Gap]:
    return merge_gaps(intervals(roster, start, end, absences))


def merge_shifts(parts: Iterable[Interval]) -> list[Shift]:
    """Return the shifts in order of their beginning; those of several people may overlap."""
    result: list[Shift] = []
    last: dict[PersonId, int] = {}
    for part in parts:
        for person in part.people:
            n = last.get(person)
            if n is not None and result[n].end == part.start:
                result[n] = Shift(person, result[n].start, part.end)
            else:
                last[person] = len(result)
                result.append(Shift(person, part.start, part.end))
    return result


def merge_gaps(parts: Iterable[Interval]) -> list[Gap]:
    result: list[Gap] = []
    for part in parts:
        if part.people or not part.should_have_somebody:
            continue
        if result and result[-1].end == part.start:
            result[-1] = Gap(result[-1].start, part.end)
        else:
            result.append(Gap(part.start, part.end))
    return result


def shift_end(
    roster: Roster, person: PersonId, at: datetime, absences: Absences = NO_ABSENCES
) -> datetime | None:
    """Return when the person's duty ends; None if there is none or it lasts over a year."""
    if person not in on_duty(roster, at, absences):
        return None
    for horizon in _HORIZONS:
        for interval in intervals(roster, at, at.astimezone(UTC) + horizon, absences):
            if person not in interval.people:
                return interval.start
    return None


def format_period(start: datetime, end: datetime) -> str:
    """Return the period as text: `Mon 2026-03-09 17:00 to 18:00 UTC`."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    day = "" if start.date() == end.date() else "%a %Y-%m-%d "
    return f"{start:%a %Y-%m-%d %H:%M} to {end:{day}%H:%M} UTC"


def intervals(
    roster: Roster, start: datetime, end: datetime, absences: Absences
) -> Iterator[Interval]:
    """Yield the intervals from `start` to `end` in each of which the same people are on duty."""
    # In UTC, since Python compares times of one zone by their wall clock.
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    changes = (at for at in _changes(roster, start, end, absences) if start < at < end)
    for from_, until in pairwise(sorted({start, *changes, end})):
        people = on_duty(roster, from_, absences)
        yield Interval(from_, until, people, roster.should_have_somebody(from_))


def _changes(
    roster: Roster, start: datetime, end: datetime, absences: Absences
) -> Iterator[datetime]:
    """Yield the instants at which the people on duty, or the need for them, may change."""
    for from_, until, schedule in roster.periods(start, end):
        yield from_
        if schedule is not None:
            yield from _changes_of_schedule(schedule, from_, until)
    people = with_stand_ins(roster.people, absences)
    absent = (absence for person in people for absence in absences.get(person, ()))
    windows: tuple[DutyWindow, ...] = (*roster.changes.overrides, *roster.changes.swaps, *absent)
    for window in windows:
        yield from (window.from_.astimezone(UTC), window.until.astimezone(UTC))


def _changes_of_schedule(
    schedule: DutySchedule, start: datetime, end: datetime
) -> Iterator[datetime]:
    for rotation in schedule.rotations:
        yield from rotation.hand_overs(start, end)
        if rotation.calendar is not None:
            yield from edges(rotation.calendar, start, end)
    if schedule.covers is not None:
        yield from edges(schedule.covers, start, end)

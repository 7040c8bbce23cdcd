"""Who is on duty from when until when, and when nobody is.

Each is asked of `on_duty`, once for each stretch in which nothing changes, so that all agree.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from common.contracts.event import PersonId
from escalation.domain.duty.calendars import edges
from escalation.domain.duty.schedules import NO_ABSENCES, Absences, DutySchedule, Window, on_duty

# A shift that ends within the first is found cheaply; one that outlasts the second has no end.
_HORIZONS = (timedelta(days=8), timedelta(days=366))


@dataclass(frozen=True, slots=True)
class Shift:
    person_id: PersonId
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody is on duty when somebody should be."""

    start: datetime
    end: datetime


def shifts(
    schedule: DutySchedule, start: datetime, end: datetime, absences: Absences = NO_ABSENCES
) -> list[Shift]:
    """Return who is on duty between two instants, turns that follow each other as one shift."""
    found: list[Shift] = []
    for stretch in _stretches(schedule, start, end, absences):
        for person in stretch.people:
            if found and (found[-1].person_id, found[-1].end) == (person, stretch.start):
                found[-1] = Shift(person, found[-1].start, stretch.end)
            else:
                found.append(Shift(person, stretch.start, stretch.end))
    return found


def gaps(
    schedule: DutySchedule, start: datetime, end: datetime, absences: Absences = NO_ABSENCES
) -> list[Gap]:
    found: list[Gap] = []
    for stretch in _stretches(schedule, start, end, absences):
        if stretch.people or not schedule.should_have_somebody(stretch.start):
            continue
        if found and found[-1].end == stretch.start:
            found[-1] = Gap(found[-1].start, stretch.end)
        else:
            found.append(Gap(stretch.start, stretch.end))
    return found


def shift_end(
    schedule: DutySchedule, person: PersonId, at: datetime, absences: Absences = NO_ABSENCES
) -> datetime | None:
    """Return when the person's duty ends; nil if there is none, or it lasts for over a year."""
    if person not in on_duty(schedule, at, absences):
        return None
    for horizon in _HORIZONS:
        for stretch in _stretches(schedule, at, at.astimezone(UTC) + horizon, absences):
            if person not in stretch.people:
                return stretch.start
    return None


def period(start: datetime, end: datetime) -> str:
    """Say when: `Mon 2026-03-09 17:00 to 18:00 UTC`."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    day = "" if start.date() == end.date() else "%a %Y-%m-%d "
    return f"{start:%a %Y-%m-%d %H:%M} to {end:{day}%H:%M} UTC"


@dataclass(frozen=True, slots=True)
class _Stretch:
    start: datetime
    end: datetime
    people: Sequence[PersonId]


def _stretches(
    schedule: DutySchedule, start: datetime, end: datetime, absences: Absences
) -> Iterator[_Stretch]:
    """Yield parts of the time from `start` to `end` in each of which the same are on duty."""
    # In UTC, for Python reckons within one zone by its wall clock.
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    changes = (at for at in _changes(schedule, start, end, absences) if start < at < end)
    for from_, until in pairwise(sorted({start, *changes, end})):
        yield _Stretch(from_, until, on_duty(schedule, from_, absences))


def _changes(
    schedule: DutySchedule, start: datetime, end: datetime, absences: Absences
) -> Iterator[datetime]:
    """Yield all instants at which it may change who is on duty, or whether somebody should be."""
    for rotation in schedule.rotations:
        yield from rotation.hand_overs(start, end)
        if rotation.calendar is not None:
            yield from edges(rotation.calendar, start, end)
    if schedule.covers is not None:
        yield from edges(schedule.covers, start, end)
    absent = (each for person in schedule.people for each in absences.get(person, ()))
    windows: tuple[Window, ...] = (*schedule.overrides, *schedule.swaps, *absent)
    for window in windows:
        yield from (window.from_.astimezone(UTC), window.until.astimezone(UTC))

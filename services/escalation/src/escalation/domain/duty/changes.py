"""Changes to a duty schedule: what is invalid, and who may change whose shifts."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby, pairwise

from common.contracts.event import PersonId
from escalation.domain.duty.calendars import edges
from escalation.domain.duty.schedules import MAX_CHANGES, DutySchedule, Override, Swap
from escalation.domain.duty.shifts import format_period, shifts
from escalation.domain.errors import InvalidChangeError, NotOwnShiftError

# Slightly over a year from the start of the last rotation: every week of the year, with all
# daylight saving states of the zones.
_CHECKED_PERIOD = timedelta(days=380)
# How late a change that starts "now" may arrive.
_LATENESS = timedelta(minutes=5)


def validate(schedule: DutySchedule) -> Iterator[tuple[str, str]]:
    """Yield (place, error) where rotations overlap or leave a gap week by week.

    A gap before the last rotation starts is allowed.
    """
    errors: dict[str, str] = {}
    for (staffed, needed), when in _weekly_staffing(schedule):
        if len(staffed) > 1:
            error = f"Overlaps rotations/{staffed[0]}, first from {when}."
            errors.setdefault(f"rotations/{staffed[1]}/hours", error)
        elif needed and not staffed:
            errors.setdefault("rotations", f"Nobody from {when}.")
    yield from errors.items()


_Staffing = tuple[tuple[int, ...], bool]


def _weekly_staffing(schedule: DutySchedule) -> Iterator[tuple[_Staffing, str]]:
    """Yield ((rotations that have somebody, whether one should), period), in order of time."""
    start = max(rotation.starts_at for rotation in schedule.rotations).astimezone(UTC)
    end = start + _CHECKED_PERIOD
    calendars = (schedule.covers, *(rotation.calendar for rotation in schedule.rotations))
    weekly = (edges(calendar, start, end) for calendar in calendars if calendar is not None)
    instants = sorted({start, end, *chain.from_iterable(weekly)})

    def staffing(interval: tuple[datetime, datetime]) -> _Staffing:
        at = interval[0]
        staffed = tuple(
            n for n, rotation in enumerate(schedule.rotations) if rotation.has_somebody(at)
        )
        return staffed, schedule.should_have_somebody(at)

    for state, group in groupby(pairwise(instants), key=staffing):
        intervals = list(group)
        yield state, format_period(intervals[0][0], intervals[-1][1])


def consent_needed(
    schedule: DutySchedule, change: Override | Swap, by: PersonId
) -> PersonId | None:
    """Return who must agree before a change that `by` asks for, or None.

    Raises NotOwnShiftError where the change is a manager's.
    """
    if isinstance(change, Swap):
        if by not in (change.first, change.second):
            raise NotOwnShiftError(_manager_needed({change.first, change.second}))
        return change.instead_of(by)
    planned = _planned(schedule, change)
    turns = _planned(replace(schedule, overrides=()), change)
    if change.person_id == by:
        # Anybody may fill a gap, and the person whose turn it is may take back a shift.
        if not planned or {by} in (planned, turns):
            return None
    elif planned == {by}:
        return change.person_id
    raise NotOwnShiftError(_manager_needed((planned | {change.person_id}) - {by}))


def people_affected(schedule: DutySchedule, change: Override | Swap) -> frozenset[PersonId]:
    """Return who has other shifts after the change."""
    if isinstance(change, Swap):
        return frozenset((change.first, change.second))
    return frozenset((change.person_id, *_planned(schedule, change)))


def _planned(schedule: DutySchedule, window: Override | Swap) -> set[PersonId]:
    return {shift.person_id for shift in shifts(schedule, window.from_, window.until)}


def require_future(change: Override | Swap, at: datetime) -> None:
    """Raise InvalidChangeError for a change that says who was on duty before."""
    if change.from_ < at - _LATENESS:
        raise InvalidChangeError(
            f"It starts in the past. Let it start at {at:%Y-%m-%dT%H:%M:%SZ} or later."
        )


def apply_change(schedule: DutySchedule, change: Override | Swap) -> DutySchedule:
    """Put somebody on duty, or let two people take each other's turns."""
    if isinstance(change, Override):
        if change in schedule.overrides:
            return schedule
        after = replace(schedule, overrides=(*schedule.overrides, change))
        return _changed(schedule, after, change)
    if change in schedule.swaps:
        return schedule
    planned = _planned(schedule, change)
    for person in (change.first, change.second):
        if person not in planned:
            raise InvalidChangeError(f"{person} has no turn in that time.")
    return _changed(schedule, replace(schedule, swaps=(*schedule.swaps, change)), change)


def _manager_needed(others: set[PersonId]) -> str:
    whose = " and ".join(sorted(others)) or "nobody"
    return f"This takes the role manager, since it changes shifts of {whose}."


def _changed(before: DutySchedule, after: DutySchedule, window: Override | Swap) -> DutySchedule:
    if max(len(after.overrides), len(after.swaps)) > MAX_CHANGES:
        raise InvalidChangeError(
            f"The schedule has {MAX_CHANGES} of these: put it without the past ones."
        )
    if shifts(before, window.from_, window.until) == shifts(after, window.from_, window.until):
        raise InvalidChangeError("Nobody's shift would change in that time.")
    return after

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


def apply_override(
    schedule: DutySchedule, override: Override, only: PersonId | None
) -> DutySchedule:
    """Put somebody on duty; `only` may change own shifts only, with None all may be changed."""
    if override in schedule.overrides:
        return schedule
    planned = _planned(schedule, override)
    turns = _planned(replace(schedule, overrides=()), override)
    # Anybody may fill a gap, and the person whose turn it is may take back a shift.
    if only is not None and {only} not in (planned or {override.person_id}, turns):
        raise NotOwnShiftError(_manager_needed(planned - {only}))
    return _changed(
        schedule, replace(schedule, overrides=(*schedule.overrides, override)), override
    )


def _planned(schedule: DutySchedule, window: Override) -> set[PersonId]:
    return {shift.person_id for shift in shifts(schedule, window.from_, window.until)}


def apply_swap(schedule: DutySchedule, swap: Swap, only: PersonId | None) -> DutySchedule:
    if swap in schedule.swaps:
        return schedule
    if only is not None and only not in (swap.first, swap.second):
        raise NotOwnShiftError(_manager_needed({swap.first, swap.second}))
    return _changed(schedule, replace(schedule, swaps=(*schedule.swaps, swap)), swap)


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

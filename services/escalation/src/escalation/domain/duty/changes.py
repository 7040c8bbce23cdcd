"""Changes to a duty schedule: what makes no sense, and who may change whose shifts."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby, pairwise

from common.contracts.event import PersonId
from escalation.domain.duty.calendars import edges
from escalation.domain.duty.schedules import MOST_CHANGES, DutySchedule, Override, Swap
from escalation.domain.duty.shifts import period, shifts

# A year and a fortnight from when the last rotation starts: every week of the year, and the
# clocks of every zone in each of their states together.
_CHECKED = timedelta(days=380)


class NotOwnShiftError(Exception):
    """Supervisors change their own shifts; others' take a manager."""


class UnchangeableError(Exception):
    """The schedule can't be changed so."""


def faults(schedule: DutySchedule) -> Iterator[tuple[str, str]]:
    """Yield (place, what is wrong there): rotations that overlap, or leave somebody wanting.

    Only of what their hours do week by week: before the last rotation starts there may be a gap.
    """
    found: dict[str, str] = {}
    for (on, wanted), when in _weeks(schedule):
        if len(on) > 1:
            said = f"Overlaps rotations/{on[0]}, first from {when}."
            found.setdefault(f"rotations/{on[1]}/hours", said)
        elif wanted and not on:
            found.setdefault("rotations", f"Nobody from {when}.")
    yield from found.items()


_Staffing = tuple[tuple[int, ...], bool]


def _weeks(schedule: DutySchedule) -> Iterator[tuple[_Staffing, str]]:
    """Yield ((which rotations have somebody, whether one should), when), one after the other."""
    start = max(rotation.starts_at for rotation in schedule.rotations).astimezone(UTC)
    end = start + _CHECKED
    calendars = (schedule.covers, *(rotation.calendar for rotation in schedule.rotations))
    weekly = (edges(calendar, start, end) for calendar in calendars if calendar is not None)
    instants = sorted({start, end, *chain.from_iterable(weekly)})

    def staffing(stretch: tuple[datetime, datetime]) -> _Staffing:
        at = stretch[0]
        on = tuple(n for n, rotation in enumerate(schedule.rotations) if rotation.has_somebody(at))
        return on, schedule.should_have_somebody(at)

    for state, group in groupby(pairwise(instants), key=staffing):
        stretches = list(group)
        yield state, period(stretches[0][0], stretches[-1][1])


def overridden(schedule: DutySchedule, override: Override, only: PersonId | None) -> DutySchedule:
    """Put somebody on duty; `only` is who may change none but own shifts, nil may change all."""
    if override in schedule.overrides:
        return schedule
    planned = _planned(schedule, override)
    turns = _planned(replace(schedule, overrides=()), override)
    # Whoever is free may fill a gap, and whose turn it is may take back what was given away.
    if only is not None and {only} not in (planned or {override.person_id}, turns):
        raise NotOwnShiftError(_takes_a_manager(planned - {only}))
    return _changed(
        schedule, replace(schedule, overrides=(*schedule.overrides, override)), override
    )


def _planned(schedule: DutySchedule, window: Override) -> set[PersonId]:
    return {shift.person_id for shift in shifts(schedule, window.from_, window.until)}


def swapped(schedule: DutySchedule, swap: Swap, only: PersonId | None) -> DutySchedule:
    if swap in schedule.swaps:
        return schedule
    if only is not None and only not in (swap.first, swap.second):
        raise NotOwnShiftError(_takes_a_manager({swap.first, swap.second}))
    return _changed(schedule, replace(schedule, swaps=(*schedule.swaps, swap)), swap)


def _takes_a_manager(others: set[PersonId]) -> str:
    whose = " and ".join(sorted(others)) or "nobody"
    return f"This takes the role manager, for it changes shifts of {whose}."


def _changed(before: DutySchedule, after: DutySchedule, window: Override | Swap) -> DutySchedule:
    if max(len(after.overrides), len(after.swaps)) > MOST_CHANGES:
        raise UnchangeableError(
            f"The schedule has {MOST_CHANGES} of these: put it without those that are over."
        )
    if shifts(before, window.from_, window.until) == shifts(after, window.from_, window.until):
        raise UnchangeableError("Nobody's shift would change in that time.")
    return after

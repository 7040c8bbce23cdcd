"""Rotations that overlap or leave a gap: always, which is an error, or in some weeks of the year.

Zones change their clocks on different days. So hours that fit most of the year may be an hour off
in some weeks: both are on duty then, or nobody is, which is a warning.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby, pairwise
from typing import Literal

from common.contracts.validation_messages import InvalidField
from escalation.domain.duty.calendars import edges
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.duty.shifts import format_period

# Slightly over a year from the start of the last rotation: every week of the year, with all
# daylight saving states of the zones.
_CHECKED_PERIOD = timedelta(days=380)
_WEEK = timedelta(days=7)
# Three quarters of a year. A fault in more weeks is meant for no part of the year.
_WEEKS, _MOST_WEEKS = 52, 39

MismatchCode = Literal["duty-overlap", "duty-gap"]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Rotations that overlap or leave a gap in some weeks of the year.

    `other` is the rotation that is asked first where two overlap.
    """

    code: MismatchCode
    place: str
    detail: str
    weeks: int
    start: datetime
    end: datetime
    other: int | None = None


@dataclass(slots=True)
class _Fault:
    """`start` and `end` are those of the first time."""

    start: datetime
    end: datetime
    weeks: set[int] = field(default_factory=set)

    @property
    def first(self) -> str:
        return format_period(self.start, self.end)


# The overlapping rotations; None for a gap.
_Pair = tuple[int, int] | None


def validate(schedule: DutySchedule) -> Iterator[InvalidField]:
    """Yield where rotations overlap or leave a gap week by week.

    A gap before the last rotation starts is allowed.
    """
    for pair, fault in _faults(schedule).items():
        if not _is_seasonal(schedule, fault):
            if pair is None:
                detail = f"Nobody from {fault.first}."
                yield InvalidField("rotations", detail, "rotations-with-gap", _period(fault))
            else:
                detail = f"Overlaps rotations/{pair[0]}, first from {fault.first}."
                parameters = {"rotation": pair[0], **_period(fault)}
                place = f"rotations/{pair[1]}/hours"
                yield InvalidField(place, detail, "rotations-overlap", parameters)


def _period(fault: _Fault) -> dict[str, str]:
    return {"start": fault.start.isoformat(), "end": fault.end.isoformat()}


def seasonal_mismatches(schedule: DutySchedule) -> Iterator[Mismatch]:
    """Yield where rotations of several zones overlap or leave a gap in some weeks only."""
    for pair, fault in _faults(schedule).items():
        if _is_seasonal(schedule, fault):
            weeks, period = len(fault.weeks), (fault.start, fault.end)
            when = f"in parts of {weeks} weeks of the year, first from {fault.first}"
            if pair is None:
                detail = f"Nobody is on duty {when}."
                yield Mismatch("duty-gap", "rotations", detail, weeks, *period)
            else:
                detail = (
                    f"Overlaps rotations/{pair[0]} {when}. "
                    f"Both are on duty then; rotations/{pair[0]} is asked first."
                )
                place = f"rotations/{pair[1]}/hours"
                yield Mismatch("duty-overlap", place, detail, weeks, *period, other=pair[0])


def _is_seasonal(schedule: DutySchedule, fault: _Fault) -> bool:
    zones = {rotation.zone for rotation in schedule.rotations}
    if schedule.covers is not None:
        zones.add(schedule.covers.zone)
    return len(zones) > 1 and len(fault.weeks) <= _MOST_WEEKS


def _faults(schedule: DutySchedule) -> dict[_Pair, _Fault]:
    faults: dict[_Pair, _Fault] = {}
    for (staffed, needed), start, end, weeks in _weekly_staffing(schedule):
        pairs: list[_Pair] = [(staffed[0], other) for other in staffed[1:]]
        if needed and not staffed:
            pairs.append(None)
        for pair in pairs:
            fault = faults.setdefault(pair, _Fault(start, end))
            fault.weeks.update(week % _WEEKS for week in weeks)
    return faults


_Staffing = tuple[tuple[int, ...], bool]


def _weekly_staffing(
    schedule: DutySchedule,
) -> Iterator[tuple[_Staffing, datetime, datetime, range]]:
    """Yield ((rotations that have somebody, whether one should), start, end, weeks), in order."""
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
        parts = list(group)
        from_, until = parts[0][0], parts[-1][1]
        last = (until - start - timedelta.resolution) // _WEEK
        yield state, from_, until, range((from_ - start) // _WEEK, last + 1)

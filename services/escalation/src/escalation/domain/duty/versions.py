"""From when a version of a duty schedule counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from common.contracts.validation_messages import InvalidField
from escalation.domain.duty.rosters import NO_CHANGES, Roster, on_duty
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.duty.shifts import shift_end
from escalation.domain.errors import InvalidSettingError

# The clock of who says "now" may be behind.
_TOLERANCE = timedelta(minutes=1)

# A version that a later one replaced before it began to count never counts.
VersionState = Literal["planned", "in_force", "past", "replaced"]


@dataclass(frozen=True, slots=True)
class VersionPeriod:
    """How a version stands, and until when it counts; None if no later one follows it."""

    state: VersionState
    until: datetime | None


def version_periods(versions: Sequence[DutySchedule], now: datetime) -> Iterator[VersionPeriod]:
    """Yield how each version stands; they are in the order in which they were put."""
    for n, version in enumerate(versions):
        begins = [later.from_ or now for later in versions[n + 1 :]]
        until = min(begins, default=None)
        if until is not None and version.from_ is not None and until <= version.from_:
            yield VersionPeriod("replaced", version.from_)
        elif not version.counts_at(now):
            yield VersionPeriod("planned", until)
        else:
            is_over = until is not None and until <= now
            yield VersionPeriod("past" if is_over else "in_force", until)


def date_version(roster: Roster | None, schedule: DutySchedule, now: datetime) -> DutySchedule:
    """Return the schedule with the moment from which it counts, never in the past.

    Without one it is the next hand-over; the first version of a schedule counts at once. What was
    read from the newest version and put again without another moment is such a change too; if
    nothing else differs, that version is returned.

    Raises InvalidSettingError for a moment in the past.
    """
    if roster is None:
        return replace(schedule, from_=_begin(None, schedule.from_, now))
    newest = roster.versions[-1]
    is_same = replace(schedule, from_=newest.from_) == newest
    if is_same and schedule.from_ in (None, newest.from_):
        return newest
    return replace(schedule, from_=_begin(roster, schedule.from_, now))


def _begin(roster: Roster | None, begin: datetime | None, now: datetime) -> datetime:
    if begin is not None and begin > now - _TOLERANCE:
        return max(begin, now)
    if begin is not None and (roster is None or begin != roster.versions[-1].from_):
        detail = "It must not be in the past: who was on duty then does not change."
        raise InvalidSettingError([InvalidField("from", detail, "in-the-past")])
    return now if roster is None else next_hand_over(roster, now)


def next_hand_over(roster: Roster, now: datetime) -> datetime:
    """Return when the first turn of those on duty ends; now if there is none, or it never ends."""
    planned = replace(roster, changes=NO_CHANGES)
    ends = (shift_end(planned, person, now) for person in on_duty(planned, now))
    return min((end for end in ends if end is not None), default=now)

"""Who is on duty at any instant, past or future."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated
from zoneinfo import ZoneInfo

from annotated_types import Interval, Len
from pydantic import ConfigDict, Field, with_config

from common.contracts.event import Instant, PersonId
from common.core.time_zones import TimeZone
from escalation.domain.duty.calendars import Calendar, WeeklyHours, open_at
from escalation.domain.types import StaffId

# Each of them is checked at every look-up of who is on duty.
MAX_CHANGES = 1000


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True)
class Rotation:
    """Members take turns without end; with `hours` they are on duty in those of each week only.

    `shift_s` counts on the zone's wall clock: a hand-over at eight stays at eight when daylight
    saving begins or ends.
    """

    zone: TimeZone
    """The IANA time zone of its wall clock."""
    starts_at: Instant
    """When the first turn begins."""
    shift_s: Annotated[float, Interval(ge=3600, le=365 * 24 * 3600)]
    """Seconds of a turn on the zone's wall clock."""
    members: Annotated[tuple[StaffId, ...], Len(min_length=1, max_length=1000)]
    """The people, in the order of their turns."""
    hours: WeeklyHours | None = None
    """The hours of each week with duty; without them always."""

    @cached_property
    def calendar(self) -> Calendar | None:
        return None if self.hours is None else Calendar(self.zone, self.hours)

    def has_somebody(self, at: datetime) -> bool:
        return at >= self.starts_at and (self.calendar is None or open_at(self.calendar, at))

    def member_at(self, at: datetime) -> PersonId | None:
        if not self.has_somebody(at):
            return None
        return self.members[self._turn(at) % len(self.members)]

    def hand_overs(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield each instant after `start` and up to `end` at which another member may follow."""
        if end < self.starts_at:
            return
        if start < self.starts_at:
            yield self.starts_at.astimezone(UTC)
        if len(self.members) > 1:
            first = self._turn(max(start, self.starts_at)) + 1
            yield from map(self._begins, range(first, self._turn(end) + 1))

    def _turn(self, at: datetime) -> int:
        """Return the number of the last turn that has begun."""
        turn = (self._wall(at) - self._wall(self.starts_at)) // timedelta(seconds=self.shift_s)
        # The wall clock may have shown a later hour before, or have skipped this turn's first.
        while self._begins(turn + 1) <= at:
            turn += 1
        while self._begins(turn) > at:
            turn -= 1
        return turn

    def _begins(self, turn: int) -> datetime:
        """Return when a turn begins.

        Of a wall time that occurs twice the first counts; one that is skipped is computed with the
        offset before the change (RFC 5545, 3.3.5).
        """
        wall = self._wall(self.starts_at) + turn * timedelta(seconds=self.shift_s)
        return wall.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def _wall(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None, fold=0)


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class Override:
    """This person instead of the one whose turn it is; of several at once the last one counts."""

    person_id: StaffId
    """The person on duty instead."""
    from_: Annotated[Instant, Field(alias="from")]
    """The begin."""
    until: Instant
    """The end."""

    def __post_init__(self) -> None:
        _in_order(self.from_, self.until)


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class Swap:
    """Two people take each other's turns in this time."""

    first: StaffId
    """A person."""
    second: StaffId
    """The person to exchange turns with."""
    from_: Annotated[Instant, Field(alias="from")]
    """The begin."""
    until: Instant
    """The end."""

    def __post_init__(self) -> None:
        _in_order(self.from_, self.until)
        if self.first == self.second:
            raise ValueError("a swap takes two people")

    def instead_of(self, person: PersonId) -> PersonId:
        return {self.first: self.second, self.second: self.first}.get(person, person)


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class Absence:
    """A person has no duty in this time; nobody replaces the person automatically."""

    from_: Annotated[Instant, Field(alias="from")]
    """The begin."""
    until: Instant
    """The end."""

    def __post_init__(self) -> None:
        _in_order(self.from_, self.until)


DutyWindow = Override | Swap | Absence
Absences = Mapping[PersonId, Sequence[Absence]]
NO_ABSENCES: Absences = {}


def _in_order(from_: datetime, until: datetime) -> None:
    if from_ >= until:
        raise ValueError("from must be before until")


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class DutySchedule:
    """`covers` is when somebody must be on duty; None is always."""

    rotations: Annotated[tuple[Rotation, ...], Len(min_length=1, max_length=10)]
    """The rotations; they may not overlap."""
    overrides: Annotated[tuple[Override, ...], Len(max_length=MAX_CHANGES)] = ()
    """Who replaces a turn; the last one counts."""
    swaps: Annotated[tuple[Swap, ...], Len(max_length=MAX_CHANGES)] = ()
    """Who exchanges turns."""
    covers: Calendar | None = None
    """When somebody should be on duty."""

    @property
    def people(self) -> frozenset[PersonId]:
        """Everybody who may be on duty at some time."""
        rotating = (member for rotation in self.rotations for member in rotation.members)
        swapping = (person for swap in self.swaps for person in (swap.first, swap.second))
        return frozenset(
            (*rotating, *swapping, *(override.person_id for override in self.overrides))
        )

    def should_have_somebody(self, at: datetime) -> bool:
        return self.covers is None or open_at(self.covers, at)


def on_duty(
    schedule: DutySchedule, at: datetime, absences: Absences = NO_ABSENCES
) -> tuple[PersonId, ...]:
    person = _planned_person(schedule, at)
    if person is None or contains(absences.get(person, ()), at):
        return ()
    return (person,)


def _planned_person(schedule: DutySchedule, at: datetime) -> PersonId | None:
    for override in reversed(schedule.overrides):
        if contains((override,), at):
            return override.person_id
    members = (rotation.member_at(at) for rotation in schedule.rotations)
    person = next((member for member in members if member is not None), None)
    for swap in schedule.swaps:
        if person is not None and contains((swap,), at):
            person = swap.instead_of(person)
    return person


def contains(windows: Sequence[DutyWindow], at: datetime) -> bool:
    """Tell whether any of the windows contains the time."""
    return any(window.from_ <= at < window.until for window in windows)


# Of who has left.
ALWAYS = Absence(datetime(1970, 1, 2, tzinfo=UTC), datetime(2199, 12, 31, tzinfo=UTC))

"""Duty schedules: rotations whose members take turns, without the changes that people agree on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated
from zoneinfo import ZoneInfo

from annotated_types import Interval, Len
from pydantic import ConfigDict, Field, with_config

from common.contracts.contract import Instant
from common.contracts.event import PersonId
from common.core.time_zones import TimeZone
from escalation.domain.duty.calendars import Calendar, WeeklyHours, open_at
from escalation.domain.types import StaffId


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
class DutySchedule:
    """`covers` is when somebody must be on duty; None is always.

    A version counts from `from` on; what was before stays as the earlier versions say.
    """

    rotations: Annotated[tuple[Rotation, ...], Len(min_length=1, max_length=10)]
    """The rotations; where two overlap both are on duty, and the first listed is asked first."""
    covers: Calendar | None = None
    """When somebody should be on duty."""
    from_: Annotated[Instant | None, Field(alias="from")] = None
    """When this version begins to count, not in the past; without it at the next hand-over."""

    @property
    def members(self) -> frozenset[PersonId]:
        return frozenset(member for rotation in self.rotations for member in rotation.members)

    def counts_at(self, at: datetime) -> bool:
        return self.from_ is None or self.from_ <= at

    def members_at(self, at: datetime) -> tuple[PersonId, ...]:
        """Return whose turns they are, in the order of the rotations, each once."""
        members = (rotation.member_at(at) for rotation in self.rotations)
        return tuple(dict.fromkeys(member for member in members if member is not None))

    def should_have_somebody(self, at: datetime) -> bool:
        return self.covers is None or open_at(self.covers, at)

"""Who is on duty at any instant, past or future."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from annotated_types import Interval, Len
from pydantic import AwareDatetime, ConfigDict, Field, with_config

from common.contracts.event import PersonId
from escalation.domain.calendars import Zone
from escalation.domain.names import Person

# Within what every zone's arithmetic can reach.
Instant = Annotated[
    AwareDatetime,
    Interval(ge=datetime(1970, 1, 2, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC)),
]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Rotation:
    """Members take shifts in turn, for ever.

    `shift_s` counts on the zone's wall clock, so that a hand-over at eight stays at eight when the
    clocks change.
    """

    zone: Zone
    starts_at: Instant
    shift_s: Annotated[float, Interval(ge=1, le=365 * 24 * 3600)]
    members: Annotated[tuple[Person, ...], Len(min_length=1)]

    def member_at(self, at: datetime) -> PersonId | None:
        if at < self.starts_at:
            return None
        passed = self._wall(at) - self._wall(self.starts_at)
        return self.members[passed // timedelta(seconds=self.shift_s) % len(self.members)]

    def _wall(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Override:
    """This person instead of whoever's turn it is."""

    person_id: Person
    from_: Annotated[Instant, Field(alias="from")]
    until: Instant

    def __post_init__(self) -> None:
        if self.from_ >= self.until:
            raise ValueError("from must be before until")


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class DutySchedule:
    rotation: Rotation
    overrides: tuple[Override, ...] = ()


def on_duty(schedule: DutySchedule, at: datetime) -> tuple[PersonId, ...]:
    """Return who is on duty: those of every override that covers `at`, else the rotation's turn."""
    standing_in = (each.person_id for each in schedule.overrides if each.from_ <= at < each.until)
    if people := tuple(dict.fromkeys(standing_in)):
        return people
    member = schedule.rotation.member_at(at)
    return () if member is None else (member,)

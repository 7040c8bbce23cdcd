"""Ladders: who is asked next, and how long each has."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval, Len
from pydantic import ConfigDict, Field, with_config

from common.contracts.notifications import Medium
from escalation.domain.types import Label, Person, SettingId

# From a tenth of a second, lest a ladder be a busy loop, to a year.
Seconds = Annotated[float, Interval(ge=0.1, le=365 * 24 * 3600)]
_DAY_S = 24 * 3600


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class OnDuty:
    """Whoever is on duty when the level is reached."""

    kind: Literal["duty"]
    schedule_id: SettingId


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Named:
    kind: Literal["person"]
    person_id: Person


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class ReportingLine:
    """So many steps above the contact's representative."""

    kind: Literal["reporting_line"]
    steps: Annotated[int, Interval(ge=1, le=10)] = 1


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class TeamSupervisors:
    """All supervisors of a team; of the contact's own if none is named."""

    kind: Literal["team_supervisors"]
    team_id: SettingId | None = None


Who = OnDuty | Named | ReportingLine | TeamSupervisors


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Level:
    """Asks all its people at once, or one after another, each for `acknowledge_within_s`.

    That time counts in business time of the calendar if one is named. The level is gone through
    `repeats` times more before it climbs. `media` nil means all those of the person.
    """

    name: Label
    acknowledge_within_s: Seconds
    who: Annotated[tuple[Annotated[Who, Field(discriminator="kind")], ...], Len(min_length=1)]
    ask: Literal["all", "in_turn"] = "all"
    calendar_id: SettingId | None = None
    repeats: Annotated[int, Interval(ge=0, le=10)] = 0
    media: Annotated[tuple[Medium, ...], Len(min_length=1)] | None = None


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Ladder:
    """An acknowledgement holds for `lease_s`, a take-over for `working_lease_s`.

    Who has it is warned `warn_before_s` before that ends, and may put it off `snoozes` times, each
    for `snooze_limit_s` at most.
    """

    levels: Annotated[tuple[Level, ...], Len(min_length=1)]
    lease_s: Seconds
    working_lease_s: Seconds
    snooze_limit_s: Annotated[float, Interval(ge=0, le=7 * _DAY_S)] = 3600
    snoozes: Annotated[int, Interval(ge=0, le=20)] = 2
    warn_before_s: Annotated[float, Interval(ge=0, le=_DAY_S)] = 120

    def asked(self) -> Iterator[tuple[str, Who]]:
        """Yield (place, who) for each entry of each level."""
        for n, level in enumerate(self.levels):
            for m, who in enumerate(level.who):
                yield f"levels/{n}/who/{m}", who

    @property
    def ends_in_a_person(self) -> bool:
        """A schedule, a line or a team may turn out to be empty; a person is always there."""
        return any(isinstance(who, Named) for who in self.levels[-1].who)

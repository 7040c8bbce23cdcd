"""Ladders: who is asked next, and how long each has."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval, Len
from pydantic import ConfigDict, Field, with_config

from escalation.domain.names import Label, Person, SettingId

# From a tenth of a second, lest a ladder be a busy loop, to a year.
Seconds = Annotated[float, Interval(ge=0.1, le=365 * 24 * 3600)]


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
class Level:
    name: Label
    acknowledge_within_s: Seconds
    who: Annotated[
        tuple[Annotated[OnDuty | Named, Field(discriminator="kind")], ...], Len(min_length=1)
    ]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Ladder:
    """An acknowledgement holds for `lease_s`, a take-over for `working_lease_s`."""

    levels: Annotated[tuple[Level, ...], Len(min_length=1)]
    lease_s: Seconds
    working_lease_s: Seconds

    def asked(self) -> Iterator[tuple[str, OnDuty | Named]]:
        """Yield (place, who) for each entry of each level."""
        for n, level in enumerate(self.levels):
            for m, who in enumerate(level.who):
                yield f"levels/{n}/who/{m}", who

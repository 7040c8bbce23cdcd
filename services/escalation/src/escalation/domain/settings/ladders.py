"""Ladders: who is paged next, and how long each level has to answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval, Len
from pydantic import ConfigDict, Field, with_config

from common.contracts.escalations import WhenMet
from common.contracts.notifications import Medium
from escalation.domain.types import Label, SettingId, StaffId

# From 0.1 s, so that a ladder is no busy loop, to a year.
Seconds = Annotated[float, Interval(ge=0.1, le=365 * 24 * 3600)]
_DAY_S = 24 * 3600


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class PersonOnDuty:
    """The person on duty when the level is reached."""

    kind: Literal["duty"]
    """The person on duty when the level is reached."""
    schedule_id: SettingId
    """The duty schedule."""


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class NamedPerson:
    kind: Literal["person"]
    """Always the same person."""
    person_id: StaffId
    """The person."""


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class ReportingLine:
    """The superior so many steps above the contact's representative."""

    kind: Literal["reporting_line"]
    """A superior of the contact's representative."""
    steps: Annotated[int, Interval(ge=1, le=10)] = 1
    """How many steps above the representative."""


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class TeamSupervisors:
    """All supervisors of a team, or of the contact's own team."""

    kind: Literal["team_supervisors"]
    """All supervisors of a team."""
    team_id: SettingId | None = None
    """The team; without it the contact's own."""


ResponderRule = PersonOnDuty | NamedPerson | ReportingLine | TeamSupervisors


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class Level:
    """Pages all its people at once, or in turn; each has `acknowledge_within_s` to answer.

    That time counts in business time of the calendar, if there is one. The level is paged `repeats`
    times more before the escalation climbs. Without `media` all those of the person are used.
    """

    name: Label
    """How people call the level."""
    acknowledge_within_s: Seconds
    """Seconds that each person has to answer."""
    who: Annotated[
        tuple[Annotated[ResponderRule, Field(discriminator="kind")], ...],
        Len(min_length=1, max_length=10),
    ]
    """The people of the level."""
    ask: Literal["all", "in_turn"] = "all"
    """All at once, or one after another."""
    calendar_id: SettingId | None = None
    """The calendar in whose business time the answer is awaited; without it the wall clock."""
    repeats: Annotated[int, Interval(ge=0, le=10)] = 0
    """How many more times the level is paged before the escalation climbs."""
    media: Annotated[tuple[Medium, ...], Len(min_length=1, max_length=10)] | None = None
    """The media to page on; without it all those of the person."""


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class Ladder:
    """An acknowledgement gives a lease of `lease_s`, a take-over one of `working_lease_s`.

    The holder is warned `warn_before_s` before it ends and may snooze it `snoozes` times, each for
    at most `snooze_limit_s`. A top that does not answer has twice the time at each repeat, up to
    `longest_repeat_s`. After `top_repeats` only the alarm stands, until somebody answers or others
    come on duty.
    """

    levels: Annotated[tuple[Level, ...], Len(min_length=1, max_length=20)]
    """The levels, lowest first; the last one names a person."""
    lease_s: Seconds
    """Seconds of the lease that an acknowledgement gives."""
    working_lease_s: Seconds
    """Seconds of the lease that a take-over gives."""
    snooze_limit_s: Annotated[float, Interval(ge=0, le=7 * _DAY_S)] = 3600
    """The longest snooze, in seconds."""
    snoozes: Annotated[int, Interval(ge=0, le=20)] = 2
    """How many times the holder may snooze."""
    warn_before_s: Annotated[float, Interval(ge=0, le=_DAY_S)] = 120
    """How many seconds before its end the holder is warned of it."""
    when_met: WhenMet = "close"
    """What becomes of an unacknowledged escalation once all its promises were kept late."""
    top_repeats: Annotated[int, Interval(ge=0, le=100)] = 8
    """How many times the top is paged again while nobody answers; then the alarm stands alone."""
    longest_repeat_s: Seconds = 3600
    """The longest time to answer that doubling gives a repeat at the top, in seconds."""

    def responder_rules(self) -> Iterator[tuple[str, ResponderRule]]:
        """Yield (place, rule) for each rule of each level."""
        for n, level in enumerate(self.levels):
            for m, rule in enumerate(level.who):
                yield f"levels/{n}/who/{m}", rule

    @property
    def ends_in_named_person(self) -> bool:
        """Only a named person is always there; a schedule, a line or a team may be empty."""
        return any(isinstance(rule, NamedPerson) for rule in self.levels[-1].who)

"""The people on the floor: what they can handle, and how much more they can take."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, NamedTuple

from common.contracts.event import PersonId, TeamId

Presence = Literal["available", "away", "offline"]


class Need(NamedTuple):
    """What a contact asks of whoever takes it. Contacts with the same need wait in one queue."""

    skill: str
    language: str

    @property
    def queue(self) -> str:
        return f"{self.skill}/{self.language}"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a supervisor says about a representative."""

    name: str
    team_id: TeamId
    skills: tuple[str, ...]
    languages: tuple[str, ...]
    capacity: int
    auto_accept: bool = True
    offer_s: int = 20


@dataclass(frozen=True, slots=True)
class Representative:
    """`load` counts the contacts that it has or is offered.

    `load_limit` is what the database holds `load` under: the capacity, or, after the capacity was
    lowered below the load, that load, sinking with it. Giving a contact never raises it.
    """

    representative_id: PersonId
    name: str
    team_id: TeamId
    skills: tuple[str, ...]
    languages: tuple[str, ...]
    capacity: int
    auto_accept: bool
    offer_s: int
    presence: Presence
    load: int
    load_limit: int
    idle_since: datetime

    @property
    def places(self) -> int:
        """How many more contacts it may be given now."""
        return max(0, self.capacity - self.load) if self.presence == "available" else 0

    @property
    def needs(self) -> tuple[Need, ...]:
        return tuple(Need(skill, language) for skill in self.skills for language in self.languages)

    def fits(self, need: Need) -> bool:
        return need.skill in self.skills and need.language in self.languages


def describe(
    known: Representative | None, representative_id: PersonId, profile: Profile, *, at: datetime
) -> Representative:
    """Return the representative as the profile has it. What it already holds stays with it."""
    load = known.load if known else 0
    return Representative(
        representative_id=representative_id,
        name=profile.name,
        team_id=profile.team_id,
        skills=profile.skills,
        languages=profile.languages,
        capacity=profile.capacity,
        auto_accept=profile.auto_accept,
        offer_s=profile.offer_s,
        presence=known.presence if known else "offline",
        load=load,
        load_limit=max(profile.capacity, load),
        idle_since=known.idle_since if known else at,
    )


def appear(representative: Representative, presence: Presence, *, at: datetime) -> Representative:
    """Return it with that presence; whoever comes back goes to the end of the line."""
    if presence == representative.presence:
        return representative
    return replace(representative, presence=presence, idle_since=at)


def seat(representative: Representative, *, at: datetime) -> Representative:
    """Return it with one contact more."""
    return replace(representative, load=representative.load + 1, idle_since=at)


def unseat(representative: Representative, *, at: datetime) -> Representative:
    """Return it with one contact less."""
    load = representative.load - 1
    return replace(
        representative, load=load, load_limit=max(representative.capacity, load), idle_since=at
    )

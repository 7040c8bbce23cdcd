"""A representative: profile, presence, and how many contacts it has and may have."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from common.contracts.event import PersonId, TeamId
from router.domain.needs import Need

Presence = Literal["available", "away", "offline"]


@dataclass(frozen=True, slots=True)
class Profile:
    """What a supervisor sets for a representative. `offer_s`: seconds to answer an offer."""

    name: str
    team_id: TeamId
    skills: tuple[str, ...]
    languages: tuple[str, ...]
    capacity: int
    auto_accept: bool = True
    offer_s: int = 20


@dataclass(frozen=True, slots=True)
class Representative:
    """`load` counts the contacts that are assigned or offered.

    The database refuses a `load` above `load_limit`. The limit is the capacity. If the capacity is
    lowered below the load, the limit is the load, and it falls with the load. A new assignment
    never raises it.
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
    def free_slots(self) -> int:
        """How many more contacts this representative may get now."""
        return max(0, self.capacity - self.load) if self.presence == "available" else 0

    @property
    def needs(self) -> tuple[Need, ...]:
        return tuple(Need(skill, language) for skill in self.skills for language in self.languages)

    def fits(self, need: Need) -> bool:
        return need.skill in self.skills and need.language in self.languages


def upsert(
    current: Representative | None, representative_id: PersonId, profile: Profile, *, at: datetime
) -> Representative:
    """Apply the profile. Presence and assigned contacts stay; a new representative is offline."""
    load = current.load if current else 0
    return Representative(
        representative_id=representative_id,
        name=profile.name,
        team_id=profile.team_id,
        skills=profile.skills,
        languages=profile.languages,
        capacity=profile.capacity,
        auto_accept=profile.auto_accept,
        offer_s=profile.offer_s,
        presence=current.presence if current else "offline",
        load=load,
        load_limit=max(profile.capacity, load),
        idle_since=current.idle_since if current else at,
    )


def assign(representative: Representative, *, at: datetime) -> Representative:
    """Count one more contact."""
    return replace(representative, load=representative.load + 1, idle_since=at)


def free(representative: Representative, *, at: datetime) -> Representative:
    """Count one contact less."""
    load = representative.load - 1
    return replace(
        representative, load=load, load_limit=max(representative.capacity, load), idle_since=at
    )

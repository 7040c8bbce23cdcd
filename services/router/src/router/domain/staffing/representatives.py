"""A representative: profile, presence, and how many contacts it has and may have."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from common.contracts.event import PersonId, TeamId
from common.contracts.people import PeopleEvent, Presence, RepresentativeDescribed
from router.domain.needs import Need
from router.domain.staffing.people import Person

# Of a new representative, until somebody sets another capacity.
DEFAULT_CAPACITY: Final = 3
DEFAULT_OFFER_S: Final = 20


@dataclass(frozen=True, slots=True)
class Workload:
    """How many contacts a representative may have, and how they come."""

    capacity: int = DEFAULT_CAPACITY
    auto_accept: bool = True
    offer_s: int = DEFAULT_OFFER_S


@dataclass(frozen=True, slots=True)
class Profile:
    """What is set of a representative. `offer_s`: seconds to answer an offer."""

    name: str
    team_id: TeamId
    skills: tuple[str, ...]
    languages: tuple[str, ...]
    capacity: int
    auto_accept: bool = True
    offer_s: int = DEFAULT_OFFER_S
    active: bool = True


@dataclass(frozen=True, slots=True)
class Representative:
    """`load` counts the contacts that are assigned or offered.

    The database refuses a `load` above `load_limit`. The limit is the capacity. If the capacity is
    lowered below the load, the limit is the load, and it falls with the load. A new assignment
    never raises it. `presence_since` is when this presence with this reason began.
    """

    representative_id: PersonId
    name: str
    team_id: TeamId
    skills: tuple[str, ...]
    languages: tuple[str, ...]
    capacity: int
    auto_accept: bool
    offer_s: int
    active: bool
    presence: Presence
    presence_reason: str | None
    presence_since: datetime
    load: int
    load_limit: int
    idle_since: datetime

    @property
    def free_slots(self) -> int:
        """How many more contacts this representative may get now."""
        if not self.active or self.presence != "available":
            return 0
        return max(0, self.capacity - self.load)

    def distance(self, need: Need) -> int | None:
        """Return how far the closest language is from the need's; None if it does not fit."""
        return need.distance(self.skills, self.languages)

    def fits(self, need: Need) -> bool:
        return self.distance(need) is not None


@dataclass(frozen=True, slots=True)
class StaffingChange:
    """The representative after a change, and the events to publish."""

    representative: Representative
    events: tuple[PeopleEvent, ...] = ()


def follow_person(
    current: Representative | None, person: Person, *, at: datetime
) -> StaffingChange | None:
    """Make the representative of a person who takes contacts; end it when the person does not."""
    if person.takes_contacts and person.team_id is not None:
        profile = Profile(
            name=person.name,
            team_id=person.team_id,
            skills=person.skills,
            languages=person.languages,
            capacity=current.capacity if current else DEFAULT_CAPACITY,
            auto_accept=current.auto_accept if current else True,
            offer_s=current.offer_s if current else DEFAULT_OFFER_S,
        )
        return upsert(current, person.person_id, profile, at=at)
    if current is None or not current.active:
        return None
    left = replace(current, name=person.name, active=False)
    return StaffingChange(left, (_described(left, at),))


def set_workload(current: Representative, workload: Workload, *, at: datetime) -> StaffingChange:
    """Change it. Contacts above a lowered capacity stay."""
    changed = replace(
        current,
        capacity=workload.capacity,
        auto_accept=workload.auto_accept,
        offer_s=workload.offer_s,
        load_limit=max(workload.capacity, current.load),
    )
    if changed == current:
        return StaffingChange(current)
    return StaffingChange(changed, (_described(changed, at),))


def upsert(
    current: Representative | None, representative_id: PersonId, profile: Profile, *, at: datetime
) -> StaffingChange:
    """Apply the profile. Presence and assigned contacts stay; a new representative is offline."""
    load = current.load if current else 0
    representative = Representative(
        representative_id=representative_id,
        name=profile.name,
        team_id=profile.team_id,
        skills=profile.skills,
        languages=profile.languages,
        capacity=profile.capacity,
        auto_accept=profile.auto_accept,
        offer_s=profile.offer_s,
        active=profile.active,
        presence=current.presence if current else "offline",
        presence_reason=current.presence_reason if current else None,
        presence_since=current.presence_since if current else at,
        load=load,
        load_limit=max(profile.capacity, load),
        idle_since=current.idle_since if current else at,
    )
    if representative == current:
        return StaffingChange(current)
    return StaffingChange(representative, (_described(representative, at),))


def _described(representative: Representative, at: datetime) -> RepresentativeDescribed:
    return RepresentativeDescribed(
        person_id=representative.representative_id,
        occurred_at=at,
        name=representative.name,
        team_id=representative.team_id,
        skills=representative.skills,
        languages=representative.languages,
        capacity=representative.capacity,
        auto_accept=representative.auto_accept,
        offer_s=representative.offer_s,
        active=representative.active,
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

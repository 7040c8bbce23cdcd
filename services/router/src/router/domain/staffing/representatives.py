"""A representative: profile, presence, and how many contacts it has and may have."""

from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from common.contracts.event import PersonId, TeamId
from common.contracts.people import PeopleEvent, Presence, RepresentativeDescribed
from router.domain.needs import Need
from router.domain.staffing.people import Person


class Workload(Struct, frozen=True):
    """How many contacts a representative may have, and how they come.

    `offer_s`: seconds to answer an offer.
    """

    capacity: int = 3
    auto_accept: bool = True
    offer_s: int = 20


# That of a new representative, until it is set.
NEW_WORKLOAD: Final = Workload()


class Representative(Struct, frozen=True):
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

    @property
    def is_absent(self) -> bool:
        """Whether nobody can expect work from them: offline or inactive, but not away for lunch."""
        return not self.active or self.presence == "offline"

    def serves(self, need: Need) -> bool:
        """Return whether contacts may wait for them, whatever their presence."""
        return self.active and self.fits(need)

    def distance(self, need: Need) -> int | None:
        """Return how far the closest language is from the need's; None if it does not fit."""
        return need.distance(self.skills, self.languages)

    def fits(self, need: Need) -> bool:
        return self.distance(need) is not None

    def serves_the_same_as(self, other: "Representative") -> bool:
        """Return whether both serve the same needs, each as well as the other."""
        return (self.active, self.skills, self.languages) == (
            other.active,
            other.skills,
            other.languages,
        )


class StaffingChange(Struct, frozen=True):
    """The representative after a change, and the events to publish."""

    representative: Representative
    events: tuple[PeopleEvent, ...] = ()


def follow_person(
    current: Representative | None, person: Person, *, at: datetime
) -> StaffingChange | None:
    """Make the representative of a person who takes contacts; end it when the person does not.

    Presence, workload and assigned contacts stay; a new representative is offline.
    """
    if person.takes_contacts and person.team_id is not None:
        followed = replace(
            current or _new_representative(person, person.team_id, at),
            name=person.name,
            team_id=person.team_id,
            skills=person.skills,
            languages=person.languages,
            active=True,
        )
        return _change(current, followed, at)
    if current is None or not current.active:
        return None
    return _change(current, replace(current, name=person.name, active=False), at)


def _new_representative(person: Person, team_id: TeamId, at: datetime) -> Representative:
    return Representative(
        representative_id=person.person_id,
        name=person.name,
        team_id=team_id,
        skills=person.skills,
        languages=person.languages,
        capacity=NEW_WORKLOAD.capacity,
        auto_accept=NEW_WORKLOAD.auto_accept,
        offer_s=NEW_WORKLOAD.offer_s,
        active=True,
        presence="offline",
        presence_reason=None,
        presence_since=at,
        load=0,
        load_limit=NEW_WORKLOAD.capacity,
        idle_since=at,
    )


def set_workload(current: Representative, workload: Workload, *, at: datetime) -> StaffingChange:
    """Change it. Contacts above a lowered capacity stay."""
    changed = replace(
        current,
        capacity=workload.capacity,
        auto_accept=workload.auto_accept,
        offer_s=workload.offer_s,
        load_limit=max(workload.capacity, current.load),
    )
    return _change(current, changed, at)


def _change(before: Representative | None, after: Representative, at: datetime) -> StaffingChange:
    """Publish the whole profile if something has changed."""
    events = () if after == before else (_described(after, at),)
    return StaffingChange(after, events)


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

"""A representative: profile, presence, and how many contacts it has and may have."""

from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from common.contracts.event import PersonId, TeamId
from common.contracts.people import PeopleEvent, Presence, RepresentativeDescribed
from router.domain.needs import Need
from router.domain.staffing.adjustments import AdjustmentEntry
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

    `skills`, `languages` and `capacity` are those in force: what is usual, with the adjustment if
    there is one. `usual_capacity` counts again when that ends.

    The database refuses a `load` above `load_limit`. The limit is the capacity. If the capacity is
    lowered below the load, the limit is the load, and it falls with the load. A new assignment
    never raises it. `presence_since` is when this presence with this reason began.
    """

    representative_id: PersonId
    name: str
    team_id: TeamId
    skills: tuple[str, ...]
    languages: tuple[str, ...]
    usual_capacity: int
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
    def workload(self) -> Workload:
        """What is usual."""
        return Workload(self.usual_capacity, self.auto_accept, self.offer_s)

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
        if need.team_id not in (None, self.team_id):
            return None
        return need.distance(self.skills, self.languages)

    def fits(self, need: Need) -> bool:
        return self.distance(need) is not None

    def serves_the_same_as(self, other: "Representative") -> bool:
        """Return whether both serve the same needs, each as well as the other."""
        return (self.active, self.team_id, self.skills, self.languages) == (
            other.active,
            other.team_id,
            other.skills,
            other.languages,
        )


class StaffingChange(Struct, frozen=True):
    """The representative after a change, and the events to publish."""

    representative: Representative
    events: tuple[PeopleEvent, ...] = ()


def follow_person(
    current: Representative | None,
    person: Person,
    adjustment: AdjustmentEntry | None = None,
    *,
    at: datetime,
) -> StaffingChange | None:
    """Make the representative of a person who takes contacts; end it when the person does not.

    Presence, workload and assigned contacts stay; a new representative is offline. `adjustment` is
    the one in force from now on.
    """
    if person.takes_contacts and person.team_id is not None:
        followed = replace(
            current or _new_representative(person, person.team_id, at),
            name=person.name,
            team_id=person.team_id,
            active=True,
        )
        return _change(current, _adjusted(followed, person, adjustment), at)
    if current is None or not current.active:
        return None
    ended = replace(current, name=person.name, active=False)
    return _change(current, _with_capacity(ended, None), at)


def adjust(
    current: Representative, person: Person, adjustment: AdjustmentEntry | None, *, at: datetime
) -> StaffingChange:
    """Let the adjustment count, or what is usual if it is None. Contacts above a capacity stay."""
    return _change(current, _adjusted(current, person, adjustment), at)


def _adjusted(
    representative: Representative, person: Person, adjustment: AdjustmentEntry | None
) -> Representative:
    served = replace(
        representative,
        skills=adjustment.skills_of(person) if adjustment else person.skills,
        languages=adjustment.languages_of(person) if adjustment else person.languages,
    )
    return _with_capacity(served, adjustment)


def _with_capacity(
    representative: Representative, adjustment: AdjustmentEntry | None
) -> Representative:
    """Let the capacity of the adjustment count, or the usual one if it says nothing of that."""
    capacity = (adjustment and adjustment.capacity) or representative.usual_capacity
    return replace(representative, capacity=capacity, load_limit=max(capacity, representative.load))


def _new_representative(person: Person, team_id: TeamId, at: datetime) -> Representative:
    return Representative(
        representative_id=person.person_id,
        name=person.name,
        team_id=team_id,
        skills=person.skills,
        languages=person.languages,
        usual_capacity=NEW_WORKLOAD.capacity,
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


def set_workload(
    current: Representative,
    workload: Workload,
    adjustment: AdjustmentEntry | None = None,
    *,
    at: datetime,
) -> StaffingChange:
    """Change what is usual. Contacts above a lowered capacity stay.

    A capacity for now, of the adjustment in force, counts until that ends.
    """
    changed = replace(
        current,
        usual_capacity=workload.capacity,
        auto_accept=workload.auto_accept,
        offer_s=workload.offer_s,
    )
    return _change(current, _with_capacity(changed, adjustment), at)


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

"""Matching as the documents say it, without heaps: each contact looks at everybody."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec.structs import replace

from common.contracts.event import ContactId, PersonId
from router.domain.assignments import Assignment
from router.domain.needs import Need
from router.domain.routing.queue import position
from router.domain.routing.strategies import least_busy
from router.domain.staffing.representatives import Representative


def match_plainly(
    contacts: Iterable[Assignment], people: Mapping[PersonId, Representative], *, at: datetime
) -> dict[ContactId, PersonId | None]:
    """Return who gets each contact."""
    staff = dict(people)
    holders: dict[ContactId, PersonId | None] = {}
    for contact in sorted(contacts, key=position):
        holder = _choose(contact, staff.values())
        holders[contact.contact_id] = holder.representative_id if holder else None
        if holder:
            busier = replace(holder, load=holder.load + 1, idle_since=at)
            staff[holder.representative_id] = busier
    return holders


def _choose(contact: Assignment, staff: Iterable[Representative]) -> Representative | None:
    assert contact.skill
    assert contact.language
    need = Need(contact.skill, contact.language)
    distances = {
        person.representative_id: distance
        for person in staff
        if (distance := need.distance(person.skills, person.languages)) is not None
    }
    able = [
        person
        for person in staff
        if person.active
        and person.presence == "available"
        and person.load < person.capacity
        and person.representative_id in distances
        and person.representative_id not in contact.declined_by
    ]
    previous = [person for person in able if person.representative_id == contact.preferred_id]
    of_team = [person for person in able if person.team_id == contact.team_id]
    others = [] if contact.waits_for_team else able
    return min(
        previous or of_team or others,
        key=lambda person: (distances[person.representative_id], least_busy(person)),
        default=None,
    )

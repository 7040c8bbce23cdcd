"""What people have router do with the entries of people and representatives."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from common.contracts.event import PersonId
from common.contracts.people import ContactMethod, ContactMethodsChanged
from common.core.ids import new_id
from common.core.preconditions import NO_PRECONDITION, Precondition
from common.storage.api_keys import ApiKeyStore
from common.storage.known_people import record_person
from router.domain.errors import (
    FrequentChangesError,
    PersonForbiddenError,
    RepresentativeNotFoundError,
)
from router.domain.staffing import adjustments, people, representatives
from router.domain.staffing.adjustments import (
    Adjustment,
    AdjustmentEntry,
    AdjustmentId,
    StaleAdjustmentError,
)
from router.domain.staffing.people import Person, PersonContext, PersonEntry, StalePersonError
from router.domain.staffing.representatives import (
    NEW_WORKLOAD,
    Representative,
    StaffingChange,
    Workload,
)
from router.handlers import adjust_representative, record_staffing
from router.store import UnitOfWork

# As with notifier's own route: each change sends a message to the address before.
MAX_CONTACT_CHANGES: Final = 10
CONTACT_CHANGES_WINDOW: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks; `actor` is a person, or a system as `admin:ops`."""

    actor: PersonId
    is_admin: bool


async def put_person(
    caller: Caller,
    person_id: PersonId,
    entry: PersonEntry,
    contact_methods: Sequence[ContactMethod] | None,
    uow: UnitOfWork,
    precondition: Precondition = NO_PRECONDITION,
) -> Person:
    """Put a person who is as `precondition` says, and publish what changed.

    Without `contact_methods` those stay. Raises PersonForbiddenError, InvalidPersonError,
    StalePersonError or FrequentChangesError.
    """
    await uow.people.lock_lines()
    # Their presence is published under the same key.
    representative = await uow.representatives.lock(person_id)
    context = await _context(person_id, entry, uow)
    if not caller.is_admin:
        await _require_right(caller, person_id, entry, context, uow)
    current = context.current
    if not precondition.holds(current.version if current else None):
        raise StalePersonError(current)
    people.require_valid(person_id, entry, context)
    person = people.describe(current, person_id, entry)
    if contact_methods is not None:
        await _publish_contact_methods(caller, person, contact_methods, uow)
    event = people.described(person, uow.now)
    if contact_methods is not None or person != current:
        # Last: the newest event of a person is kept, and shall have no address.
        uow.outbox.add((event,))
    if person == current:
        return person
    uow.people.put(person)
    await record_person(event, uow)
    adjustment = await uow.adjustments.lock_in_force(person_id)
    if adjustment is not None and not adjustment.fits(person):
        uow.record_adjustment(
            adjustments.end(adjustment, "entry_changed", caller.actor, at=uow.now)
        )
        adjustment = None
    change = representatives.follow_person(representative, person, adjustment, at=uow.now)
    if change is not None:
        await record_staffing(representative, change, uow)
    await _record_versions(caller, person, representative, change, uow)
    return person


async def _record_versions(
    caller: Caller,
    person: Person,
    representative: Representative | None,
    change: StaffingChange | None,
    uow: UnitOfWork,
) -> None:
    """Record what was put, and the workload of who is a representative since."""
    await uow.entry_versions.add_person(person, uow.now, caller.actor)
    if representative is None and change is not None:
        await uow.entry_versions.add_workload(person.person_id, NEW_WORKLOAD, uow.now, caller.actor)


async def set_workload(
    caller: Caller, person_id: PersonId, workload: Workload, uow: UnitOfWork
) -> None:
    """Set what is usual; raises RepresentativeNotFoundError."""
    current = await uow.representatives.lock(person_id)
    if current is None:
        raise RepresentativeNotFoundError
    adjustment = await uow.adjustments.lock_in_force(person_id)
    change = representatives.set_workload(current, workload, adjustment, at=uow.now)
    await record_staffing(current, change, uow)
    if current.workload != workload:
        await uow.entry_versions.add_workload(person_id, workload, uow.now, caller.actor)


async def adjust(
    caller: Caller,
    person_id: PersonId,
    entry: AdjustmentEntry,
    uow: UnitOfWork,
    precondition: Precondition = NO_PRECONDITION,
) -> Adjustment:
    """Put an adjustment in place of the one in force, if that is as `precondition` says.

    Raises RepresentativeNotFoundError, PersonForbiddenError, StaleAdjustmentError or
    InvalidAdjustmentError.
    """
    person, current = await _lock_for_adjustment(caller, person_id, precondition, uow)
    adjustments.require_valid(entry, person, at=uow.now)
    if current is not None:
        uow.record_adjustment(adjustments.end(current, "replaced", caller.actor, at=uow.now))
    number = await uow.adjustments.last_number(person_id) + 1
    adjustment = adjustments.begin(
        AdjustmentId(new_id()), person_id, entry, number, by=caller.actor, at=uow.now
    )
    uow.adjustments.mark_absent(adjustment.adjustment_id)
    uow.record_adjustment(adjustment)
    await adjust_representative(person, adjustment, uow)
    return adjustment


async def withdraw_adjustment(
    caller: Caller, person_id: PersonId, uow: UnitOfWork, precondition: Precondition
) -> None:
    """End the adjustment in force, if there is one.

    Raises RepresentativeNotFoundError, PersonForbiddenError or StaleAdjustmentError.
    """
    person, current = await _lock_for_adjustment(caller, person_id, precondition, uow)
    if current is not None:
        uow.record_adjustment(adjustments.end(current, "withdrawn", caller.actor, at=uow.now))
        await adjust_representative(person, None, uow)


async def _lock_for_adjustment(
    caller: Caller, person_id: PersonId, precondition: Precondition, uow: UnitOfWork
) -> tuple[Person, Adjustment | None]:
    """Lock the representative and the adjustment in force; return the person and that."""
    representative = await uow.representatives.lock(person_id)
    person = await uow.people.lock(person_id)
    if representative is None or person is None or not representative.active:
        raise RepresentativeNotFoundError
    if not caller.is_admin:
        line = await uow.people.line_above(person_id)
        adjustments.require_right(await uow.people.get(caller.actor), person, line)
    current = await uow.adjustments.lock_in_force(person_id)
    if not precondition.holds(current.number if current else None):
        raise StaleAdjustmentError(current)
    return person, current


async def _require_right(
    caller: Caller, person_id: PersonId, entry: PersonEntry, context: PersonContext, uow: UnitOfWork
) -> None:
    """Raises PersonForbiddenError where the person, the place or the team is not the manager's."""
    people.require_right(await uow.people.get(caller.actor), person_id, entry, context)
    if context.current is None:
        await _require_no_key(person_id, uow)
    if entry.supervised_team is not None:
        strangers = await uow.people.members_not_below(caller.actor, entry.supervised_team)
        people.require_own_team(context.current, entry, strangers)


async def _require_no_key(person_id: PersonId, uow: UnitOfWork) -> None:
    """Who may act upstairs already, but has no entry, is not put below a manager by that manager.

    Raises PersonForbiddenError.
    """
    keys = await ApiKeyStore(uow.connection).active(uow.now)
    if any(key.subject == person_id and key.role in ("supervisor", "manager") for key in keys):
        raise PersonForbiddenError(
            f"{person_id} has the API key of a supervisor or manager: an admin puts the entry."
        )


async def _context(person_id: PersonId, entry: PersonEntry, uow: UnitOfWork) -> PersonContext:
    superior = entry.reports_to
    current = await uow.people.lock(person_id)
    return PersonContext(
        current=current,
        line=await uow.people.line_above(person_id),
        new_superior=await uow.people.get(superior) if superior else None,
        new_line=(superior, *await uow.people.line_above(superior)) if superior else (),
        subordinates=await uow.people.subordinates_of(person_id),
    )


async def _publish_contact_methods(
    caller: Caller, person: Person, contact_methods: Sequence[ContactMethod], uow: UnitOfWork
) -> None:
    if not caller.is_admin:
        await _require_few_changes(person.person_id, uow)
    changed = ContactMethodsChanged(
        person_id=person.person_id,
        occurred_at=uow.now,
        name=person.name,
        contact_methods=tuple(contact_methods),
        by=caller.actor,
    )
    uow.outbox.add((changed,))


async def _require_few_changes(person_id: PersonId, uow: UnitOfWork) -> None:
    since = uow.now - CONTACT_CHANGES_WINDOW
    if await uow.people.count_contact_changes(person_id, since) >= MAX_CONTACT_CHANGES:
        raise FrequentChangesError

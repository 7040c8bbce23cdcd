"""What router does with each event, each timer, and each action of a person."""

from common.contracts.assignments import ReleaseKind
from common.contracts.contacts import (
    ContactAbandoned,
    ContactDiscarded,
    ContactErased,
    ContactMerged,
    ContactPrioritized,
    ContactReceived,
    ContactReopened,
    ContactResolved,
)
from common.contracts.escalations import (
    EscalationClosed,
    EscalationHandedBack,
    EscalationResolved,
    EscalationTakenOver,
)
from common.contracts.event import ContactId, PersonId
from common.contracts.people import Presence
from common.messaging.subscriptions import HandlerRegistry
from router.domain import absences, actions, assignments, reactions, timeouts
from router.domain.assignments import Assignment, Decision
from router.domain.errors import RepresentativeNotFoundError
from router.domain.routing import queue
from router.domain.staffing import adjustments, presence, representatives
from router.domain.staffing.adjustments import Adjustment, AdjustmentId
from router.domain.staffing.people import Person
from router.domain.staffing.representatives import Representative, StaffingChange
from router.domain.timers import (
    AbsenceGraceEnds,
    AdjustmentEnds,
    ExclusionEnds,
    OfferExpires,
    TeamWaitEnds,
)
from router.store import UnitOfWork


async def receive(event: ContactReceived, uow: UnitOfWork) -> None:
    assignment = await uow.assignments.lock(event.contact_id)
    uow.record(reactions.receive(assignment, event, at=uow.now))


async def prioritize(event: ContactPrioritized, uow: UnitOfWork) -> None:
    assignment = await uow.assignments.lock(event.contact_id)
    uow.record(reactions.prioritize(assignment, event))


async def resolve(event: ContactResolved, uow: UnitOfWork) -> None:
    assignment, holder = await uow.lock_with_holder(event.contact_id)
    uow.record(reactions.resolve(assignment, holder, event, at=uow.now))


async def abandon(
    event: ContactAbandoned | ContactDiscarded | ContactMerged, uow: UnitOfWork
) -> None:
    assignment, holder = await uow.lock_with_holder(event.contact_id)
    uow.record(reactions.abandon(assignment, holder, event, at=uow.now))


async def reopen(event: ContactReopened, uow: UnitOfWork) -> None:
    assignment = await uow.assignments.lock(event.contact_id)
    uow.record(reactions.reopen(assignment, event, at=uow.now))


async def erase(event: ContactErased, uow: UnitOfWork) -> None:
    """Erase what representatives wrote about the contact."""
    assignment = await uow.assignments.lock(event.contact_id)
    if assignment is not None:
        uow.assignments.put(assignments.erase(assignment))
    await uow.erase_words_of(event.contact_id)


async def take_over(event: EscalationTakenOver, uow: UnitOfWork) -> None:
    assignment, holder = await uow.lock_with_holder(event.contact_id)
    uow.record(reactions.take_over(assignment, holder, event, at=uow.now))


async def hand_back(event: EscalationHandedBack, uow: UnitOfWork) -> None:
    assignment = await uow.assignments.lock(event.contact_id)
    uow.record(reactions.hand_back(assignment, event, at=uow.now))


async def end_escalation(event: EscalationResolved | EscalationClosed, uow: UnitOfWork) -> None:
    assignment = await uow.assignments.lock(event.contact_id)
    uow.record(reactions.end_escalation(assignment, event, at=uow.now))


async def expire_offer(timer: OfferExpires, uow: UnitOfWork) -> None:
    assignment, holder = await uow.lock_with_holder(timer.contact_id)
    uow.record(timeouts.expire_offer(assignment, holder, timer, at=uow.now))


async def end_exclusion(timer: ExclusionEnds, uow: UnitOfWork) -> None:
    assignment = await uow.assignments.lock(timer.contact_id)
    uow.record(timeouts.end_exclusion(assignment))


async def end_team_wait(timer: TeamWaitEnds, uow: UnitOfWork) -> None:
    assignment = await uow.assignments.lock(timer.contact_id)
    uow.record(queue.end_team_wait(assignment, uow.policy, at=uow.now))


async def end_grace(timer: AbsenceGraceEnds, uow: UnitOfWork) -> None:
    assignment, holder = await uow.lock_with_holder(timer.contact_id)
    uow.record(absences.end_grace(assignment, holder, timer, at=uow.now))


async def set_presence(
    representative_id: PersonId, new: Presence, reason: str | None, uow: UnitOfWork
) -> None:
    current = await uow.representatives.lock(representative_id)
    if current is None:
        raise RepresentativeNotFoundError
    change = presence.set_presence(current, new, reason, at=uow.now)
    await record_staffing(current, change, uow)


async def end_adjustment(timer: AdjustmentEnds, uow: UnitOfWork) -> None:
    adjustment = await uow.adjustments.lock(AdjustmentId(timer.contact_id))
    # It may have been ended, or replaced by another one, before this timer fired.
    if adjustment is None or adjustment.ended_at is not None:
        return
    person = await uow.people.get(adjustment.person_id)
    uow.record_adjustment(adjustments.end(adjustment, "expired", None, at=uow.now))
    if person is not None:
        await adjust_representative(person, None, uow)


async def adjust_representative(
    person: Person, adjustment: Adjustment | None, uow: UnitOfWork
) -> None:
    """Let the adjustment count for the representative, or what is usual if it is None."""
    current = await uow.representatives.lock(person.person_id)
    if current is not None:
        change = representatives.adjust(current, person, adjustment, at=uow.now)
        await record_staffing(current, change, uow)


async def record_staffing(
    before: Representative | None, change: StaffingChange, uow: UnitOfWork
) -> None:
    """Record a changed profile or presence, and what it changes for contacts."""
    uow.record_staffing(change)
    if before is not None:
        await release_contacts(before, change.representative, uow)
    await uow.place_waiting(before, change.representative)


async def release_contacts(before: Representative, after: Representative, uow: UnitOfWork) -> None:
    """Offer on what the representative can't answer any more; set or cancel the grace."""
    if not after.load or before == after:
        return
    contacts = await uow.assignments.lock_held_by(after.representative_id)
    timers = absences.grace_timers(before, after, contacts, uow.policy.absence_grace, at=uow.now)
    uow.record(Decision(timers=tuple(timers)))
    for offered, reason in absences.offers_to_withdraw(after, contacts):
        holder = await uow.representatives.lock(after.representative_id)
        uow.record(absences.withdraw(offered, holder, reason, at=uow.now))


async def accept(contact_id: ContactId, by: PersonId | None, uow: UnitOfWork) -> None:
    assignment, holder = await lock_as(by, contact_id, uow)
    uow.record(actions.accept(assignment, holder, at=uow.now))


async def decline(contact_id: ContactId, by: PersonId | None, reason: str, uow: UnitOfWork) -> None:
    assignment, holder = await lock_as(by, contact_id, uow)
    uow.record(actions.decline(assignment, holder, reason, at=uow.now))


async def complete(contact_id: ContactId, by: PersonId | None, uow: UnitOfWork) -> None:
    assignment, holder = await lock_as(by, contact_id, uow)
    uow.record(actions.complete(assignment, holder, at=uow.now))


async def refer(contact_id: ContactId, by: PersonId | None, reason: str, uow: UnitOfWork) -> None:
    assignment, holder = await lock_as(by, contact_id, uow)
    uow.record(actions.refer(assignment, holder, reason, at=uow.now))


async def release(contact_id: ContactId, by: PersonId | None, reason: str, uow: UnitOfWork) -> None:
    assignment, holder = await lock_as(by, contact_id, uow)
    kind: ReleaseKind = "transferred" if by is None else "returned"
    uow.record(actions.release(assignment, holder, kind, reason, at=uow.now))


async def lock_as(
    by: PersonId | None, contact_id: ContactId, uow: UnitOfWork
) -> tuple[Assignment | None, Representative | None]:
    """Lock the assignment and its holder.

    Raises NotHolderError or AssignmentNotFoundError if `by` is another person.
    """
    assignment, holder = await uow.lock_with_holder(contact_id)
    if assignment is not None and by is not None:
        was_offered = await uow.assignments.was_offered(assignment, by)
        actions.check_holder(assignment, by, was_offered=was_offered)
    return assignment, holder


SUBSCRIPTIONS = (
    HandlerRegistry[UnitOfWork]()
    .on(ContactReceived, receive)
    .on(ContactPrioritized, prioritize)
    .on(ContactResolved, resolve)
    .on(ContactAbandoned, abandon)
    .on(ContactDiscarded, abandon)
    .on(ContactMerged, abandon)
    .on(ContactReopened, reopen)
    .on(ContactErased, erase)
    .on(EscalationTakenOver, take_over)
    .on(EscalationHandedBack, hand_back)
    .on(EscalationResolved, end_escalation)
    .on(EscalationClosed, end_escalation)
    .on(OfferExpires, expire_offer)
    .on(ExclusionEnds, end_exclusion)
    .on(TeamWaitEnds, end_team_wait)
    .on(AbsenceGraceEnds, end_grace)
    .on(AdjustmentEnds, end_adjustment)
)

"""What router does with each event, each timer, and each action of a person."""

from common.contracts.contacts import (
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
from common.messaging.subscriptions import HandlerRegistry
from router.domain import assignments, representatives
from router.domain.assignments import Assignment, Decision, OfferExpires, RoundEnds
from router.domain.errors import RepresentativeNotFoundError
from router.domain.representatives import Presence, Profile, Representative
from router.store import UnitOfWork


async def receive(event: ContactReceived, uow: UnitOfWork) -> None:
    assignment = await uow.assignments.lock(event.contact_id)
    uow.record(assignments.receive(assignment, event, at=uow.now))


async def prioritize(event: ContactPrioritized, uow: UnitOfWork) -> None:
    assignment = await uow.assignments.lock(event.contact_id)
    uow.record(assignments.prioritize(assignment, event))


async def resolve(event: ContactResolved, uow: UnitOfWork) -> None:
    assignment, holder = await uow.holding(event.contact_id)
    uow.record(assignments.resolve(assignment, holder, event, at=uow.now))


async def reopen(event: ContactReopened, uow: UnitOfWork) -> None:
    assignment = await uow.assignments.lock(event.contact_id)
    uow.record(assignments.reopen(assignment, event, at=uow.now))


async def take_over(event: EscalationTakenOver, uow: UnitOfWork) -> None:
    assignment, holder = await uow.holding(event.contact_id)
    uow.record(assignments.take_over(assignment, holder, event, at=uow.now))


async def hand_back(event: EscalationHandedBack, uow: UnitOfWork) -> None:
    assignment = await uow.assignments.lock(event.contact_id)
    uow.record(assignments.hand_back(assignment, event, at=uow.now))


async def end_upstairs(event: EscalationResolved | EscalationClosed, uow: UnitOfWork) -> None:
    assignment = await uow.assignments.lock(event.contact_id)
    uow.record(assignments.end_upstairs(assignment, event, at=uow.now))


async def expire(timer: OfferExpires, uow: UnitOfWork) -> None:
    assignment, holder = await uow.holding(timer.contact_id)
    uow.record(assignments.expire(assignment, holder, timer, at=uow.now))


async def end_round(timer: RoundEnds, uow: UnitOfWork) -> None:
    assignment = await uow.assignments.lock(timer.contact_id)
    uow.record(assignments.end_round(assignment))


async def describe(representative_id: PersonId, profile: Profile, uow: UnitOfWork) -> None:
    known = await uow.representatives.lock(representative_id)
    described = representatives.describe(known, representative_id, profile, at=uow.now)
    uow.record(Decision(representatives=(described,)))


async def appear(representative_id: PersonId, presence: Presence, uow: UnitOfWork) -> None:
    known = await uow.representatives.lock(representative_id)
    if known is None:
        raise RepresentativeNotFoundError
    seen = representatives.appear(known, presence, at=uow.now)
    uow.record(Decision(representatives=(seen,)))


async def accept(contact_id: ContactId, by: PersonId | None, uow: UnitOfWork) -> None:
    assignment, holder = await own(contact_id, by, uow)
    uow.record(assignments.accept(assignment, holder, at=uow.now))


async def decline(contact_id: ContactId, by: PersonId | None, reason: str, uow: UnitOfWork) -> None:
    assignment, holder = await own(contact_id, by, uow)
    uow.record(assignments.decline(assignment, holder, reason, at=uow.now))


async def complete(contact_id: ContactId, by: PersonId | None, uow: UnitOfWork) -> None:
    assignment, holder = await own(contact_id, by, uow)
    uow.record(assignments.complete(assignment, holder, at=uow.now))


async def refer(contact_id: ContactId, by: PersonId | None, reason: str, uow: UnitOfWork) -> None:
    assignment, holder = await own(contact_id, by, uow)
    uow.record(assignments.refer(assignment, holder, reason, at=uow.now))


async def release(
    contact_id: ContactId, by: PersonId | None, because: str, uow: UnitOfWork
) -> None:
    assignment, holder = await own(contact_id, by, uow)
    uow.record(assignments.release(assignment, holder, because, at=uow.now))


async def own(
    contact_id: ContactId, by: PersonId | None, uow: UnitOfWork
) -> tuple[Assignment | None, Representative | None]:
    """Return what `by` may act on; nobody in particular may act on everything."""
    assignment, holder = await uow.holding(contact_id)
    if by is not None:
        assignments.check_holder(assignment, by)
    return assignment, holder


SUBSCRIPTIONS = (
    HandlerRegistry[UnitOfWork]()
    .on(ContactReceived, receive)
    .on(ContactPrioritized, prioritize)
    .on(ContactResolved, resolve)
    .on(ContactReopened, reopen)
    .on(EscalationTakenOver, take_over)
    .on(EscalationHandedBack, hand_back)
    .on(EscalationResolved, end_upstairs)
    .on(EscalationClosed, end_upstairs)
    .on(OfferExpires, expire)
    .on(RoundEnds, end_round)
)

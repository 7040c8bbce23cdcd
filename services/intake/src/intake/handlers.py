"""What intake does with each event from escalation and router: load, decide, record."""

from dataclasses import replace

from common.contracts.assignments import AssignmentReleased, ContactAssigned
from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClimbed,
    EscalationClosed,
    EscalationHandedBack,
    EscalationHandedOver,
    EscalationRaised,
    EscalationReopened,
    EscalationResolved,
    EscalationReturned,
    EscalationTakenOver,
    PriorityChangeAsked,
)
from common.contracts.event import ContactId, PersonId
from common.messaging.subscriptions import HandlerRegistry
from intake.domain import contacts, escalation_mirror
from intake.domain.errors import ContactNotFoundError
from intake.domain.model import Contact, Decision, EscalationState, EscalationView
from intake.store import UnitOfWork


async def prioritize_by_rule(event: PriorityChangeAsked, uow: UnitOfWork) -> None:
    contact = await get_or_raise(event.contact_id, uow)
    record(contacts.prioritize_by_rule(contact, event.priority, event.reason, uow.now), uow)


async def mirror_raised(
    event: EscalationRaised | EscalationClimbed | EscalationReturned | EscalationReopened,
    uow: UnitOfWork,
) -> None:
    """It waits for somebody at a level, for the first time or again."""
    await mirror(event, "raised", uow, level=event.level_name)


async def mirror_handed_over(event: EscalationHandedOver, uow: UnitOfWork) -> None:
    await mirror(event, "raised", uow)


async def mirror_acknowledged(event: EscalationAcknowledged, uow: UnitOfWork) -> None:
    await mirror(event, "acknowledged", uow, by=event.by)


async def mirror_taken_over(event: EscalationTakenOver, uow: UnitOfWork) -> None:
    await mirror(event, "taken_over", uow, by=event.by)


async def mirror_handed_back(event: EscalationHandedBack, uow: UnitOfWork) -> None:
    await mirror(event, "handed_back", uow, by=event.by)


async def mirror_closed(event: EscalationClosed, uow: UnitOfWork) -> None:
    await mirror(event, "closed", uow)


async def resolve_from_escalation(event: EscalationResolved, uow: UnitOfWork) -> None:
    contact = await get_or_raise(event.contact_id, uow)
    view = EscalationView("resolved", _level(contact), event.by, event.occurred_at)
    note = f"{event.outcome}: {event.note}"
    record(escalation_mirror.resolve_from_escalation(contact, event.by, note, view), uow)


async def keep_representative(event: ContactAssigned, uow: UnitOfWork) -> None:
    await get_or_raise(event.contact_id, uow)
    uow.contact_representatives.assign(event.contact_id, event.representative_id)


async def release_representative(event: AssignmentReleased, uow: UnitOfWork) -> None:
    """End what the representative may do; an offer that is withdrawn changes nothing."""
    await get_or_raise(event.contact_id, uow)
    uow.contact_representatives.release(event.contact_id, event.representative_id)


async def mirror(
    event: EscalationRaised
    | EscalationClimbed
    | EscalationReturned
    | EscalationReopened
    | EscalationHandedOver
    | EscalationAcknowledged
    | EscalationTakenOver
    | EscalationHandedBack
    | EscalationClosed,
    state: EscalationState,
    uow: UnitOfWork,
    *,
    level: str | None = None,
    by: PersonId | None = None,
) -> None:
    """Keep the new state of the escalation; without a level, it stays at the level it was."""
    contact = await get_or_raise(event.contact_id, uow)
    view = EscalationView(state, level or _level(contact), by, event.occurred_at)
    record(escalation_mirror.mirror_escalation(contact, view), uow)


def _level(contact: Contact) -> str | None:
    return contact.escalation.level if contact.escalation else None


async def get_or_raise(contact_id: ContactId, uow: UnitOfWork) -> Contact:
    """Return the contact, locked until the transaction ends; raises ContactNotFoundError."""
    contact = await uow.contacts.lock(contact_id)
    if contact is None:
        raise ContactNotFoundError
    return contact


def record(decision: Decision, uow: UnitOfWork) -> None:
    """Write the new state and what it causes, in the caller's transaction."""
    uow.contacts.put(replace(decision.contact, changed_at=uow.now))
    uow.outbox.add(decision.events)


SUBSCRIPTIONS = (
    HandlerRegistry[UnitOfWork]()
    .on(EscalationRaised, mirror_raised)
    .on(EscalationClimbed, mirror_raised)
    .on(EscalationReturned, mirror_raised)
    .on(EscalationReopened, mirror_raised)
    .on(EscalationHandedOver, mirror_handed_over)
    .on(EscalationAcknowledged, mirror_acknowledged)
    .on(EscalationTakenOver, mirror_taken_over)
    .on(EscalationHandedBack, mirror_handed_back)
    .on(EscalationClosed, mirror_closed)
    .on(EscalationResolved, resolve_from_escalation)
    .on(PriorityChangeAsked, prioritize_by_rule)
    .on(ContactAssigned, keep_representative)
    .on(AssignmentReleased, release_representative)
)

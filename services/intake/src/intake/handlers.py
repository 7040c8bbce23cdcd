"""What intake does with each event from escalation and router: load, decide, record."""

from msgspec.structs import replace

from common.contracts.assignments import AssignmentReleased, ContactAssigned
from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationCauseAdded,
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
from common.contracts.people import PersonDescribed
from common.contracts.statuses import StatusWebhookChanged
from common.messaging.subscriptions import HandlerRegistry
from common.storage.known_people import record_person
from intake.connections.silence_watch import check_silence
from intake.domain import contacts, escalation_mirror, presence, status_changes
from intake.domain.assignments import AssignmentChange
from intake.domain.errors import ContactNotFoundError
from intake.domain.model import Contact, Decision, EscalationState, EscalationView
from intake.domain.timers import CustomerAbsenceDue, SilenceDue
from intake.store import UnitOfWork


async def prioritize_by_rule(event: PriorityChangeAsked, uow: UnitOfWork) -> None:
    contact = await get_or_raise(event.contact_id, uow)
    record(contacts.prioritize_by_rule(contact, event.priority, event.reason, uow.now), uow)


async def mirror_raised(event: EscalationRaised, uow: UnitOfWork) -> None:
    confidential = escalation_mirror.may_be_complaint(event.cause)
    await mirror(event, "raised", uow, level=event.level_name, confidential=confidential)


async def mirror_cause(event: EscalationCauseAdded, uow: UnitOfWork) -> None:
    contact = await get_or_raise(event.contact_id, uow)
    decision = escalation_mirror.add_cause(contact, event.cause, event.occurred_at)
    if decision.contact != contact:
        record(decision, uow)
        if view := decision.contact.escalation:
            note_escalation(decision.contact, view, uow)


async def mirror_moved(
    event: EscalationClimbed | EscalationReturned | EscalationReopened, uow: UnitOfWork
) -> None:
    """It waits again for somebody at a level."""
    contact = await get_or_raise(event.contact_id, uow)
    confidential = isinstance(event, EscalationClimbed) and _is_confidential(contact)
    await mirror(event, "raised", uow, level=event.level_name, confidential=confidential)


async def mirror_handed_over(event: EscalationHandedOver, uow: UnitOfWork) -> None:
    await mirror(event, "raised", uow)


async def mirror_acknowledged(event: EscalationAcknowledged, uow: UnitOfWork) -> None:
    await mirror(event, "acknowledged", uow, by=event.by)


async def mirror_taken_over(event: EscalationTakenOver, uow: UnitOfWork) -> None:
    await mirror(event, "taken_over", uow, by=event.by)


async def mirror_handed_back(event: EscalationHandedBack, uow: UnitOfWork) -> None:
    await mirror(event, "handed_back", uow, by=event.by)


async def mirror_closed(event: EscalationClosed, uow: UnitOfWork) -> None:
    contact = await get_or_raise(event.contact_id, uow)
    await mirror(event, "closed", uow, confidential=_is_confidential(contact))


async def resolve_from_escalation(event: EscalationResolved, uow: UnitOfWork) -> None:
    contact = await get_or_raise(event.contact_id, uow)
    view = EscalationView("resolved", _level(contact), event.by, event.occurred_at)
    note = f"{event.outcome}: {event.note}"
    note_escalation(contact, view, uow)
    record(escalation_mirror.resolve_from_escalation(contact, event.by, note, view), uow)


async def keep_representative(event: ContactAssigned, sequence: int, uow: UnitOfWork) -> None:
    change = _change(event, sequence)
    uow.contact_representatives.assign(change)
    if uow.contacts.is_unknown(event.contact_id):
        # Nobody wants its statuses.
        return
    contact = await get_or_raise(event.contact_id, uow)
    if not contacts.is_ended(contact):
        uow.status_changes.note(
            contact.received_from, lambda: (status_changes.of_assignment(contact, change),)
        )


async def keep_status_source(event: StatusWebhookChanged, uow: UnitOfWork) -> None:
    await uow.status_changes.set_source(event.source, event.occurred_at, is_active=event.is_active)


async def release_representative(event: AssignmentReleased, sequence: int, uow: UnitOfWork) -> None:
    """End what the representative may do; an offer that is withdrawn changes nothing."""
    uow.contact_representatives.release(_change(event, sequence))


async def end_absence(timer: CustomerAbsenceDue, uow: UnitOfWork) -> None:
    contact = await get_or_raise(timer.contact_id, uow)
    decision = presence.end_absence(contact, timer, uow.now)
    if decision.contact != contact:
        record(decision, uow)


def _change(event: ContactAssigned | AssignmentReleased, sequence: int) -> AssignmentChange:
    return AssignmentChange(event.contact_id, event.representative_id, sequence, event.occurred_at)


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
    confidential: bool = False,
) -> None:
    """Keep the new state of the escalation; without a level, it stays at the level it was."""
    contact = await get_or_raise(event.contact_id, uow)
    earlier = escalation_mirror.view_of_representative(contact) if confidential else None
    view = EscalationView(
        state, level or _level(contact), by, event.occurred_at, confidential, earlier
    )
    decision = escalation_mirror.mirror_escalation(contact, view)
    if confidential:
        # The time of the change would tell whom a complaint is about.
        uow.contacts.put(decision.contact)
    else:
        record(decision, uow)
        note_escalation(decision.contact, view, uow)


def _level(contact: Contact) -> str | None:
    return contact.escalation.level if contact.escalation else None


def _is_confidential(contact: Contact) -> bool:
    return contact.escalation is not None and contact.escalation.confidential


async def get_or_raise(contact_id: ContactId, uow: UnitOfWork) -> Contact:
    """Return the contact, locked until the transaction ends; raises ContactNotFoundError."""
    contact = await uow.contacts.lock(contact_id)
    if contact is None:
        raise ContactNotFoundError
    return contact


def record(decision: Decision, uow: UnitOfWork) -> None:
    """Write the new state and what it causes, in the caller's transaction."""
    contact = decision.contact
    if contact.changed_at != uow.now:
        contact = replace(contact, changed_at=uow.now)
    uow.contacts.put(contact)
    uow.outbox.add(decision.events)
    if decision.events:
        uow.status_changes.note(
            contact.received_from, lambda: status_changes.of_events(contact, decision.events)
        )


def note_escalation(contact: Contact, view: EscalationView, uow: UnitOfWork) -> None:
    """Tell the channel what it is shown of the escalation, if it wants to be told."""
    uow.status_changes.note(
        contact.received_from, lambda: (status_changes.of_escalation(contact, view),)
    )


SUBSCRIPTIONS = (
    HandlerRegistry[UnitOfWork]()
    .on(EscalationRaised, mirror_raised)
    .on(EscalationCauseAdded, mirror_cause)
    .on(EscalationClimbed, mirror_moved)
    .on(EscalationReturned, mirror_moved)
    .on(EscalationReopened, mirror_moved)
    .on(EscalationHandedOver, mirror_handed_over)
    .on(EscalationAcknowledged, mirror_acknowledged)
    .on(EscalationTakenOver, mirror_taken_over)
    .on(EscalationHandedBack, mirror_handed_back)
    .on(EscalationClosed, mirror_closed)
    .on(EscalationResolved, resolve_from_escalation)
    .on(PriorityChangeAsked, prioritize_by_rule)
    .project(ContactAssigned, keep_representative)
    .project(AssignmentReleased, release_representative)
    .on(PersonDescribed, record_person)
    .on(SilenceDue, check_silence)
    .on(StatusWebhookChanged, keep_status_source)
    .on(CustomerAbsenceDue, end_absence)
)

"""What intake does with each command from a channel and each event from upstairs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from common.contracts.contacts import Channel, Customer, Priority
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
from common.contracts.event import ContactId, MessageId, PersonId
from common.core.errors import PermanentError
from common.core.ids import new_id
from common.messaging.subscriptions import HandlerRegistry
from intake import domain
from intake.domain import Contact, EscalationState, EscalationView, Message
from intake.store import Claim, UnitOfWork


class ContactNotFoundError(PermanentError):
    """There is no such contact."""


class KeyReusedError(Exception):
    """The idempotency key came before with another request."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A key under which the same request may come again, and what tells it from another one."""

    scope: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class ReceiveContact:
    channel: Channel
    customer: Customer
    subject: str
    topic: str
    language: str
    priority: Priority
    text: str | None = None
    connection: str | None = None
    external_ref: str | None = None
    campaign: str | None = None
    contact_id: ContactId = field(default_factory=lambda: ContactId(new_id()))


@dataclass(frozen=True, slots=True)
class NewContact:
    """A contact to take in, and the key under which it may come again."""

    command: ReceiveContact
    once: IdempotencyKey | None


@dataclass(frozen=True, slots=True)
class WriteMessage:
    contact_id: ContactId
    author: Literal["customer", "representative"]
    text: str
    person_id: PersonId | None = None
    message_id: MessageId = field(default_factory=lambda: MessageId(new_id()))


async def accept(once: IdempotencyKey | None, result: str, uow: UnitOfWork) -> str | None:
    """Return the earlier result if this request was accepted before; raises KeyReused."""
    if once is None:
        return None
    earlier = await uow.accepted.claim(_claim(once, result), uow.now)
    if earlier is None:
        return None
    if earlier.fingerprint != once.fingerprint:
        raise KeyReusedError
    return earlier.result


def _claim(once: IdempotencyKey, result: str) -> Claim:
    return Claim(once.scope, once.key, once.fingerprint, result)


async def hold_requests(requests: Sequence[NewContact], uow: UnitOfWork) -> None:
    claims = [_claim(one.once, one.command.contact_id) for one in requests if one.once]
    await uow.accepted.hold(claims, uow.now)


async def receive_once(request: NewContact, uow: UnitOfWork) -> ContactId:
    """Take in a contact, or return the one that the same request made before."""
    earlier = await accept(request.once, request.command.contact_id, uow)
    return await receive(request.command, uow) if earlier is None else ContactId(earlier)


async def receive(command: ReceiveContact, uow: UnitOfWork) -> ContactId:
    """Take in a contact; one that the same outside ticket has already made is returned as it is."""
    if command.connection is not None and command.external_ref is not None:
        known = await uow.contacts.of(command.connection, command.external_ref)
        if known is not None:
            return known
    uow.customers.put(command.customer)
    uow.contacts.mark_absent(command.contact_id)
    contact = Contact(
        contact_id=command.contact_id,
        state="open",
        channel=command.channel,
        connection=command.connection,
        external_ref=command.external_ref,
        customer_id=command.customer.customer_id,
        subject=command.subject,
        topic=command.topic,
        language=command.language,
        priority=command.priority,
        received_at=uow.now,
        campaign=command.campaign,
    )
    record(domain.receive(contact, command.customer), uow)
    if command.text is not None:
        await write(WriteMessage(contact.contact_id, "customer", command.text), uow)
    return contact.contact_id


async def write(command: WriteMessage, uow: UnitOfWork) -> None:
    contact = await known(command.contact_id, uow)
    message = Message(
        message_id=command.message_id,
        contact_id=command.contact_id,
        author=command.author,
        person_id=command.person_id,
        text=command.text,
        at=uow.now,
    )
    uow.messages.add(message)
    record(domain.write(contact, message), uow)


async def request_supervisor(contact_id: ContactId, quote: str, uow: UnitOfWork) -> None:
    contact = await known(contact_id, uow)
    record(domain.request_supervisor(contact, quote, uow.now), uow)


async def resolve(
    contact_id: ContactId, by: PersonId | None, note: str | None, uow: UnitOfWork
) -> None:
    record(domain.resolve(await known(contact_id, uow), by, note, uow.now), uow)


async def wait_for_customer(contact_id: ContactId, uow: UnitOfWork) -> None:
    record(domain.wait_for_customer(await known(contact_id, uow), uow.now), uow)


async def reopen(contact_id: ContactId, reason: str, uow: UnitOfWork) -> None:
    record(domain.reopen(await known(contact_id, uow), reason, uow.now), uow)


async def prioritize(
    contact_id: ContactId, priority: Priority, because: str, by: PersonId, uow: UnitOfWork
) -> None:
    contact = await known(contact_id, uow)
    record(domain.prioritize(contact, priority, because, by, uow.now), uow)


async def prioritize_by_rule(event: PriorityChangeAsked, uow: UnitOfWork) -> None:
    contact = await known(event.contact_id, uow)
    record(domain.prioritize_by_rule(contact, event.priority, event.reason, uow.now), uow)


async def give_feedback(
    contact_id: ContactId, score: int, comment: str | None, uow: UnitOfWork
) -> None:
    record(domain.give_feedback(await known(contact_id, uow), score, comment, uow.now), uow)


async def show_raised(
    event: EscalationRaised | EscalationClimbed | EscalationReturned | EscalationReopened,
    uow: UnitOfWork,
) -> None:
    """It waits for somebody at a level, for the first time or again."""
    await show(event, "raised", uow, level=event.level_name)


async def show_handed_over(event: EscalationHandedOver, uow: UnitOfWork) -> None:
    await show(event, "raised", uow)


async def show_acknowledged(event: EscalationAcknowledged, uow: UnitOfWork) -> None:
    await show(event, "acknowledged", uow, by=event.by)


async def show_taken_over(event: EscalationTakenOver, uow: UnitOfWork) -> None:
    await show(event, "taken_over", uow, by=event.by)


async def show_handed_back(event: EscalationHandedBack, uow: UnitOfWork) -> None:
    await show(event, "handed_back", uow, by=event.by)


async def show_closed(event: EscalationClosed, uow: UnitOfWork) -> None:
    await show(event, "closed", uow)


async def finish(event: EscalationResolved, uow: UnitOfWork) -> None:
    contact = await known(event.contact_id, uow)
    view = EscalationView("resolved", _level(contact), event.by, event.occurred_at)
    note = f"{event.outcome}: {event.note}"
    record(domain.finish_upstairs(contact, event.by, note, view), uow)


async def show(
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
    contact = await known(event.contact_id, uow)
    view = EscalationView(state, level or _level(contact), by, event.occurred_at)
    record(domain.show_escalation(contact, view), uow)


def _level(contact: Contact) -> str | None:
    return contact.escalation.level if contact.escalation else None


async def known(contact_id: ContactId, uow: UnitOfWork) -> Contact:
    contact = await uow.contacts.lock(contact_id)
    if contact is None:
        raise ContactNotFoundError
    return contact


def record(decision: domain.Decision, uow: UnitOfWork) -> None:
    """Write the new state and what it causes, in the caller's transaction."""
    uow.contacts.put(decision.contact)
    uow.outbox.add(decision.events)


SUBSCRIPTIONS = (
    HandlerRegistry[UnitOfWork]()
    .on(EscalationRaised, show_raised)
    .on(EscalationClimbed, show_raised)
    .on(EscalationReturned, show_raised)
    .on(EscalationReopened, show_raised)
    .on(EscalationHandedOver, show_handed_over)
    .on(EscalationAcknowledged, show_acknowledged)
    .on(EscalationTakenOver, show_taken_over)
    .on(EscalationHandedBack, show_handed_back)
    .on(EscalationClosed, show_closed)
    .on(EscalationResolved, finish)
    .on(PriorityChangeAsked, prioritize_by_rule)
)

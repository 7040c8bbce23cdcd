"""What intake does with each command of a channel or a person: load, decide, record."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import assert_never

from common.contracts.contacts import Channel, Customer, Priority
from common.contracts.event import ContactId, MessageId, PersonId, TeamId
from common.core.ids import new_id
from intake.channels.base import (
    ChannelEvent,
    ContactLeft,
    ContactOpened,
    ContactSetPending,
    ContactSolved,
    CustomerMessageAdded,
    ExternalContact,
    PriorityChanged,
    RepresentativeMessageAdded,
    SolvedContactReopened,
    UnrelatedUpdate,
)
from intake.domain import contacts, feedback, interactions, surveys
from intake.domain.errors import (
    EarlierContactNotFoundError,
    SurveyNotFoundError,
    WrongStateError,
)
from intake.domain.model import (
    Author,
    ChannelConnection,
    Contact,
    IdempotencyKey,
    Interaction,
    Message,
    SurveyAnswer,
    SurveyDecision,
)
from intake.domain.surveys import SurveyRequest
from intake.handlers import get_or_raise, record
from intake.idempotency import claim_key, claim_keys
from intake.store import UnitOfWork


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
    follows: ContactId | None = None
    contact_id: ContactId = field(default_factory=lambda: ContactId(new_id()))


@dataclass(frozen=True, slots=True)
class ReceiveRequest:
    """A contact to take in, and the key under which the request may come again."""

    command: ReceiveContact
    key: IdempotencyKey | None


@dataclass(frozen=True, slots=True)
class WriteMessage:
    contact_id: ContactId
    author: Author
    text: str
    person_id: PersonId | None = None
    automatic: bool = False
    message_id: MessageId = field(default_factory=lambda: MessageId(new_id()))


@dataclass(frozen=True, slots=True)
class ResolveContact:
    contact_id: ContactId
    by: PersonId | None = None
    note: str | None = None
    disposition: str | None = None
    root_cause: str | None = None
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class GiveFeedback:
    contact_id: ContactId
    score: int
    comment: str | None = None
    about: PersonId | None = None
    team_id: TeamId | None = None


async def claim_request_keys(requests: Sequence[ReceiveRequest], uow: UnitOfWork) -> None:
    keyed = [(request.key, request.command.contact_id) for request in requests if request.key]
    await claim_keys(keyed, uow)


async def receive_request(request: ReceiveRequest, uow: UnitOfWork) -> ContactId:
    """Take in a contact, or return the contact that the same request made before."""
    earlier = await claim_key(request.key, request.command.contact_id, uow)
    return await receive(request.command, uow) if earlier is None else ContactId(earlier)


async def receive(command: ReceiveContact, uow: UnitOfWork) -> ContactId:
    """Take in a contact, or return the contact that the same outside ticket made before."""
    if command.connection is not None and command.external_ref is not None:
        ref = command.external_ref
        earlier = (await uow.contacts.find_external(command.connection, [ref])).get(ref)
        if earlier is not None:
            return earlier
    return await receive_new(command, uow)


async def receive_new(command: ReceiveContact, uow: UnitOfWork) -> ContactId:
    if command.follows is not None and await uow.contacts.get(command.follows) is None:
        raise EarlierContactNotFoundError
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
        follows=command.follows,
    )
    record(contacts.receive(contact, command.customer), uow)
    if command.text is not None:
        await write(WriteMessage(contact.contact_id, "customer", command.text), uow)
    return contact.contact_id


async def write(command: WriteMessage, uow: UnitOfWork) -> None:
    contact = await get_or_raise(command.contact_id, uow)
    message = Message(
        message_id=command.message_id,
        contact_id=command.contact_id,
        author=command.author,
        person_id=command.person_id,
        text=command.text,
        at=uow.now,
        automatic=command.automatic,
    )
    uow.messages.add(message)
    record(contacts.write(contact, message), uow)


async def request_supervisor(contact_id: ContactId, quote: str, uow: UnitOfWork) -> None:
    contact = await get_or_raise(contact_id, uow)
    record(contacts.request_supervisor(contact, quote, uow.now), uow)


async def resolve(command: ResolveContact, uow: UnitOfWork) -> None:
    contact = await get_or_raise(command.contact_id, uow)
    decision = contacts.resolve(
        contact,
        uow.now,
        by=command.by,
        note=command.note,
        disposition=command.disposition,
        root_cause=command.root_cause,
        automatic=command.automatic,
    )
    record(decision, uow)


async def abandon(
    contact_id: ContactId, reason: str | None, by: PersonId | None, uow: UnitOfWork
) -> None:
    contact = await get_or_raise(contact_id, uow)
    record(contacts.abandon(contact, reason, by, uow.now), uow)


async def wait_for_customer(contact_id: ContactId, uow: UnitOfWork) -> None:
    contact = await get_or_raise(contact_id, uow)
    record(contacts.wait_for_customer(contact, uow.now), uow)


async def reopen(contact_id: ContactId, reason: str, by: PersonId | None, uow: UnitOfWork) -> None:
    contact = await get_or_raise(contact_id, uow)
    record(contacts.reopen(contact, reason, by, uow.now), uow)


async def prioritize(
    contact_id: ContactId, priority: Priority, reason: str, by: PersonId, uow: UnitOfWork
) -> None:
    contact = await get_or_raise(contact_id, uow)
    record(contacts.prioritize(contact, priority, reason, by, uow.now), uow)


async def give_feedback(command: GiveFeedback, uow: UnitOfWork) -> None:
    contact = await get_or_raise(command.contact_id, uow)
    decision = feedback.give_feedback(
        contact,
        command.score,
        uow.now,
        comment=command.comment,
        about=command.about,
        team_id=command.team_id,
    )
    record(decision, uow)


async def record_interaction(
    contact_id: ContactId, interaction: Interaction, fingerprint: str, uow: UnitOfWork
) -> bool:
    """Return False if this interaction was recorded before: then nothing is done."""
    contact = await get_or_raise(contact_id, uow)
    interaction_id = interaction.interaction_id
    scope, name = f"interaction:{contact_id}", "The interaction id"
    key = IdempotencyKey(scope, interaction_id, fingerprint, name)
    if await claim_key(key, interaction_id, uow) is not None:
        return False
    record(interactions.record_interaction(contact, interaction, uow.now), uow)
    return True


async def send_survey(contact_id: ContactId, request: SurveyRequest, uow: UnitOfWork) -> bool:
    """Return False if this survey was sent before: then nothing is done."""
    contact = await get_or_raise(contact_id, uow)
    earlier = await uow.surveys.get(contact_id, request.survey_id)
    await _record_survey(surveys.send_survey(contact, earlier, request, uow.now), uow)
    return earlier is None


async def answer_survey(
    contact_id: ContactId, survey_id: str, answer: SurveyAnswer, uow: UnitOfWork
) -> None:
    await get_or_raise(contact_id, uow)
    survey = await uow.surveys.get(contact_id, survey_id)
    if survey is None:
        raise SurveyNotFoundError
    await _record_survey(surveys.answer_survey(survey, answer, uow.now), uow)


async def _record_survey(decision: SurveyDecision, uow: UnitOfWork) -> None:
    await uow.surveys.save(decision.survey)
    uow.outbox.add(decision.events)


@dataclass(frozen=True, slots=True)
class AppliedEvent:
    """`repeated`: the event was applied before, and nothing was done now."""

    contact_id: ContactId
    repeated: bool


async def apply_channel_events(
    connection: ChannelConnection, events: Sequence[ChannelEvent], uow: UnitOfWork
) -> list[AppliedEvent]:
    """Apply all, in order; the first event about an unknown contact makes the contact."""
    refs = [event.contact.ref for event in events]
    contact_ids = await uow.contacts.find_external(connection.connection, refs)
    applied = []
    for event in events:
        ref = event.contact.ref
        if ref not in contact_ids:
            contact_ids[ref] = await receive_new(_command(connection, event.contact), uow)
        applied.append(await _apply_once(contact_ids[ref], connection, event, uow))
    return applied


async def _apply_once(
    contact_id: ContactId, connection: ChannelConnection, event: ChannelEvent, uow: UnitOfWork
) -> AppliedEvent:
    scope = f"{connection.kind}:{connection.connection}"
    key = IdempotencyKey(scope, event.event_id, event.event_type, "The event id")
    earlier = await claim_key(key, contact_id, uow)
    if earlier is not None:
        return AppliedEvent(ContactId(earlier), repeated=True)
    # Outside systems promise no order: a later event may have changed the state already.
    with suppress(WrongStateError):
        await apply_channel_event(contact_id, connection, event, uow)
    return AppliedEvent(contact_id, repeated=False)


async def apply_channel_event(
    contact_id: ContactId, connection: ChannelConnection, event: ChannelEvent, uow: UnitOfWork
) -> None:
    match event:
        case CustomerMessageAdded() | RepresentativeMessageAdded():
            await write(_message(contact_id, event), uow)
        case ContactSetPending():
            await wait_for_customer(contact_id, uow)
        case ContactSolved(note=note):
            await resolve(ResolveContact(contact_id, note=note), uow)
        case ContactLeft(reason=reason):
            await abandon(contact_id, reason, None, uow)
        case SolvedContactReopened(reason=reason):
            await reopen(contact_id, reason, None, uow)
        case PriorityChanged(priority=priority, reason=reason):
            by = PersonId(connection.connection)
            await prioritize(contact_id, priority, reason, by, uow)
        case ContactOpened() | UnrelatedUpdate():
            pass
        case _:
            assert_never(event)


def _command(connection: ChannelConnection, contact: ExternalContact) -> ReceiveContact:
    return ReceiveContact(
        channel=contact.channel,
        customer=contact.customer,
        subject=contact.subject,
        topic=contact.topic,
        language=contact.language,
        priority=contact.priority,
        campaign=contact.campaign,
        text=contact.text,
        connection=connection.connection,
        external_ref=contact.ref,
    )


def _message(
    contact_id: ContactId, event: CustomerMessageAdded | RepresentativeMessageAdded
) -> WriteMessage:
    if isinstance(event, CustomerMessageAdded):
        return WriteMessage(contact_id, "customer", event.text)
    return WriteMessage(
        contact_id, "representative", event.text, event.person_id, automatic=event.automatic
    )

"""What intake does with each command of a channel or a person: load, decide, record."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from common.contracts.contacts import Channel, Customer, DiscardCause, Priority, QuestionAnswer
from common.contracts.event import ContactId, MessageId, PersonId, SystemName, TeamId
from common.core.ids import new_id
from intake.customers.follow_ups import choose_earlier_contact
from intake.domain import (
    contacts,
    feedback,
    interactions,
    supervisor_question,
    surveys,
    text_signs,
)
from intake.domain.actors import Actor, require_access
from intake.domain.customers import CustomerStatement
from intake.domain.errors import (
    ContactNotFoundError,
    MergeTargetEndedError,
    MergeTargetError,
    SurveyNotFoundError,
)
from intake.domain.model import (
    Attachment,
    Author,
    Contact,
    ContactState,
    Decision,
    IdempotencyKey,
    Interaction,
    Message,
    Moment,
    SurveyAnswer,
    SurveyDecision,
)
from intake.domain.surveys import SurveyRequest
from intake.domain.text_signs import NO_SIGNS, TextSigns
from intake.domain.transitions import Change
from intake.handlers import get_or_raise, record
from intake.idempotency import claim_key
from intake.store import UnitOfWork


class ReceiveContact(Struct, frozen=True):
    """`customer` has the id of its namespace, and `text` is the message `message_id`.

    `asks_for_supervisor`: the customer does so in `text`. `signs` is what else was read there.
    """

    received_from: SystemName
    channel: Channel
    customer: CustomerStatement
    subject: str
    topic: str
    language: str
    priority: Priority
    text: str | None = None
    asks_for_supervisor: bool = False
    signs: TextSigns = NO_SIGNS
    external_ref: str | None = None
    campaign: str | None = None
    follows: ContactId | None = None
    follows_within: timedelta = timedelta(0)
    team: TeamId | None = None
    # What it is where it comes from, when we first see it.
    state: ContactState = "open"
    moment: Moment | None = None
    contact_id: ContactId = msgspec.field(default_factory=lambda: ContactId(new_id()))
    message_id: MessageId = msgspec.field(default_factory=lambda: MessageId(new_id()))


@dataclass(frozen=True, slots=True)
class AttachedFile:
    name: str
    url: str
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class WriteMessage:
    """`asks_for_supervisor` and `signs`: as for ReceiveContact.

    `occurred_at` is when it was written, if not now. An `internal` one is for us alone.
    """

    contact_id: ContactId
    author: Author
    text: str
    automatic: bool = False
    asks_for_supervisor: bool = False
    signs: TextSigns = NO_SIGNS
    internal: bool = False
    occurred_at: datetime | None = None
    files: Sequence[AttachedFile] = ()
    message_id: MessageId = field(default_factory=lambda: MessageId(new_id()))


@dataclass(frozen=True, slots=True)
class ResolveContact:
    contact_id: ContactId
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


async def receive_new(command: ReceiveContact, uow: UnitOfWork) -> ContactId:
    """Make the contact of a customer, of whom what is not said now stays as it was said."""
    customer = await uow.customers.describe_one(command.customer, command.follows_within)
    follows = await choose_earlier_contact(
        command.follows, command.follows_within, command.customer, command.topic, uow
    )
    uow.contacts.mark_absent(command.contact_id)
    contact = Contact(
        contact_id=command.contact_id,
        state="open",
        channel=command.channel,
        received_from=command.received_from,
        external_ref=command.external_ref,
        customer_id=command.customer.customer_id,
        subject=command.subject,
        topic=command.topic,
        language=command.language,
        priority=command.priority,
        received_at=uow.now,
        changed_at=uow.now,
        campaign=command.campaign,
        follows=follows,
        team=command.team,
    )
    uow.customers.note_made(command.customer, command.topic, contact.contact_id)
    record(_receive(contact, customer, command), uow)
    if command.text is not None:
        await write_text(contact.contact_id, command.text, command, uow)
    return contact.contact_id


async def write_text(
    contact_id: ContactId, text: str, command: ReceiveContact, uow: UnitOfWork
) -> None:
    """Add the text of what a channel sent to its contact, as the customer's message."""
    message = WriteMessage(
        contact_id,
        "customer",
        text,
        asks_for_supervisor=command.asks_for_supervisor,
        signs=command.signs,
        message_id=command.message_id,
    )
    await write(message, Actor("received", system=command.received_from), uow)


def _receive(contact: Contact, customer: Customer, command: ReceiveContact) -> Decision:
    """Take over the state that it has already; what is over is stored and not published."""
    received = contacts.receive(contact, customer)
    if command.moment is None:
        return received
    moment, change = command.moment, Change(contact.received_at)
    reported = contacts.report_state(contact, command.state, moment, change)
    taken = replace(reported.contact, latest={**reported.contact.latest, "priority": moment})
    if contacts.is_ended(taken):
        return Decision(replace(taken, announced=False))
    return Decision(taken, (*received.events, *reported.events))


async def get_to_change(contact_id: ContactId, actor: Actor, uow: UnitOfWork) -> Contact:
    """Return the contact, locked until the transaction ends, if the actor may change it."""
    contact = await get_or_raise(contact_id, uow)
    await _check_access(contact, actor, uow, to_change=True)
    return contact


async def get_to_read(contact_id: ContactId, actor: Actor, uow: UnitOfWork) -> Contact:
    """Return the contact, without a lock, if the actor may read it."""
    contact = await uow.contacts.get(contact_id)
    if contact is None:
        raise ContactNotFoundError
    await _check_access(contact, actor, uow, to_change=False)
    return contact


async def _check_access(
    contact: Contact, actor: Actor, uow: UnitOfWork, *, to_change: bool
) -> None:
    representative = None
    if actor.reach == "assigned" and actor.person_id is not None:
        representatives = uow.contact_representatives
        representative = await representatives.get(contact.contact_id, actor.person_id)
    require_access(contact, actor, representative, to_change=to_change)


async def record_change(decision: Decision, uow: UnitOfWork) -> None:
    """Record it. A contact that was over when we first saw it is announced once it is open."""
    contact = decision.contact
    if not contact.announced:
        customer = await uow.customers.describe_one(CustomerStatement(contact.customer_id))
        decision = contacts.announce(decision, customer, uow.now)
    record(decision, uow)


async def write(command: WriteMessage, actor: Actor, uow: UnitOfWork) -> None:
    contact = await get_to_change(command.contact_id, actor, uow)
    by_customer = command.author == "customer"
    message = Message(
        message_id=command.message_id,
        contact_id=command.contact_id,
        author=command.author,
        person_id=None if by_customer else actor.person_id,
        text=command.text,
        at=contacts.check_time(contact, command.occurred_at, uow.now),
        automatic=command.automatic,
        reported_by=actor.system,
        internal=command.internal,
    )
    asks = command.asks_for_supervisor
    decision = contacts.write(contact, message, asks_for_supervisor=asks)
    decision = text_signs.note(decision, message, command.signs)
    uow.messages.add(message)
    for number, file in enumerate(command.files):
        attachment = Attachment(
            message.contact_id,
            message.message_id,
            str(number),
            file.name,
            file.url,
            file.content_type,
        )
        uow.messages.attach(attachment)
    await record_change(decision, uow)


async def request_supervisor(
    contact_id: ContactId, quote: str, actor: Actor, uow: UnitOfWork
) -> None:
    contact = await get_to_change(contact_id, actor, uow)
    await record_change(contacts.request_supervisor(contact, quote, uow.now), uow)


async def answer_supervisor_question(
    contact_id: ContactId, answer: QuestionAnswer, actor: Actor, uow: UnitOfWork
) -> None:
    """Let a yes request a supervisor; raises SupervisorQuestionNotFoundError."""
    contact = await get_to_change(contact_id, actor, uow)
    await record_change(supervisor_question.answer(contact, answer, actor, uow.now), uow)


async def resolve(command: ResolveContact, actor: Actor, uow: UnitOfWork) -> None:
    contact = await get_to_change(command.contact_id, actor, uow)
    decision = contacts.resolve(
        contact,
        uow.now,
        actor,
        note=command.note,
        disposition=command.disposition,
        root_cause=command.root_cause,
        automatic=command.automatic,
    )
    await record_change(decision, uow)


async def abandon(contact_id: ContactId, reason: str | None, actor: Actor, uow: UnitOfWork) -> None:
    contact = await get_to_change(contact_id, actor, uow)
    await record_change(contacts.abandon(contact, reason, actor, uow.now), uow)


async def wait_for_customer(contact_id: ContactId, actor: Actor, uow: UnitOfWork) -> None:
    contact = await get_to_change(contact_id, actor, uow)
    await record_change(contacts.wait_for_customer(contact, uow.now), uow)


async def stop_waiting(contact_id: ContactId, actor: Actor, uow: UnitOfWork) -> None:
    contact = await get_to_change(contact_id, actor, uow)
    await record_change(contacts.stop_waiting(contact, uow.now), uow)


async def discard(
    contact_id: ContactId, cause: DiscardCause, actor: Actor, uow: UnitOfWork
) -> None:
    contact = await get_to_change(contact_id, actor, uow)
    await record_change(contacts.discard(contact, cause, actor, uow.now), uow)


async def merge(contact_id: ContactId, into: ContactId, actor: Actor, uow: UnitOfWork) -> None:
    """Merge into another contact of the same customer; raises MergeTargetError for any other.

    The actor must be allowed to change both. Raises MergeTargetEndedError if no work goes on there.
    """
    # Both at once: two merges that cross each other would else end both contacts.
    await uow.prelock((contact_id, into))
    contact = await get_to_change(contact_id, actor, uow)
    target = await _get_target(into, actor, uow)
    same = await uow.customers.are_same(target.customer_id, contact.customer_id)
    if into == contact_id or not same:
        raise MergeTargetError
    if contacts.is_ended(target):
        raise MergeTargetEndedError(target)
    merged = contacts.merge(contact, into, actor, uow.now)
    await record_change(merged, uow)
    await take_over(target, merged.contact, actor, uow)


async def take_over(target: Contact, merged: Contact, actor: Actor, uow: UnitOfWork) -> None:
    """Let the target of a merge take over, once, what the merged contact still asked for."""
    wishes = contacts.take_over(target, merged, actor, uow.now)
    taken_over = supervisor_question.take_over(wishes, merged)
    if taken_over.contact != target:
        await record_change(taken_over, uow)
    if taken_over.contact != target or target.supervisor_question is not None:
        # Later events do not ask again.
        silent = replace(merged, supervisor_quote=None, supervisor_question=None)
        record(Decision(silent), uow)


async def _get_target(contact_id: ContactId, actor: Actor, uow: UnitOfWork) -> Contact:
    """Return the contact to merge into: it takes over what the other one asks for."""
    try:
        return await get_to_change(contact_id, actor, uow)
    except ContactNotFoundError as error:
        raise MergeTargetError from error


async def reopen(contact_id: ContactId, reason: str, actor: Actor, uow: UnitOfWork) -> None:
    contact = await get_to_change(contact_id, actor, uow)
    await record_change(contacts.reopen(contact, reason, actor, uow.now), uow)


async def prioritize(
    contact_id: ContactId, priority: Priority, reason: str, actor: Actor, uow: UnitOfWork
) -> None:
    contact = await get_to_change(contact_id, actor, uow)
    await record_change(contacts.prioritize(contact, priority, reason, actor, uow.now), uow)


async def give_feedback(command: GiveFeedback, actor: Actor, uow: UnitOfWork) -> None:
    contact = await get_to_change(command.contact_id, actor, uow)
    decision = feedback.give_feedback(
        contact,
        command.score,
        uow.now,
        comment=command.comment,
        about=command.about,
        team_id=command.team_id,
    )
    await record_change(decision, uow)


async def record_interaction(
    contact_id: ContactId, interaction: Interaction, fingerprint: str, actor: Actor, uow: UnitOfWork
) -> bool:
    """Return False if this interaction was recorded before: then nothing is done."""
    contact = await get_to_change(contact_id, actor, uow)
    interaction_id = interaction.interaction_id
    scope, name = f"interaction:{contact_id}", "The interaction id"
    key = IdempotencyKey(scope, interaction_id, fingerprint, name)
    if await claim_key(key, interaction_id, uow) is not None:
        return False
    await record_change(interactions.record_interaction(contact, interaction, uow.now), uow)
    return True


async def send_survey(
    contact_id: ContactId, request: SurveyRequest, actor: Actor, uow: UnitOfWork
) -> bool:
    """Return False if this survey was sent before: then nothing is done."""
    contact = await get_to_change(contact_id, actor, uow)
    earlier = await uow.surveys.get(contact_id, request.survey_id)
    await _record_survey(surveys.send_survey(contact, earlier, request, uow.now), uow)
    return earlier is None


async def answer_survey(
    contact_id: ContactId, survey_id: str, answer: SurveyAnswer, actor: Actor, uow: UnitOfWork
) -> None:
    await get_to_change(contact_id, actor, uow)
    survey = await uow.surveys.get(contact_id, survey_id)
    if survey is None:
        raise SurveyNotFoundError
    await _record_survey(surveys.answer_survey(survey, answer, uow.now), uow)


async def _record_survey(decision: SurveyDecision, uow: UnitOfWork) -> None:
    await uow.surveys.save(decision.survey)
    uow.outbox.add(decision.events)

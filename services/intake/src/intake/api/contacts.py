"""Contacts, and what channels and people do with them."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import Field, TypeAdapter

from common.contracts.contract import Instant
from common.contracts.event import UUID_PATTERN, ContactId, PersonId, SystemName, TeamId
from common.core.languages import UNDETERMINED
from common.http.access import Principal
from common.http.app import ContactPath
from common.http.idempotency import REPLAYED_HEADER, check_key, fingerprint_of
from common.http.pagination import Cursor, Limit, Page, cut_page, decode_cursor
from common.http.problems import ProblemError
from common.http.routes import ApiRouter
from common.http.whole_request import WholeRequest
from intake import use_cases
from intake.api.answers import (
    ContactIdOut,
    ContactOut,
    ContactReceiptOut,
    ContactSummaryOut,
    InteractionIdOut,
    MessageIdOut,
    contact_fields,
    message_out,
)
from intake.api.deps import (
    ON_ACTION,
    ON_CHANGE,
    ON_CONTACT,
    ChannelOrStaffUser,
    ChannelUser,
    IntakeDatabase,
    KeyHeader,
    get_customer_namespaces,
    get_receive_batcher,
    get_sign_reader,
    make_actor,
    problems,
    refusals,
    transaction,
)
from intake.api.message_schemas import MessageIn
from intake.api.schemas import (
    AbandonmentIn,
    ContactIn,
    ContactQuery,
    ContactRef,
    FeedbackIn,
    InteractionIn,
    PriorityIn,
    ReopeningIn,
    ResolutionIn,
    person_id,
    team_id,
)
from intake.domain import errors
from intake.domain.automatic_mail import is_automatic
from intake.domain.model import IdempotencyKey, Interaction, Message
from intake.domain.understanding.signs import SignReader, StatedNeeds
from intake.reception import ReceiveRequest
from intake.text_reading import fill, read_text

router = ApiRouter(prefix="/v1/contacts", tags=["contacts"])

_ON_MESSAGE = (*ON_ACTION, errors.TimeOutOfBoundsError)
_CONTACT_KEY: TypeAdapter[ContactId] = TypeAdapter(ContactRef)
_MESSAGE_KEY = TypeAdapter(tuple[Instant, Annotated[str, Field(pattern=f"^{UUID_PATTERN}$")]])


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=refusals(
        errors.EarlierContactNotFoundError,
        errors.KeyReusedError,
        errors.OtherCustomerError,
        errors.WrongStateError,
    ),
)
async def receive_contact(
    body: ContactIn,
    request: WholeRequest,
    response: Response,
    caller: ChannelUser,
    key: KeyHeader = None,
) -> ContactReceiptOut:
    """Take in a contact. Once this answers 201, the contact is stored and will be handled.

    A known `external_ref` answers 200. A new text is added as the customer's message, which reopens
    an ended contact; a text that asks for a supervisor calls one. A priority that the request
    states is taken up. What the request says of the customer counts. The other fields stay as they
    are. The contact's first or latest text again is a repeat: it is not added, and its priority
    counts only if it is more urgent, under a new `Idempotency-Key` as well. A discarded or merged
    contact takes no new text (409, with `merged_into` if its work goes on there). The answer says
    what was done. A reference is known per sender: kind and name of the system, as `channel:shop`.
    """
    namespaces, system = get_customer_namespaces(request), SystemName(caller.name)
    body.customer.require_addresses(namespaces.default_region)
    signs = get_sign_reader(request)
    reading = read_text(body.text, signs)
    language = body.language if "language" in body.model_fields_set else UNDETERMINED
    needs = fill(StatedNeeds(body.topic, language, body.priority), reading, signs)
    command = use_cases.ReceiveContact(
        received_from=system,
        channel=body.channel,
        customer=namespaces.scope(system, body.customer.statement()),
        subject=body.subject,
        topic=needs.topic,
        language=body.language if needs.language == UNDETERMINED else needs.language,
        priority=needs.priority,
        text=body.text,
        asks_for_supervisor=reading.asks_for_supervisor,
        signs=reading.signs,
        campaign=body.campaign,
        team=TeamId(body.team) if body.team else None,
        follows=body.follows,
        follows_within=namespaces.follows_within,
        external_ref=body.external_ref,
    )
    with problems():
        repeatable = _idempotency_key(request, caller, key)
        received = ReceiveRequest(command, repeatable, "priority" in body.model_fields_set)
        receipt = await get_receive_batcher(request).submit(received)
    if receipt.contact_id != command.contact_id:
        response.status_code = HTTPStatus.OK
    if receipt.replayed:
        response.headers[REPLAYED_HEADER] = "true"
    return ContactReceiptOut.of(receipt)


@router.get("")
async def list_contacts(
    query: Annotated[ContactQuery, Query()], database: IntakeDatabase, caller: ChannelOrStaffUser
) -> Page[ContactSummaryOut]:
    """List the contacts that the caller may read, newest first, without their messages.

    A channel sees the contacts that it sent, a representative those that they have or had, all
    others see every contact.
    """
    shown = query.model_dump(mode="json", exclude={"cursor", "limit"})
    after = decode_cursor(query.cursor, _CONTACT_KEY, shown)
    async with transaction(database) as uow:
        actor = make_actor(caller)
        contacts = await uow.contacts.page(query.filters(), actor, after, query.limit + 1)
    return Page[ContactSummaryOut].of(
        contacts,
        query.limit,
        key=lambda contact: contact.contact_id,
        show=lambda contact: ContactSummaryOut.model_validate(
            contact_fields(contact, actor), from_attributes=True
        ),
        filters=shown,
    )


@router.get("/{contact_id}", responses=refusals(*ON_CONTACT))
async def show_contact(
    contact_id: ContactPath,
    database: IntakeDatabase,
    caller: ChannelOrStaffUser,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ContactOut:
    """Show a contact, a page of its messages and the state of its escalation.

    A representative sees an escalation that only a complaint or feedback raised once somebody has
    acted on it; until then the one before, if any.
    """
    filters = {"contact_id": contact_id}
    after = decode_cursor(cursor, _MESSAGE_KEY, filters)
    async with transaction(database) as uow:
        actor = make_actor(caller)
        contact = await use_cases.get_to_read(contact_id, actor, uow)
        messages = await uow.messages.list_for(contact_id, after, limit + 1)
        attachments = await uow.messages.attachments_of(contact_id)
    shown, next_cursor = cut_page(messages, limit, key=_message_key, filters=filters)
    return ContactOut.model_validate(
        {
            **contact_fields(contact, actor),
            "messages": [message_out(message, attachments) for message in shown],
            "next_cursor": next_cursor,
        },
        from_attributes=True,
    )


@router.post(
    "/{contact_id}/messages",
    status_code=HTTPStatus.CREATED,
    responses=refusals(*_ON_MESSAGE),
)
async def add_message(
    contact_id: ContactPath,
    body: MessageIn,
    request: Request,
    database: IntakeDatabase,
    caller: ChannelOrStaffUser,
) -> MessageIdOut:
    """Add a message of the customer or of the representative.

    A customer who writes to a resolved or abandoned contact reopens it; one that is discarded or
    merged is not written to: 409, with `merged_into` if its work goes on there. A customer who asks
    for a supervisor is escalated at once. The message of either ends the waiting for the customer,
    if a person wrote it and it is not internal.
    """
    if body.author == "customer" and caller.role not in ("channel", "admin"):
        raise ProblemError(403, "forbidden", "Only a channel speaks for the customer.")
    if body.occurred_at is not None and caller.person_id is not None:
        raise ProblemError(403, "forbidden", "Only a channel says when a message was written.")
    command = write_command(contact_id, body, get_sign_reader(request))
    async with transaction(database) as uow:
        actor = make_actor(caller, body.person_id)
        await use_cases.write(command, actor, uow)
    return MessageIdOut(message_id=command.message_id)


@router.post(
    "/{contact_id}/wait-for-customer",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(*ON_CHANGE),
)
async def wait_for_customer(
    contact_id: ContactPath, database: IntakeDatabase, caller: ChannelOrStaffUser
) -> ContactIdOut:
    """Report that you wait for the customer's reply. There is no body."""
    async with transaction(database) as uow:
        await use_cases.wait_for_customer(contact_id, make_actor(caller), uow)
    return ContactIdOut(contact_id=contact_id)


@router.post(
    "/{contact_id}/resolve",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(*ON_ACTION),
)
async def resolve_contact(
    contact_id: ContactPath,
    body: ResolutionIn,
    database: IntakeDatabase,
    caller: ChannelOrStaffUser,
) -> ContactIdOut:
    """Resolve the contact."""
    command = use_cases.ResolveContact(
        contact_id,
        note=body.note,
        disposition=body.disposition,
        root_cause=body.root_cause,
        automatic=body.automatic,
    )
    async with transaction(database) as uow:
        await use_cases.resolve(command, make_actor(caller, body.person_id), uow)
    return ContactIdOut(contact_id=contact_id)


@router.post(
    "/{contact_id}/abandon",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(*ON_ACTION),
)
async def abandon_contact(
    contact_id: ContactPath,
    body: AbandonmentIn,
    database: IntakeDatabase,
    caller: ChannelOrStaffUser,
) -> ContactIdOut:
    """Report that the customer left before anyone answered."""
    async with transaction(database) as uow:
        actor = make_actor(caller, body.person_id)
        await use_cases.abandon(contact_id, body.reason, actor, uow)
    return ContactIdOut(contact_id=contact_id)


@router.post(
    "/{contact_id}/reopen",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(*ON_ACTION),
)
async def reopen_contact(
    contact_id: ContactPath,
    body: ReopeningIn,
    database: IntakeDatabase,
    caller: ChannelOrStaffUser,
) -> ContactIdOut:
    """Open a contact again, however it ended."""
    async with transaction(database) as uow:
        actor = make_actor(caller, body.person_id)
        await use_cases.reopen(contact_id, body.reason, actor, uow)
    return ContactIdOut(contact_id=contact_id)


@router.post(
    "/{contact_id}/prioritize",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(*ON_ACTION),
)
async def prioritize_contact(
    contact_id: ContactPath,
    body: PriorityIn,
    database: IntakeDatabase,
    caller: ChannelOrStaffUser,
) -> ContactIdOut:
    """Change how urgent a contact is. The same priority again changes nothing."""
    async with transaction(database) as uow:
        actor = make_actor(caller, body.person_id)
        await use_cases.prioritize(contact_id, body.priority, body.reason, actor, uow)
    return ContactIdOut(contact_id=contact_id)


@router.post(
    "/{contact_id}/feedback",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(*ON_CHANGE),
)
async def give_feedback(
    contact_id: ContactPath, body: FeedbackIn, database: IntakeDatabase, caller: ChannelUser
) -> ContactIdOut:
    """Record the customer's rating of a resolved contact."""
    command = use_cases.GiveFeedback(
        contact_id,
        body.score,
        comment=body.comment,
        about=person_id(body.about),
        team_id=team_id(body.team_id),
    )
    async with transaction(database) as uow:
        await use_cases.give_feedback(command, make_actor(caller), uow)
    return ContactIdOut(contact_id=contact_id)


@router.post(
    "/{contact_id}/interactions",
    status_code=HTTPStatus.CREATED,
    responses=refusals(*ON_CONTACT, errors.InteractionNotOverError, errors.KeyReusedError),
)
async def record_interaction(
    contact_id: ContactPath,
    body: InteractionIn,
    request: WholeRequest,
    response: Response,
    database: IntakeDatabase,
    caller: ChannelUser,
) -> InteractionIdOut:
    """Record how long a call or chat took. The same `interaction_id` again answers 200."""
    fields = body.model_dump() | {"person_id": PersonId(body.person_id)}
    async with transaction(database) as uow:
        digest = fingerprint_of(request)
        is_new = await use_cases.record_interaction(
            contact_id, Interaction(**fields), digest, make_actor(caller), uow
        )
    if not is_new:
        response.status_code = HTTPStatus.OK
    return InteractionIdOut(contact_id=contact_id, interaction_id=body.interaction_id)


def write_command(
    contact_id: ContactId, body: MessageIn, signs: SignReader
) -> use_cases.WriteMessage:
    automatic = body.automatic or is_automatic(body.mail_headers)
    by_customer = body.author == "customer" and not automatic
    reading = read_text(body.text if by_customer else None, signs)
    return use_cases.WriteMessage(
        contact_id,
        body.author,
        body.text,
        automatic=automatic,
        asks_for_supervisor=reading.asks_for_supervisor,
        signs=reading.signs,
        internal=body.internal,
        occurred_at=body.occurred_at,
        files=[
            use_cases.AttachedFile(file.name, str(file.url), file.content_type)
            for file in body.attachments
        ],
    )


def _idempotency_key(
    request: WholeRequest, caller: Principal, key: str | None
) -> IdempotencyKey | None:
    """Make the key of this request: keys of different callers do not collide."""
    if key is None:
        return None
    return IdempotencyKey(caller.name, check_key(key), fingerprint_of(request))


def _message_key(message: Message) -> tuple[datetime, str]:
    return message.at, message.message_id

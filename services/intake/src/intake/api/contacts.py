"""Contacts and what happens to them, as channels tell it."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from common.contracts.contacts import Channel, Customer, Priority, Tier
from common.contracts.event import ContactId, CustomerId, MessageId, PersonId
from common.http.access import Principal, require_role
from common.http.app import ContactPath, LongText, RequestModel, ShortText, Slug
from common.http.problems import ProblemError
from intake import domain, handlers
from intake.api.deps import IntakeDatabase, once, problems, receiving, work

router = APIRouter(prefix="/v1/contacts", tags=["contacts"])

Channels = Annotated[Principal, Depends(require_role("channel"))]
Staff = Annotated[
    Principal, Depends(require_role("channel", "representative", "supervisor", "manager"))
]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Send the same key when you send the same request again: it is done once.",
    ),
]


class NewCustomer(RequestModel):
    customer_id: Slug
    name: ShortText | None = None
    tier: Tier = "standard"
    region: ShortText | None = None


class NewContact(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "channel": "chat",
                    "customer": {"customer_id": "c-81", "name": "Ada Lovelace", "tier": "premium"},
                    "subject": "Charged twice in March",
                    "topic": "billing",
                    "language": "en",
                    "priority": "high",
                    "campaign": "spring-sale",
                    "text": "I see the same invoice twice on my card.",
                }
            ]
        }
    )

    channel: Channel
    customer: NewCustomer
    subject: ShortText
    topic: Slug
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$", description="ISO 639")] = "en"
    priority: Priority = "normal"
    campaign: Slug | None = None
    text: LongText | None = None
    external_ref: ShortText | None = None


class NewMessage(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"author": "customer", "text": "Let me talk to your supervisor."}]
        }
    )

    author: Literal["customer", "representative"]
    text: LongText


class SupervisorRequest(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"quote": "I want to speak to a manager."}]}
    )

    quote: ShortText


class Resolution(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"note": "Second charge refunded; customer agrees."}]}
    )

    note: LongText | None = None


class Reopening(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "The refund has not arrived."}]}
    )

    reason: ShortText


class Prioritization(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"priority": "urgent", "because": "The parcel holds medicine."}]
        }
    )

    priority: Priority
    because: ShortText


class Feedback(RequestModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"score": 2, "comment": "Slow."}]})

    score: Annotated[int, Field(ge=1, le=5, strict=True)]
    comment: LongText | None = None


class ContactAccepted(BaseModel):
    contact_id: ContactId


class MessageAccepted(BaseModel):
    message_id: MessageId


class ShownMessage(BaseModel):
    message_id: MessageId
    author: domain.Author
    person_id: PersonId | None
    text: str
    at: datetime


class ShownEscalation(BaseModel):
    """`state` is the last thing that happened upstairs; `level` is where."""

    state: domain.EscalationState
    level: str | None
    by: PersonId | None
    at: datetime


class ShownContact(BaseModel):
    contact_id: ContactId
    state: domain.State
    channel: Channel
    connection: str | None
    external_ref: str | None
    customer_id: CustomerId
    subject: str
    topic: str
    language: str
    priority: Priority
    campaign: str | None
    received_at: datetime
    resolved_at: datetime | None
    escalation: ShownEscalation | None
    messages: list[ShownMessage]


@router.post("", status_code=HTTPStatus.CREATED)
async def receive(
    new: NewContact,
    request: Request,
    response: Response,
    caller: Channels,
    key: Key = None,
) -> ContactAccepted:
    """Take in a contact. Once this answers 201 the contact is safe and on its way."""
    command = handlers.ReceiveContact(
        channel=new.channel,
        customer=Customer(**new.customer.model_dump()),
        subject=new.subject,
        topic=new.topic,
        language=new.language,
        priority=new.priority,
        text=new.text,
        campaign=new.campaign,
        connection=caller.subject if new.external_ref else None,
        external_ref=new.external_ref,
    )
    with problems():
        repeat = await once(request, caller, key)
        contact_id = await receiving(request).submit(handlers.NewContact(command, repeat))
    if contact_id != command.contact_id:
        response.status_code = HTTPStatus.OK
    return ContactAccepted(contact_id=contact_id)


@router.get("/{contact_id}")
async def show(contact_id: ContactPath, database: IntakeDatabase, _caller: Staff) -> ShownContact:
    """Show a contact, its messages, and how it stands upstairs."""
    async with work(database) as uow:
        contact = await uow.contacts.look(contact_id)
        if contact is None:
            raise handlers.ContactNotFoundError
        messages = await uow.messages.of(contact_id)
    return ShownContact.model_validate(
        {"messages": messages, **_fields(contact)}, from_attributes=True
    )


@router.post("/{contact_id}/messages", status_code=HTTPStatus.CREATED)
async def write(
    contact_id: ContactPath,
    new: NewMessage,
    request: Request,
    database: IntakeDatabase,
    caller: Staff,
    key: Key = None,
) -> MessageAccepted:
    """Add what the customer or the representative wrote.

    Words that ask for someone higher raise the contact at once.
    """
    if new.author == "customer" and caller.role not in ("channel", "admin"):
        raise ProblemError(403, "forbidden", "Only a channel speaks for the customer.")
    person = None if new.author == "customer" else PersonId(caller.subject)
    command = handlers.WriteMessage(contact_id, new.author, new.text, person)
    async with work(database) as uow:
        repeat = await once(request, caller, key)
        message_id = await handlers.accept(repeat, command.message_id, uow)
        if message_id is None:
            await handlers.write(command, uow)
    return MessageAccepted(message_id=MessageId(message_id or command.message_id))


@router.post("/{contact_id}/supervisor-requests", status_code=HTTPStatus.ACCEPTED)
async def request_supervisor(
    contact_id: ContactPath, asked: SupervisorRequest, database: IntakeDatabase, _caller: Staff
) -> ContactAccepted:
    """Say that the customer asked for someone higher."""
    async with work(database) as uow:
        await handlers.request_supervisor(contact_id, asked.quote, uow)
    return ContactAccepted(contact_id=contact_id)


@router.post("/{contact_id}/resolution", status_code=HTTPStatus.ACCEPTED)
async def resolve(
    contact_id: ContactPath, resolution: Resolution, database: IntakeDatabase, caller: Staff
) -> ContactAccepted:
    """Say that the customer's matter is settled."""
    async with work(database) as uow:
        await handlers.resolve(contact_id, _person(caller), resolution.note, uow)
    return ContactAccepted(contact_id=contact_id)


@router.post("/{contact_id}/reopening", status_code=HTTPStatus.ACCEPTED)
async def reopen(
    contact_id: ContactPath, reopening: Reopening, database: IntakeDatabase, _caller: Staff
) -> ContactAccepted:
    """Take up a resolved contact again."""
    async with work(database) as uow:
        await handlers.reopen(contact_id, reopening.reason, uow)
    return ContactAccepted(contact_id=contact_id)


@router.post("/{contact_id}/priority", status_code=HTTPStatus.ACCEPTED)
async def prioritize(
    contact_id: ContactPath, asked: Prioritization, database: IntakeDatabase, caller: Staff
) -> ContactAccepted:
    """Say how urgent it is: queues and promises follow. The same priority changes nothing."""
    by = PersonId(caller.subject)
    async with work(database) as uow:
        await handlers.prioritize(contact_id, asked.priority, asked.because, by, uow)
    return ContactAccepted(contact_id=contact_id)


@router.post("/{contact_id}/feedback", status_code=HTTPStatus.ACCEPTED)
async def give_feedback(
    contact_id: ContactPath, feedback: Feedback, database: IntakeDatabase, _caller: Channels
) -> ContactAccepted:
    """Pass on how the customer rates what was done; 1 is very bad, 5 very good."""
    async with work(database) as uow:
        await handlers.give_feedback(contact_id, feedback.score, feedback.comment, uow)
    return ContactAccepted(contact_id=contact_id)


def _person(caller: Principal) -> PersonId | None:
    return None if caller.role == "channel" else PersonId(caller.subject)


def _fields(contact: domain.Contact) -> dict[str, object]:
    return {
        name: getattr(contact, name) for name in ShownContact.model_fields if name != "messages"
    }

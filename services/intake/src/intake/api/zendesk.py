"""Zendesk's webhooks, and the connections that they come by."""

from http import HTTPStatus

import orjson
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.contracts.event import ContactId, PersonId
from common.core.clock import TimeSource
from common.http.access import require_role
from common.http.app import RequestModel, ShortText, Slug
from common.http.problems import ProblemError
from common.storage.database import Database
from intake import handlers
from intake.api.deps import IntakeDatabase, work
from intake.channels import zendesk
from intake.channels.zendesk import Delivery, Told
from intake.domain import WrongStateError
from intake.store import Connection, UnitOfWork

router = APIRouter(prefix="/v1/channels/zendesk", tags=["channels"])


class NewConnection(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "secret": "the webhook's signing secret",
                    "options": {
                        "topic": "general",
                        "topic_by_tag": {"invoice": "billing"},
                        "language_by_tag": {"lang_es": "es"},
                        "campaign_by_tag": {"recall_7": "recall-7"},
                    },
                }
            ]
        }
    )

    secret: ShortText
    options: zendesk.Options = Field(default_factory=zendesk.Options)


class Accepted(BaseModel):
    """`repeated`: this delivery was accepted before, and nothing was done now."""

    contact_id: ContactId
    repeated: bool = False


@router.put(
    "/{connection}",
    status_code=HTTPStatus.NO_CONTENT,
    dependencies=[Depends(require_role("manager"))],
)
async def connect(connection: Slug, new: NewConnection, database: IntakeDatabase) -> None:
    """Connect a Zendesk account, or change its secret."""
    options = new.options.model_dump(mode="json")
    async with work(database) as uow:
        await uow.connections.save(Connection(connection, zendesk.KIND, new.secret, options))


@router.post("/{connection}")
async def deliver(connection: Slug, request: Request, database: IntakeDatabase) -> Accepted:
    """Take a signed webhook. A repeated delivery is answered like the first (see ADR 0005)."""
    body = await request.body()
    known = await _verified(connection, request, body, database)
    delivery = _parsed(body)
    once = handlers.IdempotencyKey(f"zendesk:{connection}", delivery.id, fingerprint=delivery.type)
    async with work(database) as uow:
        contact_id = await handlers.receive(_command(delivery, known), uow)
        earlier = await handlers.accept(once, contact_id, uow)
        if earlier is None:
            await _apply(contact_id, connection, zendesk.told(delivery), uow)
    return Accepted(contact_id=ContactId(earlier or contact_id), repeated=earlier is not None)


async def _verified(
    name: str, request: Request, body: bytes, database: Database[UnitOfWork]
) -> Connection:
    async with work(database) as uow:
        connection = await uow.connections.find(zendesk.KIND, name)
    if connection is None:
        raise ProblemError(
            404, "connection-unknown", f"No Zendesk connection {name} is set up here."
        )
    clock: TimeSource = request.app.state.clock
    try:
        zendesk.verify(connection.secret, request.headers, body, clock.utc_now())
    except (zendesk.BadSignatureError, zendesk.StaleRequestError) as error:
        raise ProblemError(401, "signature-refused", str(error.__doc__)) from error
    return connection


def _parsed(body: bytes) -> Delivery:
    try:
        return Delivery.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise ProblemError(400, "malformed-json", "The body is not JSON.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "/".join(str(part) for part in first["loc"])
        raise ProblemError(422, "invalid", f"body/{place}: {first['msg']}") from error


def _command(delivery: Delivery, connection: Connection) -> handlers.ReceiveContact:
    ticket = delivery.detail
    options = zendesk.Options.model_validate(connection.options)
    return handlers.ReceiveContact(
        channel="ticket",
        customer=zendesk.customer(ticket, connection.connection),
        subject=zendesk.subject(ticket),
        topic=zendesk.by_tag(ticket, options.topic_by_tag, options.topic),
        language=zendesk.by_tag(ticket, options.language_by_tag, options.language),
        priority=zendesk.priority(ticket),
        campaign=zendesk.by_tag(ticket, options.campaign_by_tag, "") or None,
        text=(ticket.description or "").replace("\x00", "") or None,
        connection=connection.connection,
        external_ref=ticket.id,
    )


async def _apply(contact_id: ContactId, connection: str, told: Told, uow: UnitOfWork) -> None:
    try:
        await _do(contact_id, connection, told, uow)
    except WrongStateError:
        # Zendesk gives no order: it tells of a state that later news has already brought about.
        return


async def _do(contact_id: ContactId, connection: str, told: Told, uow: UnitOfWork) -> None:
    match told.what:
        case "customer_wrote" if told.text:
            await handlers.write(handlers.WriteMessage(contact_id, "customer", told.text), uow)
        case "replied" if told.text:
            reply = handlers.WriteMessage(contact_id, "representative", told.text, told.person_id)
            await handlers.write(reply, uow)
        case "waiting":
            await handlers.wait_for_customer(contact_id, uow)
        case "resolved":
            await handlers.resolve(contact_id, None, "solved in Zendesk", uow)
        case "reopened":
            await handlers.reopen(contact_id, "reopened in Zendesk", uow)
        case "prioritized" if told.priority:
            because, by = "changed in Zendesk", PersonId(connection)
            await handlers.prioritize(contact_id, told.priority, because, by, uow)
        case _:
            return

"""What would come of a delivery: an admin tries a connection before a customer does."""

import base64
import binascii
import re
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final, Literal

from fastapi import Request
from pydantic import BaseModel, Field
from starlette.datastructures import Headers

from common.contracts.contacts import Channel as Medium
from common.contracts.contacts import Priority, Tier
from common.contracts.event import PersonId
from common.contracts.validation_messages import InvalidField
from common.core.clock import TimeSource
from common.http.access import ManagerUser
from common.http.app import RequestModel
from common.http.examples import TOPIC, with_examples
from common.http.problems import InvalidPart, invalid
from common.http.routes import ApiRouter
from common.http.webhooks import BadSignatureError, StaleRequestError
from intake import deliveries
from intake.api.channels import address_of
from intake.api.connections import NO_KIND, Target, invalid_at
from intake.api.deps import (
    IntakeDatabase,
    get_customer_namespaces,
    get_sign_reader,
    refusals,
    transaction,
)
from intake.channel_messages import NewMessage
from intake.channels.base import MalformedCode, WebhookRequest
from intake.connection_secrets import SecretUnavailableError
from intake.deliveries import Delivery
from intake.domain import errors
from intake.domain.model import Author, ChannelConnection, ContactState
from intake.event_preparation import PreparedEvent

router = ApiRouter(prefix="/v1/channels", tags=["channels"])

_MAX_CHARACTERS: Final = 4 * 1024 * 1024
_SAMPLE: Final = (
    '{"type":"zen:event-type:ticket.created","id":"5f6a","time":"2026-03-02T10:00:00Z",'
    '"subject":"zen:ticket:5158","detail":{"id":"5158","subject":"Charged twice",'
    '"description":"I see the same invoice twice.","requester_id":"81","tags":["invoice"],'
    '"status":"NEW"},"event":{}}'
)

_WORD_BEGINNING: Final = re.compile(r"(?<!^)(?=[A-Z])")
# Of an event, as the answer shows it with other names or as a message.
_SHOWN_ELSEWHERE: Final = {
    *("event_id", "event_type", "contact", "moment", "text", "account", "automatic", "internal"),
}

Signature = Literal["right", "wrong", "too_old", "unknown"]


_RIGHT: Final[tuple[Signature, None]] = ("right", None)
_SIGNATURES: Final[dict[type[Exception], Signature]] = {
    BadSignatureError: "wrong",
    StaleRequestError: "too_old",
    SecretUnavailableError: "unknown",
}


class TrialIn(RequestModel):
    model_config = with_examples({"body": _SAMPLE})

    body: str = Field(
        default="",
        max_length=_MAX_CHARACTERS,
        description="The body of a delivery, as the outside system sends it.",
    )
    body_base64: str | None = Field(
        default=None,
        max_length=_MAX_CHARACTERS,
        description="The body in Base64, in place of `body`, if it is no text.",
    )
    headers: dict[str, str] = Field(
        default={}, max_length=100, description="The headers; those of a signature are checked."
    )
    url: str | None = Field(
        default=None,
        max_length=2000,
        description="The address that the outside system calls, if it signs it or has a secret in "
        "its query; else the one of this connection.",
    )
    path_secret: str | None = Field(
        default=None, max_length=300, description="The secret behind the connection in the path."
    )
    options: dict[str, Any] | None = Field(
        default=None, description="Other options than those in force, to try them."
    )

    def webhook(self, address: str) -> WebhookRequest:
        raw = [
            (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
            for name, value in self.headers.items()
        ]
        return WebhookRequest(
            Headers(raw=raw), self._content(), self.url or address, self.path_secret
        )

    def _content(self) -> bytes:
        if self.body_base64 is None:
            return self.body.encode()
        try:
            return base64.b64decode(self.body_base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise invalid(("body/body_base64", "It is no Base64.")) from error


class TrialCustomerOut(BaseModel):
    customer_id: str = Field(description="The customer, with the namespace of its system.")
    name: str | None = Field(description="The name; null if it is not said.")
    tier: Tier | None = Field(description="The tier; null if it is not said.")
    region: str | None = Field(description="The region; null if it is not said.")


class TrialMessageOut(BaseModel):
    author: Author = Field(description="Who wrote it.")
    person_id: PersonId | None = Field(description="The representative, if one wrote it.")
    text: str = Field(description="The text, as it would be stored.")
    automatic: bool = Field(description="A machine wrote it.")
    internal: bool = Field(description="The customer can't see it.")
    asks_for_supervisor: bool = Field(description="The customer asks for a supervisor.")
    supervisor_doubt: str | None = Field(
        description="The words of which a person would be asked whether they ask for a supervisor."
    )
    vulnerability: list[str] = Field(description="Why the customer needs care, by these words.")


class TrialEventOut(BaseModel):
    event: str = Field(description="What it means here, as `contact_opened`.")
    event_id: str = Field(description="The same when the outside system sends it again.")
    event_type: str = Field(description="What the outside system calls it.")
    at: datetime | None = Field(description="When it happened there; null: when it came.")
    external_ref: str = Field(description="The id of the ticket, case, call or mail there.")
    state: ContactState = Field(description="The state of a contact that is new here.")
    channel: Medium = Field(description="Of a contact that is new here.")
    customer: TrialCustomerOut = Field(description="The customer.")
    subject: str = Field(description="The subject.")
    topic: str = Field(description="The topic, with what the text says.")
    language: str = Field(description="The language, with what the text says.")
    priority: Priority = Field(description="The priority, with what the text says.")
    campaign: str | None = Field(description="The campaign.")
    team: str | None = Field(description="The team; null if it is for all.")
    details: dict[str, Any] = Field(description="What else the event says, as a reason or a note.")
    messages: list[TrialMessageOut] = Field(description="The messages that it would add.")


class TrialPartOut(BaseModel):
    place: str = Field(description="The place in the body.")
    reason: str = Field(description="What is wrong there.")
    code: MalformedCode = Field(description="The same as a code.")
    parameters: dict[str, str] = Field(description="`fields-missing`: `fields`.")


class TrialOut(BaseModel):
    model_config = with_examples(
        {
            "signature": "wrong",
            "signature_detail": "The signature is wrong.",
            "problem": None,
            "errors": [],
            "unreadable": [],
            "events": [
                {
                    "event": "contact_opened",
                    "event_id": "5f6a",
                    "event_type": "zen:event-type:ticket.created",
                    "at": "2026-03-02T10:00:00Z",
                    "external_ref": "5158",
                    "state": "open",
                    "channel": "ticket",
                    "customer": {
                        "customer_id": "zendesk:acme:81",
                        "name": None,
                        "tier": None,
                        "region": None,
                    },
                    "subject": "Charged twice",
                    "topic": TOPIC,
                    "language": "en",
                    "priority": "normal",
                    "campaign": None,
                    "team": None,
                    "details": {},
                    "messages": [
                        {
                            "author": "customer",
                            "person_id": None,
                            "text": "I see the same invoice twice.",
                            "automatic": False,
                            "internal": False,
                            "asks_for_supervisor": False,
                            "supervisor_doubt": None,
                            "vulnerability": [],
                        }
                    ],
                }
            ],
        }
    )

    signature: Signature = Field(
        description="Whether a delivery with these headers would be taken; `unknown`: no secret "
        "of the connection can be read."
    )
    signature_detail: str | None = Field(description="Why not; null if it is right.")
    problem: str | None = Field(
        description="Why nothing of it can be read, by place; null if it can."
    )
    errors: list[InvalidPart] = Field(
        description="The same by place, as codes; empty if the body is not of a known format."
    )
    unreadable: list[TrialPartOut] = Field(description="The parts that can't be read.")
    events: list[TrialEventOut] = Field(
        description="What would be applied; empty: it is about something that is no contact."
    )


@router.post(
    "/{kind}/{connection}/test",
    responses=refusals(errors.ConnectionNotFoundError, others=(NO_KIND,)),
)
async def test_connection(
    target: Target,
    body: TrialIn,
    request: Request,
    database: IntakeDatabase,
    caller: ManagerUser,
) -> TrialOut:
    """Show what would come of a delivery. Nothing is changed, and a signature is not needed.

    A paused connection can be tried too.
    """
    del caller
    channel = target.channel
    async with transaction(database) as uow:
        setup = await uow.channel_connections.find(channel.kind, target.connection)
        if setup is None or setup.is_archived:
            raise errors.ConnectionNotFoundError
        secrets = uow.channel_connections.secrets
    options = setup.options
    if body.options is not None:
        with invalid_at("body", "options"):
            options = channel.options.model_validate(body.options).model_dump(mode="json")
    connection = ChannelConnection(setup.connection, setup.kind, "", options)
    webhook = body.webhook(address_of(request).removesuffix("/test"))
    clock: TimeSource = request.app.state.clock
    try:
        secret = ",".join(secrets.read_all(setup.secrets))
        channel.verify(replace(connection, secret=secret), webhook, clock.utc_now())
        signature, reason = _RIGHT
    except (BadSignatureError, StaleRequestError, SecretUnavailableError) as error:
        signature, reason = _SIGNATURES[type(error)], str(error) or str(error.__doc__)
    content, unreadable = await deliveries.try_to_read(
        Delivery(channel, connection, webhook),
        get_customer_namespaces(request),
        get_sign_reader(request),
    )
    return TrialOut(
        signature=signature,
        signature_detail=reason,
        problem=str(unreadable) if unreadable else None,
        errors=[] if unreadable is None else [_part(each) for each in unreadable.errors],
        unreadable=[
            TrialPartOut(
                place=part.place,
                reason=part.reason,
                code=part.code,
                parameters=dict(part.parameters),
            )
            for part in content.unreadable
        ],
        events=[
            _event_out(prepared)
            for prepared in (
                *content.events,
                *(each for case in content.cases for each in case.otherwise),
            )
        ],
    )


def _part(error: InvalidField) -> InvalidPart:
    return InvalidPart(
        pointer=error.place,
        detail=error.detail,
        code=error.code,
        parameters=dict(error.parameters or {}),
    )


def _event_out(prepared: PreparedEvent) -> TrialEventOut:
    event, contact = prepared.event, prepared.contact
    fields = asdict(event)
    return TrialEventOut(
        event=_WORD_BEGINNING.sub("_", type(event).__name__).lower(),
        event_id=event.event_id,
        event_type=event.event_type,
        at=event.moment.at if event.moment else None,
        external_ref=event.contact.ref,
        state=contact.state,
        channel=contact.channel,
        customer=TrialCustomerOut(**contact.customer._asdict()),
        subject=contact.subject,
        topic=contact.topic,
        language=contact.language,
        priority=contact.priority,
        campaign=contact.campaign,
        team=contact.team,
        details={name: value for name, value in fields.items() if name not in _SHOWN_ELSEWHERE},
        messages=[_message_out(each) for each in (prepared.first, prepared.message) if each],
    )


def _message_out(message: NewMessage) -> TrialMessageOut:
    return TrialMessageOut(
        author=message.author,
        person_id=message.person_id,
        text=message.text,
        automatic=message.automatic,
        internal=message.internal,
        asks_for_supervisor=message.asks_for_supervisor,
        supervisor_doubt=message.signs.supervisor_doubt,
        vulnerability=list(message.signs.vulnerability),
    )

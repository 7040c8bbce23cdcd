"""Zendesk: signed webhooks about tickets, in the event schema and as a trigger may send them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from common.contracts.contacts import Customer, Priority
from common.contracts.event import CustomerId
from common.contracts.needs import ContactTopic, LanguageTag
from common.http.app import ExternalId, Slug
from common.http.webhooks import SignatureScheme, verify_signature
from intake.channels.base import (
    ChannelEvent,
    ChannelOptions,
    ContactOpened,
    ContactSetPending,
    ContactSolved,
    CustomerMessageAdded,
    ExternalContact,
    PriorityChanged,
    RepresentativeMessageAdded,
    SolvedContactReopened,
    UnrelatedUpdate,
    WebhookModel,
    WebhookRequest,
    read_json,
)
from intake.domain.model import ChannelConnection

_SCHEME = SignatureScheme(encoding="base64", time_format="iso8601")
_SIGNATURE = "x-zendesk-webhook-signature"
_TIMESTAMP = "x-zendesk-webhook-signature-timestamp"
_PRIORITIES: dict[str, Priority] = {
    "low": "low",
    "normal": "normal",
    "high": "high",
    "urgent": "urgent",
}
_SOLVED = ("solved", "closed")


class ZendeskOptions(ChannelOptions):
    """How a connection reads tickets: the first tag found in a mapping wins."""

    topic: ContactTopic = Field(
        "general", description="The topic of a ticket without a mapped tag."
    )
    language: LanguageTag = Field(
        "en", description="The language of a ticket without a mapped tag, as `en` or `pt-BR`."
    )
    topic_by_tag: dict[str, ContactTopic] = Field({}, description="Which tag means which topic.")
    language_by_tag: dict[str, LanguageTag] = Field(
        {}, description="Which tag means which language."
    )
    campaign_by_tag: dict[str, Slug] = Field({}, description="Which tag means which campaign.")


class Ticket(WebhookModel):
    id: ExternalId
    subject: str | None = None
    description: str | None = None
    priority: str | None = None
    status: str | None = None
    requester_id: ExternalId | None = None
    tags: tuple[str, ...] = ()


class _Author(WebhookModel):
    id: ExternalId | None = None
    is_staff: bool = False


class _Comment(WebhookModel):
    body: str | None = None
    is_public: bool = True
    author: _Author = _Author()


class _Change(WebhookModel):
    current: Any = None
    previous: Any = None
    comment: _Comment | None = None


class Delivery(WebhookModel):
    """One webhook: `id` is Zendesk's own and stays the same when it is delivered again."""

    id: ExternalId
    type: ExternalId
    detail: Ticket
    event: _Change = _Change()


class Zendesk:
    kind = "zendesk"
    options = ZendeskOptions

    def verify(self, connection: ChannelConnection, request: WebhookRequest, now: datetime) -> None:
        timestamp = request.headers.get(_TIMESTAMP, "")
        verify_signature(
            _SCHEME,
            secrets=connection.secrets,
            signed=timestamp.encode() + request.body,
            signature=request.headers.get(_SIGNATURE, ""),
            timestamp=timestamp,
            now=now,
        )

    def parse(self, connection: ChannelConnection, request: WebhookRequest) -> list[ChannelEvent]:
        delivery = read_json(request.body, Delivery)
        contact = external_contact(delivery.detail, connection)
        return [channel_event(delivery, contact)]


def external_contact(ticket: Ticket, connection: ChannelConnection) -> ExternalContact:
    options = ZendeskOptions.model_validate(connection.options)
    requester = ticket.requester_id or f"ticket-{ticket.id}"
    return ExternalContact(
        ref=ticket.id,
        channel="ticket",
        customer=Customer(customer_id=CustomerId(requester)),
        subject=ticket.subject or f"Ticket {ticket.id}",
        topic=_by_tag(ticket, options.topic_by_tag, options.topic),
        language=_by_tag(ticket, options.language_by_tag, options.language),
        priority=_priority(ticket.priority),
        campaign=_by_tag(ticket, options.campaign_by_tag, "") or None,
        text=ticket.description or None,
    )


def channel_event(delivery: Delivery, contact: ExternalContact) -> ChannelEvent:
    match delivery.type.removeprefix("zen:event-type:"):
        case "ticket.created":
            return ContactOpened(delivery.id, delivery.type, contact)
        case "ticket.comment_added" if delivery.event.comment:
            return _comment(delivery, contact, delivery.event.comment)
        case "ticket.status_changed":
            return _status(delivery, contact)
        case "ticket.priority_changed":
            priority = _priority(delivery.event.current)
            return PriorityChanged(
                delivery.id, delivery.type, contact, priority, "changed in Zendesk"
            )
        case _:
            return UnrelatedUpdate(delivery.id, delivery.type, contact)


def _comment(delivery: Delivery, contact: ExternalContact, comment: _Comment) -> ChannelEvent:
    text = comment.body
    if not text or (comment.author.is_staff and not comment.is_public):
        return UnrelatedUpdate(delivery.id, delivery.type, contact)
    if not comment.author.is_staff:
        return CustomerMessageAdded(delivery.id, delivery.type, contact, text)
    account = comment.author.id
    return RepresentativeMessageAdded(delivery.id, delivery.type, contact, text, account)


def _status(delivery: Delivery, contact: ExternalContact) -> ChannelEvent:
    current, previous = (
        str(status).lower() for status in (delivery.event.current, delivery.event.previous)
    )
    if current in _SOLVED:
        return ContactSolved(delivery.id, delivery.type, contact, "solved in Zendesk")
    if current == "pending":
        return ContactSetPending(delivery.id, delivery.type, contact)
    if previous in _SOLVED:
        reason = "reopened in Zendesk"
        return SolvedContactReopened(delivery.id, delivery.type, contact, reason)
    return UnrelatedUpdate(delivery.id, delivery.type, contact)


def _priority(value: object) -> Priority:
    """Read what Zendesk calls it; a ticket may have none."""
    return _PRIORITIES.get(str(value).lower(), "normal")


def _by_tag(ticket: Ticket, mapping: Mapping[str, str], default: str) -> str:
    return next((mapping[tag] for tag in ticket.tags if tag in mapping), default)

"""Zendesk: signed webhooks about tickets, in the event schema and as a trigger may send them."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from common.contracts.contacts import Customer, Priority
from common.contracts.event import CustomerId, PersonId

KIND = "zendesk"
_MAX_AGE = timedelta(minutes=5)
_PRIORITIES: dict[str, Priority] = {
    "low": "low",
    "normal": "normal",
    "high": "high",
    "urgent": "urgent",
}
_SUBJECT = 300


class BadSignatureError(Exception):
    """The signature is missing or is not of this body."""


class StaleRequestError(Exception):
    """The signature is more than five minutes old, or from the future."""


class Options(BaseModel):
    """How a connection reads tickets: the first tag found in a mapping wins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: str = "general"
    language: str = "en"
    topic_by_tag: dict[str, str] = Field(default_factory=dict)
    language_by_tag: dict[str, str] = Field(default_factory=dict)
    campaign_by_tag: dict[str, str] = Field(default_factory=dict)


class _Lenient(BaseModel):
    """Captures differ from the documentation in ids, case and nulls; what we don't use may too."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class Ticket(_Lenient):
    id: str
    subject: str | None = None
    description: str | None = None
    priority: str | None = None
    status: str | None = None
    requester_id: str | None = None
    tags: tuple[str, ...] = ()

    @field_validator("tags", mode="before")
    @classmethod
    def _none_is_empty(cls, value: object) -> object:
        return value if value is not None else ()


class _Author(_Lenient):
    id: str | None = None
    is_staff: bool = False


class _Comment(_Lenient):
    body: str | None = None
    is_public: bool = True
    author: _Author = _Author()


class _Change(_Lenient):
    current: Any = None
    previous: Any = None
    comment: _Comment | None = None


class Delivery(_Lenient):
    """One webhook: `id` is Zendesk's own and stays the same when it is delivered again."""

    id: str
    type: str
    detail: Ticket
    event: _Change = _Change()


@dataclass(frozen=True, slots=True)
class Told:
    """What a delivery says about its ticket, in our words."""

    what: Literal[
        "created",
        "customer_wrote",
        "replied",
        "waiting",
        "resolved",
        "reopened",
        "prioritized",
        "other",
    ]
    text: str | None = None
    person_id: PersonId | None = None
    priority: Priority | None = None


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Raise BadSignature or Stale unless Zendesk signed this body within the last five minutes."""
    timestamp = headers.get("x-zendesk-webhook-signature-timestamp", "")
    given = headers.get("x-zendesk-webhook-signature", "")
    mac = hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256)
    expected = base64.b64encode(mac.digest())
    if not hmac.compare_digest(expected, given.encode()):
        raise BadSignatureError
    try:
        signed_at = datetime.fromisoformat(timestamp)
        age = abs(now - signed_at)
    except (ValueError, TypeError) as error:
        raise BadSignatureError from error
    if age > _MAX_AGE:
        raise StaleRequestError


def customer(ticket: Ticket, connection: str) -> Customer:
    requester = ticket.requester_id or f"ticket-{ticket.id}"
    return Customer(customer_id=CustomerId(f"zendesk:{connection}:{requester}"))


def subject(ticket: Ticket) -> str:
    return (ticket.subject or f"Ticket {ticket.id}").replace("\x00", "")[:_SUBJECT]


def priority(ticket: Ticket) -> Priority:
    return _priority(ticket.priority)


def _priority(value: object) -> Priority:
    """Read what Zendesk calls it; a ticket may have none."""
    return _PRIORITIES.get(str(value).lower(), "normal")


def by_tag(ticket: Ticket, mapping: Mapping[str, str], otherwise: str) -> str:
    return next((mapping[tag] for tag in ticket.tags if tag in mapping), otherwise)


def told(delivery: Delivery) -> Told:
    match delivery.type.removeprefix("zen:event-type:"):
        case "ticket.created":
            return Told("created")
        case "ticket.comment_added" if delivery.event.comment:
            return _comment(delivery.event.comment)
        case "ticket.status_changed":
            return _status(delivery.event)
        case "ticket.priority_changed":
            return Told("prioritized", priority=_priority(delivery.event.current))
    return Told("other")


def _comment(comment: _Comment) -> Told:
    text = (comment.body or "").replace("\x00", "")
    if not comment.author.is_staff:
        return Told("customer_wrote", text=text)
    if not comment.is_public:
        return Told("other")
    person = PersonId(f"zendesk:{comment.author.id}") if comment.author.id else None
    return Told("replied", text=text, person_id=person)


def _status(change: _Change) -> Told:
    current, previous = str(change.current).lower(), str(change.previous).lower()
    done = ("solved", "closed")
    if current in done:
        return Told("resolved")
    if current == "pending":
        return Told("waiting")
    return Told("reopened") if previous in done else Told("other")

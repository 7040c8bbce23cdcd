"""Our own format of events, for systems that can be taught one: a type, a time, and data.

docs/channels/events.md describes it. CloudEvents and plain webhooks carry it.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from common.contracts.contacts import Channel, Tier
from common.contracts.event import CustomerId
from common.http.app import ExternalId
from intake.channels.base import (
    ChannelEvent,
    ContactLeft,
    ContactOpened,
    ContactSetOpen,
    ContactSetPending,
    ContactSolved,
    CustomerMessageAdded,
    ExternalContact,
    FirstMessage,
    PriorityChanged,
    RepresentativeMessageAdded,
    SupervisorRequested,
    UnrelatedUpdate,
    WebhookModel,
)
from intake.channels.fields import (
    Flag,
    Id,
    Tags,
    Text,
    Texts,
    Time,
    read_object,
    read_object_or_none,
)
from intake.channels.options import MappingOptions, by_tag, read_labels, read_priority
from intake.domain.addresses import AddressKind, StatedAddress
from intake.domain.automatic_mail import is_automatic
from intake.domain.customers import CustomerStatement
from intake.domain.model import Moment

_PREFIX: Final = "upstairs_inbound_"
_VERSION: Final = re.compile(r"_v\d+$")
_CHANNELS: Final[Mapping[str, Channel]] = {
    "call": "call",
    "phone": "call",
    "voice": "call",
    "email": "email",
    "mail": "email",
    "chat": "chat",
    "sms": "chat",
    "ticket": "ticket",
    "case": "case",
}
_TIERS: Final[Mapping[str, Tier]] = {"standard": "standard", "premium": "premium", "vip": "vip"}


class Customer(WebhookModel):
    id: Id = None
    name: Text = None
    tier: Text = None
    region: Text = None
    email: Text = None
    phone: Text = None
    verified: Flag = None

    def addresses(self, default_region: str | None) -> tuple[StatedAddress, ...]:
        stated: tuple[tuple[AddressKind, str | None], ...] = (
            ("email", self.email),
            ("phone", self.phone),
        )
        return tuple(
            StatedAddress(kind, address, bool(self.verified), default_region)
            for kind, address in stated
            if address
        )


class Contact(WebhookModel):
    ref: ExternalId
    channel: Text = None
    customer: Annotated[Customer, BeforeValidator(read_object)] = Customer()
    subject: Text = None
    topic: Text = None
    language: Text = None
    priority: Text = None
    campaign: Text = None
    team: Text = None
    tags: Tags = ()


class Message(WebhookModel):
    id: Id = None
    text: Text = None
    author: Text = None
    account: Id = None
    internal: Flag = None
    automatic: Flag = None
    mail_headers: Texts = Field({})
    written_at: Time = None


class Data(WebhookModel):
    contact: Contact
    message: Annotated[Message | None, BeforeValidator(read_object_or_none)] = None
    quote: Text = None
    note: Text = None
    reason: Text = None


def read_event(
    event_id: str, name: str, moment: Moment | None, content: object, options: MappingOptions
) -> list[ChannelEvent]:
    """Read one event; an empty list for a type that means nothing here.

    Raises ValidationError if the data has no contact.
    """
    kind = _VERSION.sub("", re.sub(r"[.\-]", "_", name.strip().lower())).removeprefix(_PREFIX)
    if kind not in _KINDS:
        return []
    data = Data.model_validate(content)
    contact = _contact(data, options, is_first=kind == "contact_received")
    fields = {"event_id": event_id, "event_type": kind, "contact": contact, "moment": moment}
    return [_event(kind, data, options, fields)]


_KINDS: Final = frozenset(
    {
        "contact_received",
        "message_added",
        "supervisor_requested",
        "contact_resolved",
        "contact_abandoned",
        "contact_reopened",
        "contact_waiting",
        "priority_changed",
    }
)


def _event(kind: str, data: Data, options: MappingOptions, fields: dict[str, Any]) -> ChannelEvent:
    match kind:
        case "contact_received":
            return ContactOpened(**fields)
        case "message_added":
            return _message(data.message or Message(), options, fields)
        case "supervisor_requested":
            return SupervisorRequested(**fields, quote=data.quote or "Asked for a supervisor.")
        case "priority_changed":
            priority = read_priority(data.contact.priority, (), options)
            return PriorityChanged(**fields, priority=priority, reason=data.reason or "as stated")
        case _:
            return _state_event(kind, data, fields)


def _state_event(kind: str, data: Data, fields: dict[str, Any]) -> ChannelEvent:
    match kind:
        case "contact_resolved":
            return ContactSolved(**fields, note=data.note or "")
        case "contact_abandoned":
            return ContactLeft(**fields, reason=data.reason or "the customer left")
        case "contact_reopened":
            return ContactSetOpen(**fields, reason=data.reason or "opened again")
        case _:
            return ContactSetPending(**fields)


def _message(message: Message, options: MappingOptions, fields: dict[str, Any]) -> ChannelEvent:
    text = message.text or ""
    if not text.strip():
        return UnrelatedUpdate(**fields)
    author = (message.author or "customer").strip().lower()
    automatic = bool(message.automatic) or is_automatic(message.mail_headers)
    if author == "customer" and not message.internal:
        return CustomerMessageAdded(
            **fields, text=text, automatic=automatic, message_ref=message.id
        )
    is_bot = author in ("bot", "system") or message.account in options.bots
    return RepresentativeMessageAdded(
        **fields,
        text=text,
        account=message.account,
        automatic=automatic or is_bot,
        internal=bool(message.internal),
        message_ref=message.id,
    )


def _contact(data: Data, options: MappingOptions, *, is_first: bool) -> ExternalContact:
    contact, customer = data.contact, data.contact.customer
    tags, message = contact.tags, data.message
    first = None
    if is_first and message is not None and message.text:
        first = FirstMessage(message.text, written_at=message.written_at)
    return ExternalContact(
        ref=contact.ref,
        channel=_CHANNELS.get((contact.channel or "").strip().lower(), "chat"),
        customer=CustomerStatement(
            CustomerId(customer.id or f"contact-{contact.ref}"),
            customer.name,
            by_tag(tags, options.tier_by_tag) or _TIERS.get((customer.tier or "").strip().lower()),
            customer.region,
            customer.addresses(options.default_region),
        ),
        subject=contact.subject or f"Contact {contact.ref}",
        **read_labels(
            tags,
            options,
            topic=contact.topic,
            language=contact.language,
            priority=contact.priority,
            campaign=contact.campaign,
            team=contact.team,
        ),
        first_message=first,
    )

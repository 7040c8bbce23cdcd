"""Zendesk: signed webhooks about tickets, in the event schema and as a trigger may send them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Literal

from common.contracts.contacts import Priority
from common.contracts.event import CustomerId
from common.http.webhooks import SignatureScheme, verify_signature
from intake.channels.base import (
    ChannelEvent,
    ContactDiscarded,
    ContactMerged,
    ContactOpened,
    ContactSetOpen,
    ContactSetPending,
    ContactSolved,
    CustomerMessageAdded,
    ExternalContact,
    FileAdded,
    FirstMessage,
    MalformedBodyError,
    PriorityChanged,
    Reply,
    RepresentativeMessageAdded,
    UnrelatedUpdate,
    WebhookRequest,
)
from intake.channels.event_keys import digest_key
from intake.channels.fields import read_file, read_json
from intake.channels.options import PRIORITIES, WriteBackOptions, by_tag, read_labels
from intake.channels.own_writes import is_own_note
from intake.channels.zendesk_schema import Comment, Delivery, Envelope, Ticket
from intake.domain.addresses import StatedAddress
from intake.domain.automatic_mail import is_automatic
from intake.domain.customers import CustomerStatement
from intake.domain.model import ChannelConnection, ContactState, Moment
from intake.domain.state import BEGINNING

_SCHEME = SignatureScheme(encoding="base64", time_format="iso8601")
_SIGNATURE = "x-zendesk-webhook-signature"
_TIMESTAMP = "x-zendesk-webhook-signature-timestamp"
_TYPE_PREFIX: Final = "zen:event-type:ticket."
_CHAT_MESSAGE: Final = "zen:event-type:messaging_ticket.message_added"
_STATES: Final[Mapping[str, ContactState]] = {
    "new": "open",
    "open": "open",
    "pending": "waiting_on_customer",
    "solved": "resolved",
    "closed": "resolved",
    "deleted": "discarded",
}
_HOLD: Final = ("hold", "on-hold", "on_hold")
# Changes that mean nothing here, but show that an open ticket exists. All other types are ignored:
# the same address gets events about users, articles and organisations.
_UNRELATED: Final = frozenset(
    {
        "agent_assignment_changed",
        "attachment_redacted_from_comment",
        "brand_changed",
        "ccs_changed",
        "comment_made_private",
        "comment_redacted",
        "custom_field_changed",
        "custom_status_changed",
        "description_changed",
        "email_ccs_changed",
        "external_id_changed",
        "followers_changed",
        "form_changed",
        "group_assignment_changed",
        "organization_changed",
        "problem_link_changed",
        "requester_changed",
        "schedule_changed",
        "subject_changed",
        "submitter_changed",
        "tags_changed",
        "task_due_at_changed",
        "ticket_form_changed",
        "ticket_type_changed",
        "type_changed",
    }
)
_RELATED: Final = frozenset(
    {
        "attachment_linked_to_comment",
        "comment_added",
        "created",
        "marked_as_spam",
        "merged",
        "permanently_deleted",
        "priority_changed",
        "soft_deleted",
        "status_changed",
        "undeleted",
    }
)
# Zendesk's own bots have this account, or one with this prefix.
_NOBODY: Final = "-1"
_BOT_PREFIX: Final = "zd:"
_CUSTOMERS: Final = ("end_user", "end-user", "enduser", "customer", "user")

Writer = Literal["customer", "representative", "system"]


class ZendeskOptions(WriteBackOptions):
    """How a connection reads tickets."""


class Zendesk:
    kind = "zendesk"
    proof = (
        "Zendesk signs the time and the body with the secret: the headers "
        "x-zendesk-webhook-signature and x-zendesk-webhook-signature-timestamp."
    )
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
        name = read_json(request.body, Envelope).type
        if name is None:
            raise MalformedBodyError(
                "The body has no type of event.", "fields-missing", fields="type"
            )
        is_chat = name.strip().lower() == _CHAT_MESSAGE
        if not is_chat and _kind(name) not in _RELATED | _UNRELATED:
            return []
        delivery = read_json(request.body, Delivery)
        if delivery.id is None:
            delivery = delivery.model_copy(update={"id": digest_key(request.body)})
        options = ZendeskOptions.model_validate(connection.options)
        return [_chat_message(delivery, options) if is_chat else channel_event(delivery, options)]

    def reply(self, _request: WebhookRequest) -> Reply | None:
        return None


def _kind(name: str) -> str:
    lower = name.strip().lower()
    return lower.removeprefix(_TYPE_PREFIX) if lower.startswith(_TYPE_PREFIX) else ""


def external_contact(ticket: Ticket, options: ZendeskOptions) -> ExternalContact:
    requester = ticket.requester_id or f"ticket-{ticket.id}"
    return ExternalContact(
        ref=ticket.id,
        channel="ticket",
        customer=CustomerStatement(
            CustomerId(requester),
            tier=by_tag(ticket.labels, options.tier_by_tag),
            stated_addresses=tuple(_addresses(ticket, options)),
        ),
        subject=ticket.subject or f"Ticket {ticket.id}",
        **read_labels(ticket.labels, options, priority=ticket.priority),
        first_message=_first_message(ticket),
        state=_state(ticket.status, options) or "open",
        # Of a ticket that says neither, any event is newer.
        as_of=ticket.updated_at if ticket.status or ticket.priority else BEGINNING,
    )


def channel_event(delivery: Delivery, options: ZendeskOptions) -> ChannelEvent:
    contact = external_contact(delivery.detail, options)
    fields: dict[str, Any] = {
        "event_id": delivery.id or "",
        "event_type": delivery.type,
        "contact": contact,
        "moment": _moment(delivery),
    }
    kind, comment = _kind(delivery.type), delivery.event.comment
    match kind:
        case "created":
            return ContactOpened(**fields)
        case "comment_added" if comment:
            return _message(delivery.detail, comment, options, fields)
        case "attachment_linked_to_comment" if comment:
            return _file(comment, fields)
        # We may have written it: it must not change our own priority.
        case "priority_changed" if delivery.detail.actor_id in options.own_users:
            return UnrelatedUpdate(**fields)
        case "priority_changed":
            priority = _priority(delivery.event.current)
            return PriorityChanged(**fields, priority=priority, reason="changed in Zendesk")
        case _:
            return _state_event(kind, delivery, options, fields)


def _chat_message(delivery: Delivery, options: ZendeskOptions) -> ChannelEvent:
    """Read a message of a conversation, which says of its ticket hardly more than the id."""
    actor, message, ticket = delivery.event.actor, delivery.event.message, delivery.detail
    kind = (actor.type or "").strip().lower()
    is_customer = kind in _CUSTOMERS
    if is_customer and ticket.requester_id is None:
        ticket = ticket.model_copy(update={"requester_id": actor.id})
    fields: dict[str, Any] = {
        "event_id": delivery.id or "",
        "event_type": delivery.type,
        "contact": replace(external_contact(ticket, options), channel="chat"),
        "moment": _moment(delivery),
    }
    text = message.body or ""
    if not text.strip():
        return UnrelatedUpdate(**fields)
    if is_customer:
        return CustomerMessageAdded(**fields, text=text, message_ref=message.id)
    is_person = kind == "agent" and not _is_bot(actor.id or _NOBODY, options.bots)
    return RepresentativeMessageAdded(
        **fields, text=text, account=actor.id, automatic=not is_person, message_ref=message.id
    )


def _state_event(
    kind: str, delivery: Delivery, options: ZendeskOptions, fields: dict[str, Any]
) -> ChannelEvent:
    match kind:
        case "status_changed":
            return _status(str(delivery.event.current), options, fields)
        case "undeleted":
            return _status(delivery.detail.status or "open", options, fields)
        case "marked_as_spam":
            return ContactDiscarded(**fields, cause="spam")
        case "soft_deleted" | "permanently_deleted":
            return ContactDiscarded(**fields, cause="deleted")
        # Into itself: nothing goes on elsewhere.
        case "merged" if delivery.event.target_ticket_id != delivery.detail.id:
            return ContactMerged(**fields, into=delivery.event.target_ticket_id)
        case _:
            return UnrelatedUpdate(**fields)


def _status(status: str, options: ZendeskOptions, fields: dict[str, Any]) -> ChannelEvent:
    match _state(status, options):
        case "open":
            on_hold = status.lower() in _HOLD
            return ContactSetOpen(**fields, reason="reopened in Zendesk", on_hold=on_hold)
        case "waiting_on_customer":
            return ContactSetPending(**fields)
        case "resolved":
            return ContactSolved(**fields, note="solved in Zendesk")
        case "discarded":
            return ContactDiscarded(**fields, cause="deleted")
        case _:
            return UnrelatedUpdate(**fields)


def _state(status: str | None, options: ZendeskOptions) -> ContactState | None:
    name = (status or "").strip().lower()
    if name in _HOLD:
        return "open" if options.on_hold == "runs" else "waiting_on_customer"
    return _STATES.get(name)


def _message(
    ticket: Ticket, comment: Comment, options: ZendeskOptions, fields: dict[str, Any]
) -> ChannelEvent:
    # Our own account is no person either.
    accounts_of_nobody = (*options.bots, *options.own_users)
    text, writer = comment.body or "", _writer(ticket, comment, accounts_of_nobody)
    message: dict[str, Any] = {**fields, "text": text, "message_ref": comment.id}
    if comment.is_public is False:
        account = comment.author.id or ticket.actor_id
        if not text or is_own_note(text, account, options.own_users):
            return UnrelatedUpdate(**fields)
        return RepresentativeMessageAdded(**message, account=comment.author.id, internal=True)
    automatic = is_automatic(comment.headers)
    if writer == "customer":
        return CustomerMessageAdded(**message, automatic=automatic)
    return RepresentativeMessageAdded(
        **message, account=comment.author.id, automatic=automatic or writer == "system"
    )


def _writer(ticket: Ticket, comment: Comment, bots: Collection[str]) -> Writer:
    """Return whose words they are; if nothing says it, they may be the customer's."""
    author = comment.author
    account = author.id or ticket.actor_id
    if account is not None and _is_bot(account, bots):
        return "system"
    if author.is_staff is not None:
        return "representative" if author.is_staff else "customer"
    if account == ticket.requester_id:
        return "customer"
    if account is not None and account == ticket.assignee_id:
        return "representative"
    # Only the actor is known, and it is not the customer: no promise is kept by a guess.
    return "customer" if author.id or account is None else "system"


def _is_bot(account: str, bots: Collection[str]) -> bool:
    return account == _NOBODY or account.startswith(_BOT_PREFIX) or account in bots


def _addresses(ticket: Ticket, options: ZendeskOptions) -> Iterator[StatedAddress]:
    """Yield what a trigger may send of the requester; anybody can write a mail as somebody."""
    if ticket.requester_email:
        yield StatedAddress("email", ticket.requester_email)
    if ticket.requester_phone:
        yield StatedAddress("phone", ticket.requester_phone, region=options.default_region)


def _first_message(ticket: Ticket) -> FirstMessage | None:
    """Return the description: an agent may have written it in the customer's name."""
    if not ticket.description:
        return None
    requester, submitter = ticket.requester_id, ticket.submitter_id
    by_customer = submitter is None or requester is None or submitter == requester
    internal = ticket.is_public is False
    return FirstMessage(
        ticket.description,
        "customer" if by_customer and not internal else "representative",
        account=None if by_customer else submitter,
        written_at=ticket.created_at,
        internal=internal,
    )


def _file(comment: Comment, fields: dict[str, Any]) -> ChannelEvent:
    attached = comment.attachment
    if attached is None or comment.id is None:
        return UnrelatedUpdate(**fields)
    file = read_file(attached.id, attached.filename, attached.content_url, attached.content_type)
    if file is None:
        return UnrelatedUpdate(**fields)
    return FileAdded(**fields, message_ref=comment.id, file=file)


def _moment(delivery: Delivery) -> Moment | None:
    if delivery.time is None:
        return None
    sequence = delivery.event.meta.sequence
    return Moment(delivery.time, sequence.position, sequence.id)


def _priority(value: object) -> Priority:
    """Read what Zendesk calls it; a ticket may have none."""
    return PRIORITIES.get(str(value).strip().lower(), "normal")

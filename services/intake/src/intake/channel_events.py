"""What intake does with the events of outside systems, the same for all kinds of channels."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import assert_never

from common.contracts.event import ContactId, PersonId
from common.core.languages import read_language
from common.core.text import one_line, plain_text
from intake import use_cases
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
from intake.domain.actors import Actor
from intake.domain.customers import CustomerNamespaces
from intake.domain.errors import WrongStateError
from intake.domain.model import ChannelConnection, IdempotencyKey
from intake.domain.supervisor_words import asks_for_supervisor
from intake.idempotency import claim_key
from intake.store import UnitOfWork
from intake.use_cases import ReceiveContact, ResolveContact, WriteMessage

_LINE_CHARACTERS = 300
_TEXT_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class AppliedEvent:
    """`repeated`: the event was applied before, and nothing was done now."""

    contact_id: ContactId
    repeated: bool


@dataclass(frozen=True, slots=True)
class PreparedEvent:
    """An event whose texts have been read, so that its transaction is short.

    `text` is the message that the event adds, if it adds one.
    """

    event: ChannelEvent
    contact: ReceiveContact
    text: str = ""
    asks_for_supervisor: bool = False


def prepare_events(
    connection: ChannelConnection, events: Iterable[ChannelEvent], namespaces: CustomerNamespaces
) -> list[PreparedEvent]:
    """Clean and read the texts of the events; call it before the transaction."""
    prepared = []
    for event in events:
        contact = _read_contact(connection, event.contact, namespaces)
        match event:
            case CustomerMessageAdded():
                text = _text(event.text)
                asks = asks_for_supervisor(text)
                prepared.append(PreparedEvent(event, contact, text, asks))
            case RepresentativeMessageAdded():
                prepared.append(PreparedEvent(event, contact, _text(event.text)))
            case _:
                prepared.append(PreparedEvent(event, contact))
    return prepared


async def apply_events(
    connection: ChannelConnection, events: Sequence[PreparedEvent], uow: UnitOfWork
) -> list[AppliedEvent]:
    """Apply all, in order; the first event about an unknown contact makes the contact."""
    refs = [prepared.event.contact.ref for prepared in events]
    contact_ids = await uow.contacts.find_external(connection.system, refs)
    applied = []
    for prepared in events:
        ref = prepared.event.contact.ref
        if ref not in contact_ids:
            contact_ids[ref] = await use_cases.receive_new(prepared.contact, uow)
        applied.append(await _apply_once(contact_ids[ref], connection, prepared, uow))
    return applied


async def _apply_once(
    contact_id: ContactId, connection: ChannelConnection, prepared: PreparedEvent, uow: UnitOfWork
) -> AppliedEvent:
    event = prepared.event
    key = IdempotencyKey(connection.system, event.event_id, event.event_type, "The event id")
    earlier = await claim_key(key, contact_id, uow)
    if earlier is not None:
        return AppliedEvent(ContactId(earlier), repeated=True)
    # Outside systems promise no order: a later event may have changed the state already.
    with suppress(WrongStateError):
        actor = Actor("received", system=connection.system)
        await _apply(contact_id, prepared, actor, uow)
    return AppliedEvent(contact_id, repeated=False)


async def _apply(
    contact_id: ContactId, prepared: PreparedEvent, actor: Actor, uow: UnitOfWork
) -> None:
    match prepared.event:
        case CustomerMessageAdded() | RepresentativeMessageAdded():
            await _write(contact_id, prepared, prepared.event, actor, uow)
        case ContactSetPending():
            await use_cases.wait_for_customer(contact_id, actor, uow)
        case ContactSolved(note=note):
            command = ResolveContact(contact_id, note=_text(note))
            await use_cases.resolve(command, actor, uow)
        case ContactLeft(reason=reason):
            await use_cases.abandon(contact_id, _line(reason), actor, uow)
        case SolvedContactReopened(reason=reason):
            await use_cases.reopen(contact_id, _line(reason), actor, uow)
        case PriorityChanged(priority=priority, reason=reason):
            await use_cases.prioritize(contact_id, priority, _line(reason), actor, uow)
        case ContactOpened() | UnrelatedUpdate():
            pass
        case _:
            assert_never(prepared.event)


async def _write(
    contact_id: ContactId,
    prepared: PreparedEvent,
    event: CustomerMessageAdded | RepresentativeMessageAdded,
    actor: Actor,
    uow: UnitOfWork,
) -> None:
    text = prepared.text
    if isinstance(event, CustomerMessageAdded):
        asks = prepared.asks_for_supervisor
        message = WriteMessage(contact_id, "customer", text, asks_for_supervisor=asks)
    else:
        actor = actor.naming(_person(actor, event.account))
        message = WriteMessage(contact_id, "representative", text, automatic=event.automatic)
    await use_cases.write(message, actor, uow)


def _read_contact(
    connection: ChannelConnection, contact: ExternalContact, namespaces: CustomerNamespaces
) -> ReceiveContact:
    text = _text(contact.text or "")
    customer = contact.customer
    if customer.name is not None:
        customer = customer.model_copy(update={"name": _line(customer.name)})
    return ReceiveContact(
        received_from=connection.system,
        channel=contact.channel,
        customer=namespaces.scope(connection.system, customer),
        subject=_line(contact.subject) or contact.ref,
        topic=contact.topic.lower(),
        language=read_language(contact.language),
        priority=contact.priority,
        campaign=contact.campaign,
        text=text or None,
        asks_for_supervisor=bool(text) and asks_for_supervisor(text),
        external_ref=contact.ref,
    )


def _person(actor: Actor, account: str | None) -> PersonId | None:
    """Name a person of an outside system: two systems may have the same account."""
    return PersonId(f"{actor.system}:{account}") if account else None


def _line(text: str) -> str:
    return one_line(text[: 2 * _LINE_CHARACTERS])[:_LINE_CHARACTERS]


def _text(text: str) -> str:
    return plain_text(text[:_TEXT_CHARACTERS])

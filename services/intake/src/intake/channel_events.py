"""What intake does with the events of outside systems, the same for all kinds of channels.

The events of one contact come in any order. Each has a moment, and changes only what nothing newer
has changed; the rest is kept as history (ADR 0044).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, assert_never

from msgspec import structs

from common.contracts.contacts import WaitEnd
from common.contracts.event import ContactId
from intake import call_measurement, channel_messages, merging, use_cases
from intake.channel_messages import NewMessage
from intake.channels.base import (
    CallMeasured,
    ChannelEvent,
    ContactDiscarded,
    ContactEnded,
    ContactLeft,
    ContactMerged,
    ContactOpened,
    ContactSetOpen,
    ContactSetPending,
    ContactSolved,
    CustomerMessageAdded,
    FileAdded,
    PriorityChanged,
    RepresentativeMessageAdded,
    SupervisorRequested,
    UnrelatedUpdate,
)
from intake.channels.event_keys import event_key
from intake.domain import contacts
from intake.domain.actors import Actor
from intake.domain.model import (
    Attachment,
    ChannelConnection,
    Contact,
    ContactState,
    Decision,
    HistoryEntry,
    IdempotencyKey,
    Moment,
)
from intake.domain.state import place
from intake.domain.transitions import Change, is_ended
from intake.event_preparation import PreparedEvent, line_of, text_of
from intake.handlers import get_or_raise
from intake.idempotency import claim_keys, take_claim
from intake.store import UnitOfWork
from intake.use_cases import ReceiveContact

# What the contact was when we first saw it comes before the event that showed it.
_SNAPSHOT: Final = -1

_StateEvent = (
    ContactSetPending
    | ContactSetOpen
    | ContactSolved
    | ContactLeft
    | ContactDiscarded
    | ContactMerged
    | ContactEnded
)
_STATES: Final[Mapping[type, ContactState]] = {
    ContactSetPending: "waiting_on_customer",
    ContactSetOpen: "open",
    ContactSolved: "resolved",
    ContactLeft: "abandoned",
    ContactDiscarded: "discarded",
    ContactMerged: "merged",
}


@dataclass(frozen=True, slots=True)
class AppliedEvent:
    """`repeated`: the event was applied before, and nothing was done now."""

    contact_id: ContactId
    repeated: bool


@dataclass(frozen=True, slots=True)
class _PlannedEvent:
    """An event of a batch, at which place, and the contact that it is about or makes."""

    prepared: PreparedEvent
    number: int
    contact_id: ContactId
    key: IdempotencyKey


async def apply_events(
    connection: ChannelConnection, events: Sequence[PreparedEvent], uow: UnitOfWork
) -> list[AppliedEvent]:
    """Apply all; the first event about an unknown contact makes the contact.

    An event that changes nothing here, about an unknown contact that is over, is left out.
    """
    refs = [ref for prepared in events for ref in _refs(prepared.event)]
    contact_ids = await uow.contacts.find_external(connection.system, refs)
    # All at once, in one order: two merges may cross each other.
    await uow.prelock(list(contact_ids.values()))
    planned = _plan(connection, events, contact_ids)
    await claim_keys([(each.key, each.contact_id) for each in planned], uow)
    first = [each for each in planned if uow.idempotency_keys.may_be_first(each.key)]
    await _load(first, contact_ids, uow)
    return [await _apply_once(contact_ids, each, connection, uow) for each in planned]


def _plan(
    connection: ChannelConnection,
    events: Sequence[PreparedEvent],
    contact_ids: Mapping[str, ContactId],
) -> list[_PlannedEvent]:
    """Say which contact each event is about; the first event about an unknown one makes it."""
    ids, planned = dict(contact_ids), []
    for number, prepared in enumerate(events):
        event, ref = prepared.event, prepared.event.contact.ref
        if ref not in ids and _is_over(event):
            continue
        contact_id = ids.setdefault(ref, prepared.contact.contact_id)
        # An id that comes with another type or ticket is no repeat.
        fingerprint = event_key(event.event_type, ref)
        key = IdempotencyKey(connection.system, event.event_id, fingerprint, "The event id")
        planned.append(_PlannedEvent(prepared, number, contact_id, key))
    return planned


async def _load(
    planned: Iterable[_PlannedEvent], contact_ids: Mapping[str, ContactId], uow: UnitOfWork
) -> None:
    """Write the customers of new contacts, and look for known messages: one statement each."""
    made: dict[str, ReceiveContact] = {}
    messages: list[tuple[ContactId, NewMessage]] = []
    for each in planned:
        prepared, ref = each.prepared, each.prepared.event.contact.ref
        if ref not in contact_ids:
            made.setdefault(ref, prepared.contact)
        else:
            written = (prepared.first, prepared.message)
            messages += [(each.contact_id, message) for message in written if message]
    within = max((contact.follows_within for contact in made.values()), default=timedelta(0))
    await uow.customers.describe([contact.customer for contact in made.values()], within)
    await channel_messages.load_known(messages, uow)


def _refs(event: ChannelEvent) -> list[str]:
    if isinstance(event, ContactMerged) and event.into is not None:
        return [event.contact.ref, event.into]
    return [event.contact.ref]


def _is_over(event: ChannelEvent) -> bool:
    return isinstance(event, UnrelatedUpdate | FileAdded) and is_ended(event.contact.state)


async def _apply_once(
    contact_ids: dict[str, ContactId],
    planned: _PlannedEvent,
    connection: ChannelConnection,
    uow: UnitOfWork,
) -> AppliedEvent:
    prepared, contact_id = planned.prepared, planned.contact_id
    event, ref = prepared.event, prepared.event.contact.ref
    earlier = take_claim(planned.key, uow)
    if earlier is not None:
        return AppliedEvent(ContactId(earlier), repeated=True)
    moment = _moment(event, planned.number, uow)
    if ref not in contact_ids:
        contact_ids[ref] = await _receive(planned, moment, uow)
    contact = await get_or_raise(contact_id, uow)
    actor = Actor("received", system=connection.system)
    into = contact_ids.get(event.into or "") if isinstance(event, ContactMerged) else None
    into = None if into == contact_id else into
    await _apply(contact, prepared, place(contact, moment), actor, into, uow)
    await merging.hand_over(contact, actor, uow)
    return AppliedEvent(contact_id, repeated=False)


def _moment(event: ChannelEvent, number: int, uow: UnitOfWork) -> Moment:
    """Return when it happened, at most now: a wrong clock must not outlast what comes later."""
    if event.moment is None:
        return Moment(uow.now, number)
    return replace(event.moment, at=min(event.moment.at, uow.now))


async def _receive(planned: _PlannedEvent, moment: Moment, uow: UnitOfWork) -> ContactId:
    prepared = planned.prepared
    as_of = prepared.event.contact.as_of or moment.at
    snapshot = Moment(min(as_of, moment.at), _SNAPSHOT)
    command = structs.replace(
        prepared.contact,
        contact_id=planned.contact_id,
        moment=snapshot,
        state=_first_state(prepared.event),
    )
    contact_id = await use_cases.receive_new(command, uow)
    uow.messages.mark_new(contact_id)
    if prepared.first is not None:
        contact = await get_or_raise(contact_id, uow)
        await channel_messages.add_first(contact, prepared.first, moment, uow)
    return contact_id


def _first_state(event: ChannelEvent) -> ContactState:
    """Return the state at first sight: what the event itself ends was never open here."""
    state = _state(event) if isinstance(event, _StateEvent) else None
    return state if state is not None and is_ended(state) else event.contact.state


async def _apply(
    contact: Contact,
    prepared: PreparedEvent,
    moment: Moment,
    actor: Actor,
    into: ContactId | None,
    uow: UnitOfWork,
) -> None:
    event = prepared.event
    match event:
        case ContactOpened() | CustomerMessageAdded() | RepresentativeMessageAdded():
            await _add_messages(contact, prepared, moment, uow)
        case FileAdded():
            uow.messages.attach(_attachment(contact, event))
        case PriorityChanged():
            await _prioritize(contact, event, moment, actor, uow)
        case SupervisorRequested(quote=quote):
            requested = contacts.report_supervisor_request(contact, line_of(quote), moment)
            await use_cases.record_change(requested, uow)
        case CallMeasured():
            await call_measurement.record(contact, event, moment, actor, uow)
        case UnrelatedUpdate():
            pass
        case _:
            await _set_state(contact, event, moment, actor, into, uow)


async def _add_messages(
    contact: Contact, prepared: PreparedEvent, moment: Moment, uow: UnitOfWork
) -> None:
    if isinstance(prepared.event, ContactOpened) and prepared.first is not None:
        await channel_messages.add_first(contact, prepared.first, moment, uow)
    if prepared.message is not None:
        await channel_messages.add(contact, prepared.message, moment, uow)


async def _prioritize(
    contact: Contact, event: PriorityChanged, moment: Moment, actor: Actor, uow: UnitOfWork
) -> None:
    priority, reason = event.priority, line_of(event.reason)
    at = max(moment.at, contact.received_at)
    decision = contacts.report_priority(contact, priority, reason, actor, moment, at)
    await _record(decision, contact, event, "priority", priority, moment, uow)


async def _set_state(
    contact: Contact,
    event: _StateEvent,
    moment: Moment,
    actor: Actor,
    into: ContactId | None,
    uow: UnitOfWork,
) -> None:
    state = _state(event) or contacts.ended_state(contact)
    change = _change(event, moment, actor, into)
    decision = contacts.report_state(contact, state, moment, change)
    await _record(decision, contact, event, "state", state, moment, uow)
    await _point_to_target(contact.contact_id, into, moment, uow)


async def _point_to_target(
    contact_id: ContactId, into: ContactId | None, moment: Moment, uow: UnitOfWork
) -> None:
    """The newest merge says where the work goes on, unless the contact was opened since."""
    if into is None:
        return
    contact = await get_or_raise(contact_id, uow)
    if contact.state == "merged" and contact.latest["merged"] == moment:
        await merging.point_to_target(contact, into, uow)


async def _record(
    decision: Decision,
    before: Contact,
    event: ChannelEvent,
    field: str,
    value: str,
    moment: Moment,
    uow: UnitOfWork,
) -> None:
    applied = decision.contact.latest != before.latest
    entry = HistoryEntry(before.contact_id, event.event_id, field, value, moment.at, applied)
    uow.contact_history.add(entry)
    await use_cases.record_change(decision, uow)


def _state(event: _StateEvent) -> ContactState | None:
    """Return None if what was before decides it."""
    return _STATES.get(type(event))


def _change(event: _StateEvent, moment: Moment, actor: Actor, into: ContactId | None) -> Change:
    change = Change(moment.at, actor)
    match event:
        case ContactSetOpen(reason=reason, on_hold=on_hold):
            wait_end: WaitEnd = "on_hold" if on_hold else "opened"
            return structs.replace(change, reason=line_of(reason), wait_end=wait_end)
        case ContactSolved(note=note):
            return structs.replace(change, note=text_of(note))
        case ContactLeft(reason=reason) | ContactEnded(reason=reason):
            return structs.replace(change, reason=line_of(reason), note=line_of(reason))
        case ContactDiscarded(cause=cause):
            return structs.replace(change, discard_cause=cause)
        case ContactMerged():
            return structs.replace(change, into=into)
        case ContactSetPending():
            return change
        case _:
            assert_never(event)


def _attachment(contact: Contact, event: FileAdded) -> Attachment:
    file = event.file
    return Attachment(
        contact.contact_id,
        event.message_ref,
        file.file_id,
        line_of(file.name) or file.file_id,
        file.url,
        file.content_type,
        file.size_bytes,
    )

"""The handlers of events and timers: load the situation, decide, record."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import structlog
from msgspec.structs import replace

from common.contracts.assignments import ContactUnserved
from common.contracts.contacts import (
    ConnectionHeardAgain,
    ConnectionSilent,
    ContactCustomerChanged,
    ContactErased,
    ContactReceived,
    FeedbackReceived,
)
from common.contracts.escalations import EscalationsOwnEvent, PagesErased
from common.contracts.event import ContactEvent
from common.contracts.notifications import RecipientChanged
from common.contracts.people import PersonDescribed, PresenceChanged, RepresentativeDescribed
from common.messages import Timer
from common.messaging.subscriptions import HandlerRegistry
from common.storage.known_people import record_person
from escalation.domain import audit_trail, erasure, reactions
from escalation.domain.escalations import causes
from escalation.domain.escalations.causes import people_acting, with_participants
from escalation.domain.model import Escalation
from escalation.domain.money import grants_of
from escalation.domain.settings.people import Person
from escalation.domain.settings.registry import Versioned
from escalation.domain.silent_connections import page_about_connection
from escalation.domain.situation import Decision, Situation
from escalation.domain.staff import QUIET_TIME, page_about_queue
from escalation.store.unit_of_work import UnitOfWork

Enrich = Callable[[Situation, Any, UnitOfWork], Awaitable[Situation]]

log = structlog.get_logger()


def handler_for(
    enrich: Enrich | None = None,
) -> Callable[[ContactEvent | Timer, UnitOfWork], Awaitable[None]]:
    """Return the handler of a message; `enrich` reads what else its decision needs."""

    async def handle(message: ContactEvent | Timer, uow: UnitOfWork) -> None:
        if isinstance(message, ContactEvent):
            uow.consumed_events.add(message, uow.outbox.cause)
        situation = await uow.situation(message.contact_id)
        if enrich is not None:
            situation = await enrich(situation, message, uow)
        kind = "event" if isinstance(message, ContactEvent) else "timer"
        decision = await uow.decide(partial(reactions.decide, message=message), situation)
        record(decision, uow, f"{kind}:{message.type}")

    return handle


async def with_earlier_contacts(
    situation: Situation, event: ContactReceived, uow: UnitOfWork
) -> Situation:
    rule = causes.repeat_rule(situation.configuration, reactions.details_of(event))
    if rule is None:
        return situation
    count = await uow.contacts.count_other_contacts(event, rule)
    return replace(situation, earlier_contacts=count)


async def with_complaints(
    situation: Situation, _message: FeedbackReceived | None, uow: UnitOfWork
) -> Situation:
    contact_id = situation.contact_id
    return replace(
        situation,
        complaints=await uow.complaints.of_contact(contact_id),
        earlier_participants=await uow.escalations.participants(contact_id),
    )


def record(decision: Decision, uow: UnitOfWork, cause: str | None = None) -> Decision:
    """Write the new state, its timers and events in the caller's transaction.

    Returns the decision with the escalations as written. `cause` names the message in the audit
    trail where no person acts.
    """
    by = cause or uow.outbox.cause or "unknown"
    situation = decision.situation
    if situation.escalation is not None:
        situation = situation.with_escalation(_write(situation.escalation, decision, by, uow))
    uow.grants.add(grants_of(situation.contact.customer_id, decision.events))
    for complaint in decision.complaints:
        uow.complaints.save(complaint)
    ended = tuple(_write(ended, decision, by, uow) for ended in decision.ended_escalations)
    uow.contacts.save(situation.contact)
    uow.timers.set(decision.timers)
    uow.outbox.add(decision.events)
    for surprise in decision.surprises:
        log.warning(surprise, contact_id=situation.contact_id)
    return replace(decision, situation=situation, ended_escalations=ended)


def _write(escalation: Escalation, decision: Decision, by: str, uow: UnitOfWork) -> Escalation:
    events = [
        event
        for event in decision.events
        if isinstance(event, EscalationsOwnEvent)
        and event.escalation_id == escalation.escalation_id
    ]
    if not events and not uow.escalations.has_changed(escalation):
        return escalation
    escalation = with_participants(escalation, people_acting(events))
    written, entries = audit_trail.append_entries(escalation, events, by)
    uow.escalations.save(written)
    uow.audit_trail.add(entries)
    return written


_ENRICH: Mapping[type[ContactEvent | Timer], Enrich] = {
    ContactReceived: with_earlier_contacts,
    FeedbackReceived: with_complaints,
}


_decide_customer_change = handler_for()


async def change_customer(event: ContactCustomerChanged, uow: UnitOfWork) -> None:
    """What was granted for the contact counts for the other customer, too."""
    await _decide_customer_change(event, uow)
    await uow.grants.move(event.contact_id, event.customer.customer_id)


async def erase_contact(event: ContactErased, uow: UnitOfWork) -> None:
    """Erase the words of and about the customer, here and in the pages that were requested."""
    situation = await uow.situation(event.contact_id)
    uow.contacts.save(erasure.erase_contact(situation.contact))
    for escalation in await uow.escalations.lock_of_contact(event.contact_id):
        uow.escalations.save(erasure.erase_escalation(escalation))
    for complaint in await uow.complaints.of_contact(event.contact_id):
        uow.complaints.save(erasure.erase_complaint(complaint))
    await uow.erase_words_of(event.contact_id)
    uow.outbox.add((PagesErased(contact_id=event.contact_id, occurred_at=uow.now),))


async def describe_person(event: PersonDescribed, uow: UnitOfWork) -> None:
    """Put what router says of a person in force, unless something newer is.

    The API keys of a person who leaves are revoked.
    """
    await record_person(event, uow)
    configuration = await uow.settings.lock_for_update()
    current = configuration.people.get(event.person_id)
    if current is not None and current.version >= event.version:
        return
    person = Person(event.reports_to, event.roles, event.team_id, event.active)
    described = Versioned(event.person_id, event.version, person)
    await uow.settings.add(described, uow.now, f"event:{event.type}")


async def set_presence(event: PresenceChanged, uow: UnitOfWork) -> None:
    await uow.presences.put(event)


async def describe_representative(event: RepresentativeDescribed, uow: UnitOfWork) -> None:
    await uow.staff.put_representative(event)


async def change_recipient(event: RecipientChanged, uow: UnitOfWork) -> None:
    await uow.staff.put_recipient(event)


async def announce_unserved_queue(event: ContactUnserved, uow: UnitOfWork) -> None:
    """Page operations about the queue, once in a quiet time and not for each contact."""
    if await uow.staff.announce_unserved(event.queue, uow.now, QUIET_TIME):
        uow.outbox.add((page_about_queue(event, uow.now),))


async def announce_connection(
    event: ConnectionSilent | ConnectionHeardAgain, uow: UnitOfWork
) -> None:
    uow.outbox.add((page_about_connection(event),))


SUBSCRIPTIONS = (
    HandlerRegistry[UnitOfWork](
        {kind: handler_for(_ENRICH.get(kind)) for kind in reactions.DECISIONS}
    )
    .on(ContactCustomerChanged, change_customer)
    .on(ContactErased, erase_contact)
    .on(PersonDescribed, describe_person)
    .on(PresenceChanged, set_presence)
    .on(RepresentativeDescribed, describe_representative)
    .on(RecipientChanged, change_recipient)
    .on(ContactUnserved, announce_unserved_queue)
    .on(ConnectionSilent, announce_connection)
    .on(ConnectionHeardAgain, announce_connection)
)

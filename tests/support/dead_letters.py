"""Dead letters of the probe, and a version of it that can handle them."""

from typing import Any

import msgspec

from common.contracts.contacts import CustomerWrote
from common.contracts.event import ContactId
from common.messages import Schedule
from common.messaging.dispatcher import Message
from common.messaging.envelope import Envelope, encode
from common.messaging.subscriptions import HandlerRegistry
from common.storage.database import Database
from common.storage.dead_letters import DeadLetter
from support.databases import rows
from support.probe import (
    POISON,
    Broker,
    Reminder,
    Replica,
    UnitOfWork,
    add_note,
    customer_wrote,
    make_envelope,
    new_contact,
)


async def note_any(event: CustomerWrote, uow: UnitOfWork) -> None:
    """As a repaired service does: no note is poison, and each has its consequences."""
    await add_note(event.contact_id, event.excerpt, uow)
    uow.outbox.add([event])
    uow.timers.set([Schedule(Reminder(contact_id=event.contact_id, name="later"), uow.now)])


async def remind_any(timer: Reminder, uow: UnitOfWork) -> None:
    await add_note(timer.contact_id, timer.name, uow)


REPAIRED = HandlerRegistry[UnitOfWork]().on(CustomerWrote, note_any).on(Reminder, remind_any)


def to_dead_letter(
    event: CustomerWrote, of: Envelope, broker: Broker, **changes: Any
) -> DeadLetter:
    """Return the dead letter that the consumer makes of a record."""
    fields: dict[str, Any] = {
        "origin": f"{broker.topic()}/0/{of.id}@0",
        "error": ValueError("unused"),
        "payload": msgspec.json.encode(event),
        "key": event.contact_id,
        "type": event.type,
        "event_id": of.id,
        "headers": dict(encode(of)),
    }
    return DeadLetter(**{**fields, **changes})


async def make_dead_letter(replica: Replica, text: str = POISON) -> tuple[int, ContactId]:
    """Handle a record that the probe can't handle; return its dead letter and its contact."""
    event = customer_wrote(new_contact(), text)
    of = make_envelope(event)
    message = Message(
        event, lambda error: to_dead_letter(event, of, replica.broker, error=error), of.id
    )
    await replica.dispatcher.handle([message])
    (row,) = await rows(replica.database, f"SELECT id FROM dead_letters WHERE event_id = '{of.id}'")
    return row.id, event.contact_id


async def fetch_effects(database: Database[UnitOfWork]) -> tuple[list[list[str]], int, int]:
    """Return all notes, and how many rows wait to be published and to fire."""
    (row,) = await rows(
        database,
        "SELECT (SELECT count(*) FROM outbox) AS out, (SELECT count(*) FROM timers) AS later",
    )
    notes = await rows(database, "SELECT notes FROM probes ORDER BY contact_id")
    return [probe.notes for probe in notes], row.out, row.later

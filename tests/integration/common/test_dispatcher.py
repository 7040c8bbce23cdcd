"""A batch is one transaction; when it fails, each message is tried alone."""

import pytest

from common.contracts.contacts import CustomerWrote
from common.core.errors import PermanentError, TransientError
from common.core.ids import EventId, new_id
from common.messaging.dispatcher import Message
from common.messaging.subscriptions import HandlerRegistry
from common.storage.database import Database
from common.storage.dead_letters import DeadLetter
from support.databases import rows
from support.probe import (
    POISON,
    Broker,
    Replica,
    UnitOfWork,
    customer_wrote,
    new_contact,
    record_statements,
    take_note,
)

Batch = list[Message]


@pytest.fixture
def broker() -> Broker:
    """None of these needs Kafka."""
    return Broker("unused", "unused")


def message(event: CustomerWrote, event_id: str | None = None) -> Message:
    event_id = event_id or new_id()
    return Message(
        body=event,
        to_dead_letter=lambda error: DeadLetter(origin=event_id, error=error, payload=b"", key="k"),
        event_id=EventId(event_id),
    )


async def test_batch_of_any_size_is_one_transaction(replica: Replica) -> None:
    async def count(batch: Batch) -> int:
        async with record_statements(replica.database) as sent:
            await replica.dispatcher.handle(batch)
        return len(sent)

    contacts = [new_contact() for _ in range(10)]
    small = await count([message(customer_wrote(new_contact()))])
    large = await count(
        [message(customer_wrote(contact_id, str(n))) for n in range(10) for contact_id in contacts]
    )
    assert large == small
    (times,) = await rows(
        replica.database,
        "SELECT count(DISTINCT touched_at) FROM probes WHERE cardinality(notes) = 10",
    )
    assert times.count == 1 or tuple(times) == (1,)


async def test_failed_batch_leaves_no_effect(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    """Neither state nor claims: the same batch may come again and is then handled whole."""
    away = [TransientError("away")]

    async def faltering(event: CustomerWrote, uow: UnitOfWork) -> None:
        await take_note(event, uow)
        if event.excerpt == "2" and away:
            raise away.pop()

    replica = Replica(database, broker, HandlerRegistry[UnitOfWork]().on(CustomerWrote, faltering))
    contact_id = new_contact()
    batch = [message(customer_wrote(contact_id, str(n))) for n in range(4)]
    with pytest.raises(TransientError):
        await replica.dispatcher.handle(batch)
    assert await rows(database, "SELECT 1 FROM probes") == []
    assert await rows(database, "SELECT 1 FROM inbox") == []
    await replica.dispatcher.handle(batch)
    assert [row.notes for row in await rows(database, "SELECT notes FROM probes")] == [list("0123")]


async def test_outcome_of_each_message_is_counted(replica: Replica) -> None:
    twice = message(customer_wrote(new_contact()))
    await replica.dispatcher.handle([twice, message(customer_wrote(new_contact(), POISON)), twice])
    counted = {
        outcome: replica.count_messages(outcome)
        for outcome in ("handled", "repeated", "dead_letter")
    }
    assert counted == {"handled": 1, "repeated": 1, "dead_letter": 1}


@pytest.mark.parametrize(
    ("error", "attempts"),
    # One in the batch that fails; then alone: a surprise three times, a permanent one once.
    [(ValueError("surprise"), 4), (PermanentError("never"), 2)],
)
async def test_unexpected_error_is_retried_before_the_dead_letter(
    database: Database[UnitOfWork], broker: Broker, error: Exception, attempts: int
) -> None:
    notes: list[str] = []

    async def failing(event: CustomerWrote, _uow: UnitOfWork) -> None:
        notes.append(event.excerpt)
        raise error

    replica = Replica(database, broker, HandlerRegistry[UnitOfWork]().on(CustomerWrote, failing))
    poison = message(customer_wrote(new_contact()))
    await replica.dispatcher.handle([poison])
    assert len(notes) == attempts
    await replica.dispatcher.handle([poison])
    assert len(notes) == attempts, "a dead letter is not handled again"
    assert len(await rows(database, "SELECT 1 FROM dead_letters")) == 1


async def test_published_events_record_the_causing_event(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    async def echo(event: CustomerWrote, uow: UnitOfWork) -> None:
        uow.outbox.add([event])

    replica = Replica(database, broker, HandlerRegistry[UnitOfWork]().on(CustomerWrote, echo))
    contact_id = new_contact()
    batch = [message(customer_wrote(contact_id)) for _ in range(2)]
    await replica.dispatcher.handle(batch)
    causes = await rows(database, "SELECT cause FROM published_events ORDER BY id")
    assert [row.cause for row in causes] == [event.event_id for event in batch]

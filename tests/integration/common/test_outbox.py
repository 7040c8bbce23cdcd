"""The outbox numbers events by topic and key, and orders those of a key over all topics."""

import asyncio
from datetime import UTC, datetime

import pytest

from common.contracts.event import ContactEvent, ContactId, PersonEvent, PersonId
from common.core.errors import is_transient
from common.storage.connection import IntegrityError
from common.storage.database import Database, open_session
from common.storage.outbox import Outbox
from support.databases import rows, waits_for_lock
from support.outbox import append
from support.probe import UnitOfWork, new_contact
from support.waiting import until

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class RunStarted(ContactEvent):
    topic = "clocks"


class LadderStarted(ContactEvent):
    topic = "escalations"


class PersonJoined(PersonEvent):
    topic = "people"


def started(contact_id: ContactId) -> RunStarted:
    return RunStarted(contact_id=contact_id, occurred_at=AT)


def laddered(contact_id: ContactId) -> LadderStarted:
    return LadderStarted(contact_id=contact_id, occurred_at=AT)


def joined(person_id: str) -> PersonJoined:
    return PersonJoined(person_id=PersonId(person_id), occurred_at=AT)


async def test_events_are_numbered_by_topic_and_key(database: Database[UnitOfWork]) -> None:
    ada, bo = new_contact(), new_contact()
    for events in (
        [started(ada), laddered(ada), started(bo), started(ada), joined("rita")],
        [laddered(bo), started(ada), joined("rita"), laddered(ada), joined("sam@shop")],
    ):
        async with database.transaction() as uow:
            uow.outbox.add(events)
    numbered = await rows(
        database,
        "SELECT key, topic, sequence FROM outbox"
        " CROSS JOIN unnest(event_ids) WITH ORDINALITY AS listed(event_id, number)"
        " JOIN published_events USING (event_id) ORDER BY outbox.id, number",
    )
    assert [tuple(row) for row in numbered] == [
        (ada, "clocks", 1),
        (ada, "escalations", 1),
        (bo, "clocks", 1),
        (ada, "clocks", 2),
        ("rita", "people", 1),
        (bo, "escalations", 1),
        (ada, "clocks", 3),
        ("rita", "people", 2),
        (ada, "escalations", 2),
        ("sam@shop", "people", 1),
    ]
    assert numbered == await rows(
        database, "SELECT key, topic, sequence FROM published_events ORDER BY id"
    )


async def test_events_of_a_contact_keep_their_order_over_topics(
    database: Database[UnitOfWork],
) -> None:
    ada = new_contact()

    async def write(turn: int) -> None:
        async with database.transaction() as uow:
            uow.outbox.cause = str(turn)
            uow.outbox.add([started(ada), laddered(ada), started(ada)])

    await asyncio.gather(*map(write, range(8)))
    published = await rows(
        database,
        f"SELECT cause, topic, sequence FROM published_events WHERE key = '{ada}' ORDER BY id",
    )
    turns = [published[first : first + 3] for first in range(0, len(published), 3)]
    assert len({row.cause for row in published}) == len(turns) == 8
    for number, turn in enumerate(turns):
        assert len({row.cause for row in turn}) == 1
        assert [(row.topic, row.sequence) for row in turn] == [
            ("clocks", 2 * number + 1),
            ("escalations", number + 1),
            ("clocks", 2 * number + 2),
        ]


async def test_writer_that_did_not_wait_for_its_turn_is_retried(
    database: Database[UnitOfWork],
) -> None:
    """It has not locked what its event is about, and nothing is published twice under a number."""
    ada = new_contact()
    async with open_session(database.engine) as first, open_session(database.engine) as second:
        for connection in (first, second):
            await connection.begin()
        outboxes = [Outbox(connection, lock_keys=False) for connection in (first, second)]
        for outbox in outboxes:
            outbox.add([started(ada)])
        await append(outboxes[0])
        waiting = asyncio.ensure_future(append(outboxes[1]))
        await until(lambda: waits_for_lock(database))
        await first.commit()
        with pytest.raises(IntegrityError) as failure:
            await waiting
        await second.rollback()
    assert is_transient(failure.value)
    assert len(await rows(database, "SELECT 1 FROM published_events")) == 1

"""Retention: old rows are deleted in batches, and what is open or in use stays."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from msgspec import structs
from sqlalchemy import text

from common.contracts.event import ContactId
from common.core.metrics import Metrics
from common.service.retention import (
    INBOX,
    SHARED_RULES,
    Kept,
    Retention,
    RetentionWorker,
    Rule,
    published_events_rule,
)
from common.storage.database import Database
from common.storage.outbox import Outbox
from support.databases import async_engine, rows
from support.dead_letters import make_dead_letter
from support.outbox import append
from support.probe import (
    Replica,
    UnitOfWork,
    add_note,
    customer_wrote,
    new_contact,
    record_statements,
    run_workers,
)
from support.waiting import until

PROBES = Retention("probes", "touched_at", days=30)
PUBLISHED = published_events_rule("key NOT IN (SELECT CAST(contact_id AS text) FROM probes)")


async def apply(
    database: Database[UnitOfWork], *rules: Rule, days: int = 0, batch_rows: int = 1000
) -> Metrics:
    """Apply the rules once, `days` later."""
    metrics = Metrics()
    worker = RetentionWorker(database, metrics, rules, batch_rows=batch_rows, pause_s=0)
    database.clock.offset = timedelta(days=days)
    await worker.apply(asyncio.Event())
    database.clock.offset = timedelta(0)
    return metrics


def removed(metrics: Metrics, table: str) -> float:
    name = "upstairs_retention_removed_rows_total"
    return metrics.registry.get_sample_value(name, {"table": table}) or 0


async def touch(database: Database[UnitOfWork], *days_ago: float) -> None:
    """Make a probe for each of these days."""
    for days in days_ago:
        async with database.transaction() as uow:
            uow.now -= timedelta(days=days)
            await add_note(new_contact(), f"{days:g}", uow)


async def noted(database: Database[UnitOfWork]) -> list[str]:
    probes = await rows(database, "SELECT notes[1] AS text FROM probes ORDER BY touched_at")
    return [row.text for row in probes]


async def test_rows_past_their_age_are_deleted_and_counted(database: Database[UnitOfWork]) -> None:
    await touch(database, 31, 90, 29, 0, 30.1)
    metrics = await apply(database, PROBES)
    assert await noted(database) == ["29", "0"]
    assert removed(metrics, "probes") == 3


async def test_backlog_is_deleted_in_small_transactions(database: Database[UnitOfWork]) -> None:
    await touch(database, *range(40, 47))
    async with record_statements(database) as sent:
        metrics = await apply(database, PROBES, batch_rows=2)
    assert await noted(database) == []
    assert removed(metrics, "probes") == 7
    assert sum("DELETE FROM probes" in statement for statement in sent) == 4


async def test_rows_that_do_not_meet_the_condition_stay(database: Database[UnitOfWork]) -> None:
    await touch(database, 31, 32, 33)
    kept = Retention("probes", "touched_at", days=30, condition="notes[1] <> '32'")
    await apply(database, kept, batch_rows=1)
    assert await noted(database) == ["32"]


async def test_zero_days_keep_the_rows(database: Database[UnitOfWork]) -> None:
    await touch(database, 1000)
    await apply(database, Retention("probes", "touched_at", days=0), Kept("outbox", "a reason"))
    assert await noted(database) == ["1000"]


async def test_locked_rows_are_left_for_the_next_run(database: Database[UnitOfWork]) -> None:
    await touch(database, 31, 32)
    (locked, _) = await rows(database, "SELECT contact_id::text AS id FROM probes")
    async with database.transaction() as uow:
        await uow.probes.lock(locked.id)
        await apply(database, PROBES)
        assert len(await noted(database)) == 1
    await apply(database, PROBES)
    assert await noted(database) == []


async def test_two_replicas_do_not_delete_at_the_same_time(database: Database[UnitOfWork]) -> None:
    await touch(database, 31)
    async with database.transaction() as uow:
        await uow.connection.driver.execute("SELECT pg_advisory_xact_lock(lock_key('retention'))")
        await apply(database, PROBES)
        assert await noted(database) == ["31"]


async def sequences(database: Database[UnitOfWork]) -> dict[str, int]:
    sequences = await rows(
        database, "SELECT key, max(sequence) AS last FROM published_events GROUP BY key"
    )
    return {row.key: row.last for row in sequences}


async def publish(
    database: Database[UnitOfWork], *contacts: ContactId, days_ago: float = 0
) -> None:
    async with database.transaction() as uow:
        at = uow.now - timedelta(days=days_ago)
        uow.outbox.add(
            structs.replace(customer_wrote(contact), occurred_at=at) for contact in contacts
        )
        await uow.flush()
        if days_ago:
            await uow.connection.execute(_AGE)
        uow.outbox = Outbox(uow.connection)
    await empty_outbox(database)


# An id begins with the time when it was made.
_AGE = text("""
    WITH aged AS (
        UPDATE published_events SET event_id = first_event_id(CAST(at AS date))
        WHERE at < now() - interval '1 day' RETURNING event_id
    )
    UPDATE outbox SET event_ids = ARRAY(SELECT event_id FROM aged)
""")


async def empty_outbox(database: Database[UnitOfWork]) -> None:
    """Delete the rows, as the relay does when Kafka has them."""
    async with async_engine(database).begin() as connection:
        await connection.execute(text("DELETE FROM outbox"))


async def test_sequence_goes_with_the_last_published_event_of_its_key(
    database: Database[UnitOfWork],
) -> None:
    ended, going_on = new_contact(), new_contact()
    await publish(database, ended, going_on, ended, days_ago=500)
    await publish(database, going_on)
    metrics = await apply(database, PUBLISHED)
    assert await sequences(database) == {going_on: 2}
    assert removed(metrics, "published_events") == 3
    await publish(database, going_on, ended)
    assert await sequences(database) == {going_on: 3, ended: 1}


async def test_published_events_of_what_is_open_stay(database: Database[UnitOfWork]) -> None:
    contact = new_contact()
    async with database.transaction() as uow:
        await add_note(contact, "open", uow)
    await publish(database, contact, days_ago=500)
    await apply(database, PUBLISHED)
    assert await sequences(database) == {contact: 1}
    assert len(await rows(database, "SELECT 1 FROM published_events")) == 1


async def test_event_that_is_not_published_yet_stays(database: Database[UnitOfWork]) -> None:
    async with database.transaction() as uow:
        old = {"occurred_at": uow.now - timedelta(days=500)}
        uow.outbox.add([structs.replace(customer_wrote(new_contact()), **old)])
        await uow.flush()
        await uow.connection.execute(_AGE)
        uow.outbox = Outbox(uow.connection)
    await apply(database, PUBLISHED)
    assert len(await rows(database, "SELECT 1 FROM published_events")) == 1
    await empty_outbox(database)
    await apply(database, PUBLISHED)
    assert len(await rows(database, "SELECT 1 FROM published_events")) == 0


async def test_sequence_in_use_is_not_restarted(database: Database[UnitOfWork]) -> None:
    contact = new_contact()
    await publish(database, contact, days_ago=500)
    async with database.transaction() as uow:
        uow.outbox.add([customer_wrote(contact)])
        await append(uow.outbox)
        await apply(database, PUBLISHED)
        uow.outbox = type(uow.outbox)(uow.connection)
    assert await sequences(database) == {contact: 2}
    events = await rows(database, "SELECT sequence FROM published_events")
    assert [row.sequence for row in events] == [2]


async def test_closed_dead_letters_are_deleted_and_waiting_ones_stay(replica: Replica) -> None:
    closed, waiting = [(await make_dead_letter(replica))[0] for _ in range(2)]
    await replica.make_replay().discard(closed, "admin:ops", "nonsense")
    await apply(replica.database, *SHARED_RULES, days=29)
    assert len(await rows(replica.database, "SELECT 1 FROM dead_letters")) == 2
    await apply(replica.database, *SHARED_RULES, days=31)
    (left,) = await rows(replica.database, "SELECT id FROM dead_letters")
    assert left.id == waiting


async def test_worker_makes_the_inbox_partitions(database: Database[UnitOfWork]) -> None:
    async def partitions() -> Sequence[object]:
        return await rows(database, "SELECT 1 FROM pg_inherits WHERE inhparent = 'inbox'::regclass")

    async with run_workers(RetentionWorker(database, Metrics(), [INBOX])):
        await until(partitions, lambda names: len(names) == 9)

"""The inbox: an event that was handled is never handled again."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from common.core.ids import EventId, day_of, new_id
from common.storage.database import Database, begin
from common.storage.inbox import Inbox
from support.databases import rows, waits_for_lock
from support.probe import UnitOfWork
from support.waiting import until

TODAY = date(2026, 3, 2)
RETENTION = timedelta(days=10)


def made_on(day: date) -> EventId:
    """Return an id as if it were made in the midst of that day."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    version, rest = 7 << 76, uuid4().int & (1 << 64) - 1
    return EventId(str(UUID(int=int(noon.timestamp() * 1000) << 80 | version | rest)))


async def claim(database: Database[UnitOfWork], *ids: EventId) -> set[str]:
    async with database.transaction() as uow:
        return set(await uow.inbox.claim(ids))


async def keep(database: Database[UnitOfWork], today: date) -> list[str]:
    """Keep the partitions; return the days that have one, oldest first."""
    async with database.transaction() as uow:
        await Inbox(uow.connection).keep_partitions(today, RETENTION)
    records = await rows(
        database,
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits"
        " WHERE inhparent = 'inbox'::regclass ORDER BY 1",
    )
    return [row.name.removeprefix("inbox_") for row in records if row.name != "inbox_default"]


async def places(database: Database[UnitOfWork]) -> dict[str, str]:
    records = await rows(
        database, "SELECT event_id::text AS id, tableoid::regclass::text AS place FROM inbox"
    )
    return {row.id: row.place for row in records}


async def test_event_is_claimed_once_in_and_across_batches(
    database: Database[UnitOfWork],
) -> None:
    first, second, third = (EventId(new_id()) for _ in range(3))
    assert await claim(database, first, second, first) == {first, second}
    assert await claim(database, second, third) == {third}
    assert await claim(database, first, second, third) == set()
    assert await claim(database) == set()


async def test_claim_of_a_rolled_back_transaction_can_be_repeated(
    database: Database[UnitOfWork],
) -> None:
    event_id = EventId(new_id())
    async with begin(database.engine) as connection:
        assert await Inbox(connection).claim([event_id]) == {event_id}
        await connection.rollback()
    assert await claim(database, event_id) == {event_id}


async def test_concurrent_claims_share_no_event(database: Database[UnitOfWork]) -> None:
    """In opposite order, so that it also shows that they do not deadlock."""
    ids = [EventId(new_id()) for _ in range(50)]
    claims = await asyncio.gather(
        *(claim(database, *order) for _ in range(4) for order in (ids, ids[::-1]))
    )
    assert sorted(event_id for claimed in claims for event_id in claimed) == sorted(ids)


async def test_claim_waits_for_the_transaction_that_has_claimed(
    database: Database[UnitOfWork],
) -> None:
    """The one who waits gets it if the holder rolls back, and only then."""
    event_id = EventId(new_id())
    async with begin(database.engine) as holder:
        await Inbox(holder).claim([event_id])
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(claim(database, event_id))
            await until(lambda: waits_for_lock(database))
            assert not waiting.done()
            await holder.rollback()
        assert waiting.result() == {event_id}


async def test_partitions_are_kept_for_the_days_around(database: Database[UnitOfWork]) -> None:
    days = [f"{TODAY + timedelta(days=n):%Y%m%d}" for n in range(-1, 7)]
    assert await keep(database, TODAY) == days
    assert await keep(database, TODAY) == days
    event_id = made_on(TODAY)
    await claim(database, event_id)
    assert await places(database) == {event_id: "inbox_20260302"}


async def test_partitions_past_retention_are_dropped(database: Database[UnitOfWork]) -> None:
    await keep(database, TODAY)
    old, new = made_on(TODAY), made_on(TODAY + timedelta(days=1))
    await claim(database, old, new)
    last_day_of_old = TODAY + RETENTION
    assert f"{TODAY:%Y%m%d}" in await keep(database, last_day_of_old)
    assert await claim(database, old, new) == set()
    assert f"{TODAY:%Y%m%d}" not in await keep(database, last_day_of_old + timedelta(days=1))
    assert set(await places(database)) == {new}


async def test_event_out_of_range_goes_to_the_default_partition(
    database: Database[UnitOfWork],
) -> None:
    await keep(database, TODAY)
    ids = [made_on(TODAY - timedelta(days=30)), made_on(TODAY + timedelta(days=30))]
    assert await claim(database, *ids) == set(ids)
    assert await claim(database, *ids) == set()
    assert set((await places(database)).values()) == {"inbox_default"}


async def test_new_partition_takes_its_day_from_the_default_partition(
    database: Database[UnitOfWork],
) -> None:
    """A service that was down for long meets events before its partitions are made."""
    event_id = made_on(TODAY)
    await claim(database, event_id)
    await keep(database, TODAY)
    assert await places(database) == {event_id: "inbox_20260302"}
    assert await claim(database, event_id) == set()


async def test_day_is_read_from_the_id() -> None:
    assert day_of(made_on(TODAY)) == TODAY

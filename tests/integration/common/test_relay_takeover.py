"""Several replicas, as processes: one relays, and another goes on when that one dies or hangs."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from common.contracts.event import ContactId
from common.storage.database import Database
from devstack import Process
from support import running_service
from support.databases import Postgres, rows
from support.outbox import (
    add_events,
    assert_ordered,
    count_pending,
    fetch_lock_holders,
    read_arrivals,
    texts_of,
)
from support.probe import Broker, UnitOfWork, customer_wrote, new_contact
from support.waiting import until

WRITERS = 4
CONTACTS = 6


@asynccontextmanager
async def writing(database: Database[UnitOfWork]) -> AsyncIterator[set[str]]:
    """Commit events about a few contacts all the time; yields the texts of all so far."""
    contacts = [new_contact() for _ in range(CONTACTS)]
    committed: set[str] = set()

    async def write(chance: random.Random) -> None:
        while not done.is_set():
            event = customer_wrote(chance.choice(contacts), f"{chance.random()}")
            await add_events(database, event)
            committed.add(event.excerpt)

    done = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for seed in range(WRITERS):
            group.create_task(write(random.Random(seed)))
        try:
            yield committed
        finally:
            done.set()


async def write_and_see(database: Database[UnitOfWork], contact_id: ContactId, text: str) -> None:
    """Commit an event and wait until it has been carried away, behind all that others wrote."""
    await add_events(database, customer_wrote(contact_id, text))
    own = f"""
        SELECT 1 FROM published_events JOIN outbox ON event_id = ANY(event_ids)
        WHERE key = '{contact_id}'
    """
    await until(lambda: rows(database, own), lambda holders: not holders, within=60)


@pytest.mark.parametrize("strike", [Process.kill, Process.pause], ids=["killed", "stopped"])
async def test_takeover_keeps_the_order_and_loses_nothing(
    postgres: Postgres,
    database: Database[UnitOfWork],
    probe_url: str,
    broker: Broker,
    tmp_path: Path,
    strike: Callable[[Process], None],
) -> None:
    subject = new_contact()
    async with AsyncExitStack() as stack:
        active = await stack.enter_async_context(
            running_service.run_process(probe_url, broker, tmp_path / "active.log")
        )
        (session,) = await until(lambda: fetch_lock_holders(postgres, database))
        await stack.enter_async_context(
            running_service.run_process(probe_url, broker, tmp_path / "standby.log")
        )
        async with writing(database) as committed:
            await write_and_see(database, subject, "before")
            assert await fetch_lock_holders(postgres, database) == [session]
            strike(active)
            await write_and_see(database, subject, "after")
        (successor,) = await fetch_lock_holders(postgres, database)
        assert successor != session
        # One that was only stopped comes to itself, with records in hand and its lock gone.
        active.resume()
        await write_and_see(database, subject, "last")
        await until(lambda: count_pending(database), lambda count: count == 0, within=60)
        assert await fetch_lock_holders(postgres, database) == [successor]
    events = await read_arrivals(broker)
    assert_ordered(events)
    assert texts_of(events) == committed | {"before", "after", "last"}

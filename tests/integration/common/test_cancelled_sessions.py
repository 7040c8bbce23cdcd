"""Transactions that are cancelled at any point, and sessions that are lost, leave a whole pool."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import insert, text

from common.core.errors import is_transient
from common.storage.database import Database
from support import probe
from support.databases import rows
from support.probe import UnitOfWork, new_contact
from support.tcp_proxy import TcpProxy
from support.waiting import until

PROBES = probe.table
SESSIONS = 3
# More than there are sessions, so that most of them are cancelled while they wait for one.
TASKS = 8
ROUNDS = 100
# An answer of the server comes so much later, so that a task can be cancelled before it.
LATENCY_S = 0.002


@pytest.fixture
async def small(proxy: TcpProxy, probe_url: str) -> AsyncIterator[Database[UnitOfWork]]:
    async with probe.open_database(proxy.url(probe_url), pool_size=SESSIONS) as opened:
        yield opened


class Transactions:
    """Writes a row in a transaction, and counts what it finds of other transactions."""

    def __init__(self, database: Database[UnitOfWork]) -> None:
        self.database = database
        self.begun: set[str] = set()
        self.committed: set[str] = set()
        self.found_of_others = 0
        self._in_use: set[int] = set()

    async def write(self) -> None:
        contact_id = new_contact()
        async with self.database.transaction() as uow:
            query = text(
                "SELECT pg_backend_pid(), pg_current_xact_id_if_assigned() IS NOT NULL,"
                " current_setting('upstairs.mark', true)"
            )
            pid, has_written, left = (await uow.connection.execute(query)).single()
            self.found_of_others += pid in self._in_use or has_written or bool(left)
            self._in_use.add(pid)
            self.begun.add(contact_id)
            try:
                await uow.connection.execute(text("SET LOCAL upstairs.mark = 'yes'"))
                values = {"contact_id": contact_id, "notes": [], "touched_at": uow.now}
                await uow.connection.execute(insert(PROBES), values)
            finally:
                self._in_use.discard(pid)
        self.committed.add(contact_id)


async def disturb(transactions: Transactions, chance: random.Random) -> None:
    """Begin many transactions, and cancel most of them after a random time."""
    tasks = [asyncio.ensure_future(transactions.write()) for _ in range(TASKS)]
    loop = asyncio.get_running_loop()
    for task in tasks:
        if chance.random() < 0.8:
            loop.call_later(chance.uniform(0, 40 * LATENCY_S), task.cancel)
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        is_expected = (
            result is None or isinstance(result, asyncio.CancelledError) or is_transient(result)
        )
        assert is_expected, repr(result)


async def all_sessions_are_free(database: Database[UnitOfWork]) -> None:
    together = asyncio.Barrier(SESSIONS)

    async def hold() -> None:
        async with database.transaction():
            await together.wait()

    async with asyncio.timeout(30):
        await asyncio.gather(*(hold() for _ in range(SESSIONS)))


async def sessions(database: Database[Any], condition: str = "true") -> list[str]:
    query = (
        "SELECT state FROM pg_stat_activity WHERE datname = current_database()"
        f" AND application_name LIKE 'upstairs-%' AND pid <> pg_backend_pid() AND {condition}"
    )
    return [row[0] for row in await rows(database, query)]


@pytest.mark.parametrize("loses_sessions", [False, True], ids=["cancelled", "and sessions lost"])
async def test_cancelled_transactions_leave_a_whole_pool(
    small: Database[UnitOfWork],
    database: Database[UnitOfWork],
    proxy: TcpProxy,
    *,
    loses_sessions: bool,
) -> None:
    proxy.latency = LATENCY_S
    chance = random.Random(7)
    transactions = Transactions(small)
    for number in range(ROUNDS):
        if loses_sessions and number % 4 == 0:
            asyncio.get_running_loop().call_later(chance.uniform(0, 0.03), proxy.cut)
        await disturb(transactions, chance)
    proxy.latency = 0.0
    if loses_sessions:
        with suppress(Exception):
            await transactions.write()
    await all_sessions_are_free(small)
    assert transactions.found_of_others == 0
    written = {
        row.contact_id for row in await rows(database, "SELECT contact_id::text FROM probes")
    }
    assert transactions.committed <= written <= transactions.begun
    # What was cancelled is ended at the server too, and no session is left without an owner.
    await until(lambda: sessions(database), lambda own: len(own) <= SESSIONS + 1)
    assert not await sessions(database, "state LIKE 'idle in transaction%'")

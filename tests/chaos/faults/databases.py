"""Faults of PostgreSQL, of the network to it, and of other sessions in it."""

import asyncio
import errno
import os
import signal
from contextlib import suppress
from pathlib import Path

from asyncpg import DeadlockDetectedError

from chaos.context import Context, SkippedFaultError
from chaos.faults.registry import fault
from common.core.ids import new_id
from support.waiting import until

LOCKED_TABLES = (
    ("intake", "contacts"),
    ("router", "assignments"),
    ("escalation", "tracked_contacts"),
)


@fault("database")
async def postgres_stops_at_once(context: Context) -> None:
    """An immediate shutdown: nothing more is written after what is in the write-ahead log."""
    process = context.postgres.process
    os.kill(process.pid, signal.SIGQUIT)
    await until(lambda: not process.running, within=context.patience_s)
    context.postgres.launch()
    await asyncio.to_thread(context.postgres.wait_ready)


@fault("database")
async def postgres_crashes(context: Context) -> None:
    context.postgres.kill()
    await asyncio.sleep(context.random.uniform(0, 4))
    context.postgres.launch()
    await asyncio.to_thread(context.postgres.wait_ready)


@fault("database")
async def postgres_is_cut_off(context: Context) -> None:
    await context.proxies.stop("postgres")
    try:
        await asyncio.sleep(context.random.uniform(3, 6))
    finally:
        await context.proxies.start("postgres")


@fault("database")
async def postgres_falls_silent(context: Context) -> None:
    await context.proxies.pause("postgres")
    try:
        await asyncio.sleep(context.random.uniform(3, 6))
    finally:
        await context.proxies.resume("postgres")


@fault("database")
async def commits_are_not_confirmed(context: Context) -> None:
    """The server executes every statement, and its answers are lost."""
    await context.proxies.drop_answers("postgres")
    try:
        await asyncio.sleep(context.random.uniform(0.2, 1))
    finally:
        await context.proxies.keep_answers("postgres")


@fault("sessions")
async def sessions_are_terminated(context: Context) -> None:
    terminated = 0
    async with context.admin() as connection:
        for _ in range(20):
            terminated += await connection.fetchval(_TERMINATE, context.random.randint(1, 4))
            await asyncio.sleep(context.random.uniform(0.05, 0.4))
    context.note(f"{terminated} sessions")


@fault("locks")
async def writer_idles_in_its_transaction(context: Context) -> None:
    contacts = context.live_contacts(20)
    async with context.admin() as connection, connection.transaction():
        for schema, table in LOCKED_TABLES:
            await connection.execute(_LOCK.format(schema=schema, table=table), contacts)
        await asyncio.sleep(5)


@fault("locks")
async def snapshot_stays_open(context: Context) -> None:
    """Rows that are deleted meanwhile cannot be vacuumed."""
    async with context.admin() as connection, connection.transaction(isolation="repeatable_read"):
        await connection.fetchval("SELECT count(*) FROM intake.outbox")
        await asyncio.sleep(8)


@fault("locks")
async def rival_locks_in_the_opposite_order(context: Context) -> None:
    """Services lock the oldest row of a batch first; the rival locks the newest first."""
    before = await _deadlocks(context)
    contacts = context.live_contacts(40)
    blocked, older, newer = contacts[:10], *_halves(sorted(contacts[10:]))
    async with context.admin() as blocker, context.admin() as rival:
        # PostgreSQL aborts the session that looks for a deadlock first: here, the service's.
        await rival.execute("SET deadlock_timeout = '8s'")
        async with rival.transaction():
            async with blocker.transaction():
                await blocker.execute(_LOCK_TRACKED_CONTACTS, blocked)
                await rival.execute(_LOCK_TRACKED_CONTACTS, newer)
                # The messages that arrive while the first of them waits become one large batch.
                await _write_to(context, blocked + older + newer)
                await asyncio.sleep(1)
            await asyncio.sleep(0.5)
            with suppress(DeadlockDetectedError):
                await rival.execute(_LOCK_TRACKED_CONTACTS, older)
    context.note(f"{await _deadlocks(context) - before} deadlocks")


def _halves(contacts: list[str]) -> tuple[list[str], list[str]]:
    half = len(contacts) // 2
    return contacts[:half], contacts[half:]


async def _write_to(context: Context, contacts: list[str]) -> None:
    body = {"author": "representative", "text": "We are on it."}
    clients = context.under_test.clients
    async with asyncio.TaskGroup() as group:
        for contact in contacts:
            path = f"/contacts/{contact}/messages"
            group.create_task(clients.call("sara", "intake", "POST", path, body, new_id()))


async def _deadlocks(context: Context) -> int:
    async with context.admin() as connection:
        return int(await connection.fetchval(_DEADLOCKS))


@fault("locks")
async def transactions_fail_to_serialize(context: Context) -> None:
    """New sessions use repeatable read: a transaction that meets another writer fails."""
    name = context.under_test.system.namespace
    setting = f"ALTER DATABASE {name} {{}} default_transaction_isolation"
    async with context.admin() as connection:
        await connection.execute(setting.format("SET") + " = 'repeatable read'")
        await connection.fetchval(_TERMINATE, 1000)
        await asyncio.sleep(5)
        await connection.execute(setting.format("RESET"))
        await connection.fetchval(_TERMINATE, 1000)


@fault("disk")
async def disk_is_full(context: Context) -> None:
    if isinstance(context.disk, str):
        raise SkippedFaultError(context.disk)
    filler = context.disk / "filler"
    try:
        await asyncio.to_thread(_fill, filler)
        await asyncio.sleep(5)
    finally:
        filler.unlink()
        if not context.postgres.process.running:
            context.postgres.launch()
        await asyncio.to_thread(context.postgres.wait_ready)


def _fill(filler: Path) -> None:
    chunk = bytes(2**20)
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(chunk)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


_TERMINATE = """
    SELECT count(pg_terminate_backend(pid)) FROM (
        SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND usename LIKE 'upstairs%'
        ORDER BY random() LIMIT $1
    ) AS chosen
"""
_LOCK = """
    SELECT 1 FROM {schema}.{table} WHERE contact_id = ANY($1::uuid[])
    ORDER BY contact_id DESC FOR UPDATE
"""
_LOCK_TRACKED_CONTACTS = _LOCK.format(schema="escalation", table="tracked_contacts")
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"

"""What becomes of PostgreSQL, of the way to it, and of what others do in it."""

import asyncio
import errno
import os
import signal
from contextlib import suppress
from pathlib import Path

from asyncpg import DeadlockDetectedError

from chaos.faults.catalogue import fault
from chaos.scene import Scene, SkippedFault
from common.core.ids import new_id
from support.waiting import until

ROWS = (
    ("intake", "contacts"),
    ("router", "assignments"),
    ("escalation", "tracked_contacts"),
)


@fault("database")
async def postgres_stops_at_once(scene: Scene) -> None:
    """An immediate shutdown: nothing is written that is not in the log already."""
    process = scene.postgres.process
    os.kill(process.pid, signal.SIGQUIT)
    await until(lambda: process.running, lambda running: not running)
    scene.postgres.launch()
    await asyncio.to_thread(scene.postgres.wait_ready)


@fault("database")
async def postgres_crashes(scene: Scene) -> None:
    scene.postgres.kill()
    await asyncio.sleep(scene.random.uniform(0, 4))
    scene.postgres.launch()
    await asyncio.to_thread(scene.postgres.wait_ready)


@fault("database")
async def postgres_is_cut_off(scene: Scene) -> None:
    await scene.gates.shut("postgres")
    try:
        await asyncio.sleep(scene.random.uniform(3, 6))
    finally:
        await scene.gates.open("postgres")


@fault("database")
async def postgres_falls_silent(scene: Scene) -> None:
    await scene.gates.pause("postgres")
    try:
        await asyncio.sleep(scene.random.uniform(3, 6))
    finally:
        await scene.gates.resume("postgres")


@fault("database")
async def commits_are_not_confirmed(scene: Scene) -> None:
    """The server does all that it is asked, and nobody hears so."""
    await scene.gates.drop_answers("postgres")
    try:
        await asyncio.sleep(scene.random.uniform(0.2, 1))
    finally:
        await scene.gates.keep_answers("postgres")


@fault("sessions")
async def sessions_are_terminated(scene: Scene) -> None:
    ended = 0
    async with scene.admin() as connection:
        for _ in range(20):
            ended += await connection.fetchval(_TERMINATE, scene.random.randint(1, 4))
            await asyncio.sleep(scene.random.uniform(0.05, 0.4))
    scene.say(f"{ended} sessions")


@fault("locks")
async def writer_idles_in_its_transaction(scene: Scene) -> None:
    contacts = scene.live_contacts(20)
    async with scene.admin() as connection, connection.transaction():
        for schema, table in ROWS:
            await connection.execute(_LOCK.format(schema=schema, table=table), contacts)
        await asyncio.sleep(5)


@fault("locks")
async def snapshot_is_held(scene: Scene) -> None:
    """Nothing that is deleted meanwhile can be cleaned up."""
    async with scene.admin() as connection, connection.transaction(isolation="repeatable_read"):
        await connection.fetchval("SELECT count(*) FROM intake.outbox")
        await asyncio.sleep(8)


@fault("locks")
async def rival_locks_in_the_opposite_order(scene: Scene) -> None:
    """Services lock the oldest of a batch first, the rival does the newest."""
    before = await _deadlocks(scene)
    contacts = scene.live_contacts(40)
    stoppers, older, newer = contacts[:10], *_halves(sorted(contacts[10:]))
    async with scene.admin() as stopper, scene.admin() as rival:
        # Whoever looks first is the one that is ended: let that be the service.
        await rival.execute("SET deadlock_timeout = '8s'")
        async with rival.transaction():
            async with stopper.transaction():
                await stopper.execute(_WATCHES, stoppers)
                await rival.execute(_WATCHES, newer)
                # What comes while the first of it must wait makes one large batch.
                await _hear_of(scene, stoppers + older + newer)
                await asyncio.sleep(1)
            await asyncio.sleep(0.5)
            with suppress(DeadlockDetectedError):
                await rival.execute(_WATCHES, older)
    scene.say(f"{await _deadlocks(scene) - before} deadlocks")


def _halves(contacts: list[str]) -> tuple[list[str], list[str]]:
    half = len(contacts) // 2
    return contacts[:half], contacts[half:]


async def _hear_of(scene: Scene, contacts: list[str]) -> None:
    body = {"author": "representative", "text": "We are on it."}
    callers = scene.world.callers
    async with asyncio.TaskGroup() as group:
        for contact in contacts:
            path = f"/contacts/{contact}/messages"
            group.create_task(callers.call("rita", "intake", "POST", path, body, new_id()))


async def _deadlocks(scene: Scene) -> int:
    async with scene.admin() as connection:
        return int(await connection.fetchval(_DEADLOCKS))


@fault("locks")
async def transactions_fail_to_serialize(scene: Scene) -> None:
    """All new sessions work in snapshots: who meets another writer has to begin again."""
    name = scene.world.system.namespace
    setting = f"ALTER DATABASE {name} {{}} default_transaction_isolation"
    async with scene.admin() as connection:
        await connection.execute(setting.format("SET") + " = 'repeatable read'")
        await connection.fetchval(_TERMINATE, 1000)
        await asyncio.sleep(5)
        await connection.execute(setting.format("RESET"))
        await connection.fetchval(_TERMINATE, 1000)


@fault("disk")
async def disk_is_full(scene: Scene) -> None:
    if isinstance(scene.disk, str):
        raise SkippedFault(scene.disk)
    filler = scene.disk / "filler"
    try:
        await asyncio.to_thread(_fill, filler)
        await asyncio.sleep(5)
    finally:
        filler.unlink()
        if not scene.postgres.process.running:
            scene.postgres.launch()
        await asyncio.to_thread(scene.postgres.wait_ready)


def _fill(filler: Path) -> None:
    piece = bytes(2**20)
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(piece)
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
_WATCHES = _LOCK.format(schema="escalation", table="tracked_contacts")
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"

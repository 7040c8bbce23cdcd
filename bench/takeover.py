"""Time until another replica's relay takes over when the active one dies or hangs."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp

import asyncpg

import devstack
from bench import sample
from bench.databases import SampleDatabase, sample_database
from bench.outbox import commit_event, record_arrivals
from bench.summary import Figures
from bench.waiting import WaitTimeoutError, wait_until
from common.core.clock import monotonic
from common.storage.database import Database
from stage.system import REPOSITORY

POLL_S = 0.01
TIMEOUT_S = 30


async def seconds(stack: devstack.Stack) -> Figures:
    kill: Callable[[devstack.Process], None] = devstack.Process.kill
    stop: Callable[[devstack.Process], None] = devstack.Process.pause
    return {
        f"relay_takeover_seconds_{name}": await _seconds(stack, fail_process)
        for name, fail_process in (("kill", kill), ("stop", stop))
    }


async def _seconds(
    stack: devstack.Stack, fail_process: Callable[[devstack.Process], None]
) -> float:
    """Return the time from the failure until a consumer has an event committed after it."""
    async with AsyncExitStack() as resources:
        sample_db = await resources.enter_async_context(sample_database(stack))
        database = await resources.enter_async_context(
            sample.open_database(sample_db.url, sample.UnitOfWork)
        )
        active = await resources.enter_async_context(_replica(sample_db, "first"))
        await _wait_for_relay_lock(sample_db)
        await resources.enter_async_context(_replica(sample_db, "second"))
        arrived_at = await resources.enter_async_context(record_arrivals(sample_db))
        before = (await commit_event(database)).encode()
        await wait_until(lambda: before in arrived_at, TIMEOUT_S)
        fail_process(active)
        return await _seconds_until_next_event(database, arrived_at)


async def _seconds_until_next_event(
    database: Database[sample.UnitOfWork], arrived_at: dict[bytes, float]
) -> float:
    begun = monotonic()
    committed: set[bytes] = set()
    while not committed & arrived_at.keys():
        if monotonic() - begun > TIMEOUT_S:
            message = f"no replica took over within {TIMEOUT_S} s"
            raise WaitTimeoutError(message)
        committed.add((await commit_event(database)).encode())
        await asyncio.sleep(POLL_S)
    return min(arrived_at[key] for key in committed & arrived_at.keys()) - begun


@asynccontextmanager
async def _replica(sample_db: SampleDatabase, name: str) -> AsyncIterator[devstack.Process]:
    port, operations_port = devstack.free_port(), devstack.free_port()
    process = devstack.Process(
        name=name,
        argv=(sys.executable, "-m", "bench.sample"),
        env={
            "PYTHONPATH": str(REPOSITORY),
            "UPSTAIRS_DATABASE_URL": sample_db.url,
            "UPSTAIRS_KAFKA_BOOTSTRAP": sample_db.kafka_bootstrap,
            "UPSTAIRS_NAMESPACE": sample_db.namespace,
            "UPSTAIRS_HTTP_PORT": str(port),
            "UPSTAIRS_OPERATIONS_PORT": str(operations_port),
            "UPSTAIRS_LOG_LEVEL": "warning",
        },
        log_path=Path(mkdtemp(prefix="upstairs-bench-")) / f"{name}.log",
        ready_url=f"http://127.0.0.1:{operations_port}/readyz",
    )
    process.start()
    try:
        await process.wait_ready()
        yield process
    finally:
        process.stop()


async def _wait_for_relay_lock(sample_db: SampleDatabase) -> None:
    """Wait until a relay holds its lock, so that the next replica has to stand by."""
    connection = await asyncpg.connect(sample_db.admin_dsn)
    async with asyncio.timeout(TIMEOUT_S):
        while not await connection.fetchval(_COUNT_LOCKS):  # noqa: ASYNC110 - it is in a database
            await asyncio.sleep(POLL_S)
    await connection.close()


_COUNT_LOCKS = """
    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

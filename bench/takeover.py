"""How long until another replica's relay goes on when the active one dies, or hangs."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp

import asyncpg

import devstack
from bench import sample
from bench.databases import Workshop, workshop
from bench.outbox import append, arrivals
from bench.summary import Figures
from bench.waiting import StuckError, until
from common.clock import elapsed
from common.database import Database
from stage.system import REPOSITORY

EVERY = 0.01
PATIENCE_S = 30


async def seconds(stack: devstack.Stack) -> Figures:
    kill: Callable[[devstack.Process], None] = devstack.Process.kill
    stop: Callable[[devstack.Process], None] = devstack.Process.pause
    return {
        f"relay_takeover_seconds_{name}": await _seconds(stack, strike)
        for name, strike in (("kill", kill), ("stop", stop))
    }


async def _seconds(stack: devstack.Stack, strike: Callable[[devstack.Process], None]) -> float:
    """From the blow until a consumer has an event that was committed after it."""
    async with AsyncExitStack() as held:
        made = await held.enter_async_context(workshop(stack))
        database = await held.enter_async_context(sample.opened(made.url, sample.UnitOfWork))
        active = await held.enter_async_context(_replica(made, "first"))
        await _held(made)
        await held.enter_async_context(_replica(made, "second"))
        arrived = await held.enter_async_context(arrivals(made))
        before = (await append(database)).encode()
        await until(lambda: before in arrived, PATIENCE_S)
        strike(active)
        return await _until_next(database, arrived)


async def _until_next(database: Database[sample.UnitOfWork], arrived: dict[bytes, float]) -> float:
    begun = elapsed()
    since: set[bytes] = set()
    while not since & arrived.keys():
        if elapsed() - begun > PATIENCE_S:
            message = f"nobody took over within {PATIENCE_S} s"
            raise StuckError(message)
        since.add((await append(database)).encode())
        await asyncio.sleep(EVERY)
    return min(arrived[key] for key in since & arrived.keys()) - begun


@asynccontextmanager
async def _replica(made: Workshop, name: str) -> AsyncIterator[devstack.Process]:
    port = devstack.free_port()
    process = devstack.Process(
        name=name,
        argv=(sys.executable, "-m", "bench.sample"),
        env={
            "PYTHONPATH": str(REPOSITORY),
            "UPSTAIRS_DATABASE_URL": made.url,
            "UPSTAIRS_KAFKA_BOOTSTRAP": made.kafka_bootstrap,
            "UPSTAIRS_NAMESPACE": made.namespace,
            "UPSTAIRS_HTTP_PORT": str(port),
            "UPSTAIRS_LOG_LEVEL": "warning",
        },
        log_path=Path(mkdtemp(prefix="upstairs-bench-")) / f"{name}.log",
        ready_url=f"http://127.0.0.1:{port}/readyz",
    )
    process.start()
    try:
        await process.wait_ready()
        yield process
    finally:
        process.stop()


async def _held(made: Workshop) -> None:
    """Wait until the relay lock is, so that the next replica has to stand by."""
    connection = await asyncpg.connect(made.admin_dsn)
    async with asyncio.timeout(PATIENCE_S):
        while not await connection.fetchval(_HELD):  # noqa: ASYNC110 - it is in a database
            await asyncio.sleep(EVERY)
    await connection.close()


_HELD = """
    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

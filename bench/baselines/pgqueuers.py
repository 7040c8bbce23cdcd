"""pgqueuer: a connection for each manager, in batches of 100, with its vacuum settings.

Its documentation uses one manager per process, its own benchmark five; the faster one counts.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from bench import sample
from bench.summary import Figures, quantiles_ms
from bench.waiting import wait_until
from common.contracts.decoding import from_json
from common.core.clock import TimeSource, monotonic

Handler = Callable[[Job], Awaitable[None]]

ENTRYPOINT = "job"
MANAGERS = (1, 5)
BATCH = 100


async def drain(dsn: str, jobs: int) -> Figures:
    """Run jobs that do nothing."""

    async def nothing(_job: Job) -> None:
        """Do nothing."""

    async with connected(dsn) as queries:
        rates = [
            await _rate(dsn, queries, [None] * (jobs // len(MANAGERS)), nothing, managers)
            for managers in MANAGERS
        ]
    return {"timer_drain_pgqueuer_jobs": jobs, "timer_drain_pgqueuer_per_s": max(rates)}


async def drain_at_work(dsn: str, url: str) -> Figures:
    """Run the sample's timers and handler, with one transaction per job."""
    async with connected(dsn) as queries, sample.open_database(url, sample.UnitOfWork) as database:

        async def come_due(job: Job) -> None:
            timer = from_json(sample.DeadlineDue, job.payload or b"")
            async with database.transaction() as uow:
                await sample.breach(timer, uow)

        rows = await queries.driver.fetch("SELECT CAST(data AS text) AS data FROM sample.timers")
        payloads = [str(row["data"]).encode() for row in rows]
        rate = await _rate(dsn, queries, payloads, come_due, 1)
    return {"timer_drain_pgqueuer_at_work_per_s": rate}


async def _rate(
    dsn: str,
    queries: Queries,
    payloads: Sequence[bytes | None],
    handler: Handler,
    managers: int,
) -> float:
    """Return jobs per second until the last job is handled."""
    handled = 0

    async def count(job: Job) -> None:
        nonlocal handled
        await handler(job)
        handled += 1

    await _enqueue(queries, payloads, [timedelta(0)] * len(payloads))
    await queries.driver.execute("VACUUM ANALYZE pgqueuer")
    begun = monotonic()
    async with working(dsn, count, managers):
        await wait_until(lambda: handled >= len(payloads))
        return len(payloads) / (monotonic() - begun)


async def lateness(dsn: str, waits: list[timedelta]) -> Figures:
    """Return how long after a job was due its handler began."""
    late: list[float] = []
    clock = TimeSource()

    async def note(job: Job) -> None:
        late.append((clock.utc_now() - job.execute_after).total_seconds())

    async with connected(dsn) as queries, working(dsn, note, 1):
        await _enqueue(queries, [None] * len(waits), waits)
        await wait_until(lambda: len(late) == len(waits))
    return quantiles_ms("timer_lateness_pgqueuer", late)


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Queries]:
    connection = await asyncpg.connect(dsn)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    await queries.optimize_autovacuum()
    try:
        yield queries
    finally:
        await connection.close()


@asynccontextmanager
async def working(dsn: str, handler: Handler, managers: int) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        workers: list[PgQueuer] = []
        for _ in range(managers):
            connection = await asyncpg.connect(dsn)
            stack.push_async_callback(connection.close)
            worker = PgQueuer(AsyncpgDriver(connection))
            worker.entrypoint(ENTRYPOINT)(handler)
            workers.append(worker)
        async with asyncio.TaskGroup() as group:
            for worker in workers:
                group.create_task(worker.run(batch_size=BATCH))
            yield
            for worker in workers:
                worker.shutdown.set()


async def _enqueue(
    queries: Queries, payloads: Sequence[bytes | None], waits: Sequence[timedelta]
) -> None:
    count = len(payloads)
    await queries.enqueue([ENTRYPOINT] * count, [*payloads], [0] * count, execute_after=[*waits])

"""procrastinate: with its defaults, and as documented for many short asynchronous jobs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from procrastinate import App, JobContext, PsycopgConnector

from bench.summary import Figures, quantiles_ms
from bench.waiting import wait_until
from common.core.clock import TimeSource, monotonic

CONCURRENCY = 20
POOL = 10


async def drain(dsn: str, jobs: int) -> Figures:
    """Run jobs that do nothing with both settings, half each; the faster one counts."""
    rates = [await _rate(dsn, jobs // 2, concurrency) for concurrency in (1, CONCURRENCY)]
    return {
        "timer_drain_procrastinate_jobs": jobs,
        "timer_drain_procrastinate_default_per_s": rates[0],
        "timer_drain_procrastinate_per_s": max(rates),
    }


async def _rate(dsn: str, jobs: int, concurrency: int) -> float:
    async with opened(dsn) as app:

        @app.task(name="nothing")
        async def nothing() -> None:
            """Do nothing."""

        await nothing.batch_defer_async(*({} for _ in range(jobs)))
        await app.connector.execute_query_async("ANALYZE procrastinate_jobs")
        begun = monotonic()
        await app.run_worker_async(
            wait=False, concurrency=concurrency, install_signal_handlers=False
        )
        return jobs / (monotonic() - begun)


async def lateness(dsn: str, waits: list[timedelta]) -> Figures:
    """Return how long after its due time each task began; by default a worker polls every 5 s."""
    late: list[float] = []
    clock = TimeSource()
    async with opened(dsn) as app:

        @app.task(name="note", pass_context=True)
        async def note(context: JobContext) -> None:
            late.append(_lateness(context.job.scheduled_at, clock.utc_now()))

        worker = asyncio.ensure_future(
            app.run_worker_async(concurrency=CONCURRENCY, install_signal_handlers=False)
        )
        now = clock.utc_now()
        for wait in waits:
            await note.configure(schedule_at=now + wait).defer_async()
        await wait_until(lambda: len(late) == len(waits))
        worker.cancel()
        await asyncio.wait([worker])
    return quantiles_ms("timer_lateness_procrastinate", late)


def _lateness(due_at: datetime | None, now: datetime) -> float:
    assert due_at is not None
    return (now - due_at).total_seconds()


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[App]:
    app = App(connector=PsycopgConnector(conninfo=dsn, min_size=POOL, max_size=POOL))
    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        yield app

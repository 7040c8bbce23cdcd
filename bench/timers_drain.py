"""Throughput of a backlog of due timers, compared with two job queues.

Our handler locks, saves and publishes; their jobs do nothing, so the comparison favours them.
`bare` is our loop with an empty handler, `at_work` is pgqueuer with our handler. Each run has its
own process and database, one after the other.
"""

from typing import TypeVar

import asyncpg

import devstack
from bench import sample
from bench.baselines import pgqueuers, procrastinates
from bench.databases import SampleDatabase, empty_database, sample_database
from bench.isolated import run_isolated
from bench.summary import Figures
from bench.waiting import wait_until
from common.core.clock import monotonic
from common.messaging.subscriptions import HandlerRegistry
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)

_FILL = sample.fill_statement("clock_timestamp() - random() * interval '1 hour'")


async def drain(stack: devstack.Stack, timers: int, easy_jobs: int, slow_jobs: int) -> Figures:
    """Drain `timers` of ours, `easy_jobs` of pgqueuer and `slow_jobs` of procrastinate."""
    figures: Figures = {"timer_drain_timers": timers}
    for name, bare in (("timer_drain", False), ("timer_drain_bare", True)):
        async with sample_database(stack) as sample_db:
            await _fill(sample_db, timers)
            ours = await run_isolated(_ours, sample_db, timers, bare=bare)
        rate = float(ours.figures["per_s"])
        figures[f"{name}_per_s"] = rate
        figures[f"{name}_process_cpu_percent"] = 100 * ours.cpu_seconds * rate / timers
    async with empty_database(stack) as dsn:
        figures |= (await run_isolated(pgqueuers.drain, dsn, easy_jobs)).figures
    async with sample_database(stack) as sample_db:
        await _fill(sample_db, slow_jobs)
        figures |= (
            await run_isolated(pgqueuers.drain_at_work, sample_db.admin_dsn, sample_db.url)
        ).figures
    async with empty_database(stack) as dsn:
        figures |= (await run_isolated(procrastinates.drain, dsn, slow_jobs)).figures
    baselines = ("pgqueuer", "pgqueuer_at_work", "procrastinate")
    ours_per_s = float(figures["timer_drain_per_s"])
    return figures | {
        f"timer_drain_over_{baseline}": ours_per_s / float(figures[f"timer_drain_{baseline}_per_s"])
        for baseline in baselines
    }


async def _fill(sample_db: SampleDatabase, timers: int) -> None:
    connection = await asyncpg.connect(sample_db.owner_dsn)
    await connection.execute(_FILL, timers)
    await connection.execute("VACUUM ANALYZE timers, cases")
    await connection.close()


async def _ours(sample_db: SampleDatabase, timers: int, *, bare: bool) -> Figures:
    if bare:
        return await _per_s(sample_db, timers, UnitOfWork, sample.BARE_SUBSCRIPTIONS)
    return await _per_s(sample_db, timers, sample.UnitOfWork, sample.SUBSCRIPTIONS)


async def _per_s(
    sample_db: SampleDatabase, timers: int, unit_of_work: type[U], subscriptions: HandlerRegistry[U]
) -> Figures:
    async with sample.open_database(sample_db.url, unit_of_work) as database:
        begun = monotonic()
        async with sample.run_timer_loop(database, subscriptions) as fired:
            await wait_until(lambda: fired() >= timers)
            return {"per_s": timers / (monotonic() - begun)}

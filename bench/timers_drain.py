"""How fast a backlog of due timers is worked off, beside the job queues that others use.

Ours does its work: the sample's handler locks, saves and publishes. Theirs does nothing, so the
comparison is in their favour; `bare` is ours doing nothing, `at_work` theirs doing ours. Each has a
process and a database of its own, one after the other.
"""

from typing import TypeVar

import asyncpg

import devstack
from bench import sample
from bench.baselines import pgqueuers, procrastinates
from bench.databases import Workshop, database, workshop
from bench.isolated import apart
from bench.summary import Figures
from bench.waiting import until
from common.clock import elapsed
from common.subscriptions import Subscriptions
from common.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)

_FILL = sample.filling("clock_timestamp() - random() * interval '1 hour'")


async def drain(stack: devstack.Stack, timers: int, easy_jobs: int, slow_jobs: int) -> Figures:
    """Drain `timers` of ours, `easy_jobs` of pgqueuer and `slow_jobs` of procrastinate."""
    figures: Figures = {"timer_drain_timers": timers}
    for name, bare in (("timer_drain", False), ("timer_drain_bare", True)):
        async with workshop(stack) as made:
            await _fill(made, timers)
            ours = await apart(_ours, made, timers, bare=bare)
        rate = float(ours.figures["per_s"])
        figures[f"{name}_per_s"] = rate
        figures[f"{name}_process_cpu_percent"] = 100 * ours.cpu_seconds * rate / timers
    async with database(stack) as dsn:
        figures |= (await apart(pgqueuers.drain, dsn, easy_jobs)).figures
    async with workshop(stack) as made:
        await _fill(made, slow_jobs)
        figures |= (await apart(pgqueuers.drain_at_work, made.admin_dsn, made.url)).figures
    async with database(stack) as dsn:
        figures |= (await apart(procrastinates.drain, dsn, slow_jobs)).figures
    rivals = ("pgqueuer", "pgqueuer_at_work", "procrastinate")
    ours_per_s = float(figures["timer_drain_per_s"])
    return figures | {
        f"timer_drain_over_{rival}": ours_per_s / float(figures[f"timer_drain_{rival}_per_s"])
        for rival in rivals
    }


async def _fill(made: Workshop, timers: int) -> None:
    connection = await asyncpg.connect(made.dsn)
    await connection.execute(_FILL, timers)
    await connection.execute("VACUUM ANALYZE timers, cases")
    await connection.close()


async def _ours(made: Workshop, timers: int, *, bare: bool) -> Figures:
    if bare:
        return await _per_s(made, timers, UnitOfWork, sample.BARE_SUBSCRIPTIONS)
    return await _per_s(made, timers, sample.UnitOfWork, sample.SUBSCRIPTIONS)


async def _per_s(
    made: Workshop, timers: int, unit_of_work: type[U], subscriptions: Subscriptions[U]
) -> Figures:
    async with sample.opened(made.url, unit_of_work) as database:
        begun = elapsed()
        async with sample.firing(database, subscriptions) as fired:
            await until(lambda: fired() >= timers)
            return {"per_s": timers / (elapsed() - begun)}

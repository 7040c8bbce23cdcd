"""How late timers fire: of a few, beside others' queues, and of many while a million wait."""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

import devstack
from bench import sample
from bench.baselines import pgqueuers, procrastinates
from bench.databases import Workshop, database, workshop
from bench.isolated import apart
from bench.sample import PromiseDue
from bench.summary import Figures, quantiles_ms
from bench.waiting import until
from common.clock import Clock, elapsed
from common.contracts.event import ContactId
from common.database import Database
from common.ids import new_id
from common.messages import Cancel, Schedule, TimerChange

FEW = 1000
FEW_SECONDS = 10
LEAD = timedelta(seconds=2)
RATE = 1000
CHANGES_A_TRANSACTION = 5
CHANGES_PER_S = 500

_WAITING = """
    INSERT INTO timers (due_at, contact_id, slot, type, traceparent, data)
    SELECT due_at, contact_id, 'PromiseDue', 'PromiseDue',
           '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01',
           jsonb_build_object('contact_id', contact_id, 'due_at', due_at)
    FROM (
        SELECT uuidv7() AS contact_id,
               clock_timestamp() + (1 + random()) * interval '1 day' AS due_at
        FROM generate_series(1, $1::integer)
    ) AS waiting
"""
# Evenly, so that a burst of ours is no excuse for being late.
_DUE = sample.filling("clock_timestamp() + $2::interval + n * interval '1 second' / $3::integer")


async def beside_others(stack: devstack.Stack) -> Figures:
    """A thousand over ten seconds, the same for each.

    Ours are late until the commit of what they did, the others' until their job begins.
    """
    waits = [LEAD + timedelta(seconds=FEW_SECONDS * n / FEW) for n in range(FEW)]
    async with workshop(stack) as made:
        figures = (await apart(_few, made)).figures
    async with database(stack) as dsn:
        figures |= (await apart(pgqueuers.lateness, dsn, waits)).figures
    async with database(stack) as dsn:
        figures |= (await apart(procrastinates.lateness, dsn, waits)).figures
    ours, theirs = (float(figures[f"timer_lateness_{name}_p99_ms"]) for name in ("few", "pgqueuer"))
    return figures | {"timer_lateness_p99_over_pgqueuer": ours / theirs}


async def _few(made: Workshop) -> Figures:
    late = await _lateness(made, FEW, FEW // FEW_SECONDS, changes=False)
    return quantiles_ms("timer_lateness_few", late)


async def among_a_million(stack: devstack.Stack, pending: int, seconds: int) -> Figures:
    async with workshop(stack) as made:
        connection = await asyncpg.connect(made.dsn)
        await connection.execute(_WAITING, pending)
        await connection.execute("VACUUM ANALYZE timers")
        await connection.close()
        return (await apart(_many, made, pending, seconds)).figures


async def _many(made: Workshop, pending: int, seconds: int) -> Figures:
    begun = elapsed()
    late = await _lateness(made, RATE * seconds, RATE, changes=True)
    return {
        "timer_pending": pending,
        "timer_lateness_rate_per_s": RATE,
        "timer_changes_per_s": CHANGES_PER_S,
        "timer_lateness_run_seconds": elapsed() - begun,
        **quantiles_ms("timer_lateness", late),
    }


async def _lateness(made: Workshop, count: int, rate: int, *, changes: bool) -> list[float]:
    """Let `count` come due at `rate` a second; return how late the effect of each was committed."""
    late: list[float] = []
    clock = Clock()

    def committed(uow: sample.UnitOfWork) -> None:
        now = clock.wall()
        late.extend((now - due_at).total_seconds() for due_at in uow.due)

    async with sample.opened(made.url, sample.UnitOfWork) as opened:
        opened.after_commit(committed)
        async with sample.firing(opened, sample.SUBSCRIPTIONS), asyncio.TaskGroup() as group:
            connection = await asyncpg.connect(made.dsn)
            if changes:
                contacts = [row[0] for row in await connection.fetch(_SOME)]
                changing = group.create_task(_keep_changing(opened, contacts))
            await connection.execute(_DUE, count, LEAD, rate)
            await connection.close()
            await until(lambda: len(late) >= count)
            if changes:
                changing.cancel()
    return late


async def _keep_changing(
    opened: Database[sample.UnitOfWork], contacts: Sequence[ContactId]
) -> None:
    """Put timers off, or cancel them and set others, as the events of a busy day do."""
    chance = random.Random(2029)
    every = CHANGES_A_TRANSACTION / CHANGES_PER_S
    due = elapsed()
    while True:
        async with opened.transaction() as uow:
            for contact_id in chance.sample(contacts, CHANGES_A_TRANSACTION):
                uow.timers.set(_change(contact_id, uow.now, chance))
        due += every
        await asyncio.sleep(max(0, due - elapsed()))


def _change(contact_id: ContactId, now: datetime, chance: random.Random) -> list[TimerChange]:
    due_at = now + timedelta(days=1 + chance.random())
    if chance.random() < 0.5:
        return [Schedule(PromiseDue(contact_id=contact_id, due_at=due_at), due_at)]
    other = ContactId(new_id())
    return [
        Cancel(contact_id, PromiseDue.type),
        Schedule(PromiseDue(contact_id=other, due_at=due_at), due_at),
    ]


_SOME = "SELECT CAST(contact_id AS text) FROM timers TABLESAMPLE BERNOULLI (2)"

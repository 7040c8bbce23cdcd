"""How late timers fire: a few, compared with job queues, and many while a million are pending."""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

import devstack
from bench import sample
from bench.baselines import pgqueuers, procrastinates
from bench.databases import SampleDatabase, empty_database, sample_database
from bench.isolated import run_isolated
from bench.sample import DeadlineDue
from bench.summary import Figures, quantiles_ms
from bench.waiting import wait_until
from common.contracts.event import ContactId
from common.core.clock import TimeSource, monotonic
from common.core.ids import new_id
from common.messages import Cancel, Schedule, TimerChange
from common.storage.database import Database

COMPARED_TIMERS = 1000
COMPARED_SECONDS = 10
LEAD = timedelta(seconds=2)
RATE = 1000
CHANGES_A_TRANSACTION = 5
CHANGES_PER_S = 500

_FILL_PENDING = """
    INSERT INTO timers (due_at, contact_id, slot, type, trace, data)
    SELECT due_at, contact_id, 'DeadlineDue', 'DeadlineDue',
           decode(repeat('0123456789abcdef', 3) || '01', 'hex'),
           jsonb_build_object('contact_id', contact_id, 'due_at', due_at)
    FROM (
        SELECT uuidv7() AS contact_id,
               clock_timestamp() + (1 + random()) * interval '1 day' AS due_at
        FROM generate_series(1, $1::integer)
    ) AS waiting
"""
# Evenly spread, so that no burst of ours explains a late timer.
_FILL_DUE = sample.fill_statement(
    "clock_timestamp() + $2::interval + n * interval '1 second' / $3::integer"
)


async def compare_with_baselines(stack: devstack.Stack) -> Figures:
    """Fire a thousand timers over ten seconds in each system.

    Our lateness ends at the commit of the effect, theirs at the start of the job.
    """
    waits = [
        LEAD + timedelta(seconds=COMPARED_SECONDS * n / COMPARED_TIMERS)
        for n in range(COMPARED_TIMERS)
    ]
    async with sample_database(stack) as sample_db:
        figures = (await run_isolated(_few, sample_db)).figures
    async with empty_database(stack) as dsn:
        figures |= (await run_isolated(pgqueuers.lateness, dsn, waits)).figures
    async with empty_database(stack) as dsn:
        figures |= (await run_isolated(procrastinates.lateness, dsn, waits)).figures
    ours, theirs = (float(figures[f"timer_lateness_{name}_p99_ms"]) for name in ("few", "pgqueuer"))
    return figures | {"timer_lateness_p99_over_pgqueuer": ours / theirs}


async def _few(sample_db: SampleDatabase) -> Figures:
    late = await _lateness(
        sample_db, COMPARED_TIMERS, COMPARED_TIMERS // COMPARED_SECONDS, changes=False
    )
    return quantiles_ms("timer_lateness_few", late)


async def measure_with_pending(stack: devstack.Stack, pending: int, seconds: int) -> Figures:
    async with sample_database(stack) as sample_db:
        connection = await asyncpg.connect(sample_db.owner_dsn)
        await connection.execute(_FILL_PENDING, pending)
        await connection.execute("VACUUM ANALYZE timers")
        await connection.close()
        return (await run_isolated(_many, sample_db, pending, seconds)).figures


async def _many(sample_db: SampleDatabase, pending: int, seconds: int) -> Figures:
    begun = monotonic()
    late = await _lateness(sample_db, RATE * seconds, RATE, changes=True)
    return {
        "timer_pending": pending,
        "timer_lateness_rate_per_s": RATE,
        "timer_changes_per_s": CHANGES_PER_S,
        "timer_lateness_run_seconds": monotonic() - begun,
        **quantiles_ms("timer_lateness", late),
    }


async def _lateness(
    sample_db: SampleDatabase, count: int, rate: int, *, changes: bool
) -> list[float]:
    """Let `count` timers come due at `rate` per second; return the lateness of each commit."""
    late: list[float] = []
    clock = TimeSource()

    def committed(uow: sample.UnitOfWork) -> None:
        now = clock.utc_now()
        late.extend((now - due_at).total_seconds() for due_at in uow.due_times)

    async with sample.open_database(sample_db.url, sample.UnitOfWork) as opened:
        opened.after_commit(committed)
        async with (
            sample.run_timer_loop(opened, sample.SUBSCRIPTIONS),
            asyncio.TaskGroup() as group,
        ):
            connection = await asyncpg.connect(sample_db.dsn)
            if changes:
                contacts = [row[0] for row in await connection.fetch(_SAMPLE_CONTACTS)]
                changing = group.create_task(_keep_changing(opened, contacts))
            await connection.execute(_FILL_DUE, count, LEAD, rate)
            await connection.close()
            await wait_until(lambda: len(late) >= count)
            if changes:
                changing.cancel()
    return late


async def _keep_changing(
    opened: Database[sample.UnitOfWork], contacts: Sequence[ContactId]
) -> None:
    """Keep postponing timers, or cancelling and replacing them, as on a busy day."""
    chance = random.Random(2029)
    every = CHANGES_A_TRANSACTION / CHANGES_PER_S
    due = monotonic()
    while True:
        async with opened.transaction() as uow:
            for contact_id in chance.sample(contacts, CHANGES_A_TRANSACTION):
                uow.timers.set(_change(contact_id, uow.now, chance))
        due += every
        await asyncio.sleep(max(0, due - monotonic()))


def _change(contact_id: ContactId, now: datetime, chance: random.Random) -> list[TimerChange]:
    due_at = now + timedelta(days=1 + chance.random())
    if chance.random() < 0.5:
        return [Schedule(DeadlineDue(contact_id=contact_id, due_at=due_at), due_at)]
    other = ContactId(new_id())
    return [
        Cancel(contact_id, DeadlineDue.type),
        Schedule(DeadlineDue(contact_id=other, due_at=due_at), due_at),
    ]


_SAMPLE_CONTACTS = "SELECT CAST(contact_id AS text) FROM timers TABLESAMPLE BERNOULLI (2)"

"""Several replicas on one schema, timers that change all the time, and an hour to catch up on."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from random import Random

import pytest

from common.contracts.contract import Instant
from common.contracts.event import ContactId
from common.core.ids import new_id
from common.core.metrics import Metrics
from common.messages import Cancel, Schedule, Timer
from common.messaging.subscriptions import HandlerRegistry
from common.service.database_monitor import DatabaseMonitor
from common.storage.database import Database
from support.databases import async_engine, rows
from support.probe import Broker, Replica, UnitOfWork, add_note, new_contact, run_workers
from support.waiting import until

REPLICAS = 4
NO_BROKER = Broker("unused", "unused")


class Alarm(Timer):
    """`turn` tells it from those that were set before it."""

    turn: int
    due_at: Instant


async def ring(alarm: Alarm, uow: UnitOfWork) -> None:
    """Do what the timer says if it still counts, as every handler of a timer must."""
    probe = await uow.probes.lock(alarm.contact_id)
    if probe is None or probe.notes[-1] != f"set {alarm.turn}":
        return
    word = "fired" if uow.now >= alarm.due_at else "early"
    await add_note(alarm.contact_id, f"{word} {alarm.turn}", uow)


class Owner:
    """Sets, replaces and cancels one contact's alarm under its lock, and writes that down."""

    def __init__(self, contact_id: ContactId, random: Random) -> None:
        self.contact_id = contact_id
        self._random = random
        self._turn = 0

    async def act(self, database: Database[UnitOfWork]) -> None:
        async with database.transaction() as uow:
            await uow.probes.lock(self.contact_id)
            if self._turn and self._random.random() < 0.3:
                await self._cancel(uow)
            else:
                # Some race with what follows, some are surely still to come then.
                soon = timedelta(milliseconds=self._random.uniform(0, 40))
                await self._set(self._random.choice((soon, soon, timedelta(hours=1))), uow)

    async def act_last(self, database: Database[UnitOfWork]) -> None:
        async with database.transaction() as uow:
            await self._set(timedelta(0), uow)

    async def _set(self, delay: timedelta, uow: UnitOfWork) -> None:
        self._turn += 1
        due_at = uow.now + delay
        alarm = Alarm(contact_id=self.contact_id, turn=self._turn, due_at=due_at)
        uow.timers.set([Schedule(alarm, due_at)])
        await add_note(self.contact_id, f"set {self._turn}", uow)

    async def _cancel(self, uow: UnitOfWork) -> None:
        probe = await uow.probes.lock(self.contact_id)
        if probe and probe.notes[-1] == f"set {self._turn}":
            uow.timers.set([Cancel(self.contact_id, Alarm.type)])
            await add_note(self.contact_id, f"cancelled {self._turn}", uow)


async def test_racing_timers_fire_once_or_are_cancelled(
    database: Database[UnitOfWork],
) -> None:
    random = Random(3)
    subscriptions = HandlerRegistry[UnitOfWork]().on(Alarm, ring)
    replicas = [Replica(database, NO_BROKER, subscriptions) for _ in range(REPLICAS)]
    owners = [Owner(new_contact(), random) for _ in range(60)]

    async def churn(mine: Sequence[Owner], among: Replica) -> None:
        for owner in [*mine] * 8:
            for _ in range(4):
                await owner.act(among.database)
        for owner in mine:
            await owner.act_last(among.database)

    async with run_workers(*(replica.timers for replica in replicas)):
        async with asyncio.TaskGroup() as group:
            for n, replica in enumerate(replicas):
                group.create_task(churn(owners[n::REPLICAS], replica))
        await until(lambda: rows(database, "SELECT 1 FROM timers"), lambda left: not left)

    ends: Counter[str] = Counter()
    for row in await rows(database, "SELECT notes FROM probes"):
        ends.update(turn_ends(row.notes))
    assert ends.keys() == {"fired", "cancelled", "replaced"}
    assert all(replica.count_messages("fired") for replica in replicas)
    assert await rows(database, "SELECT reason FROM dead_letters") == []


def turn_ends(notes: Sequence[str]) -> list[str]:
    """Say how each turn ended; it ends once, before the next begins."""
    ends = []
    for before, after in zip(notes, [*notes[1:], "nothing"], strict=True):
        word, turn = before.split()
        if word == "set":
            following, _, of = after.partition(" ")
            if following == "set":
                assert int(of) == int(turn) + 1, notes
                ends.append("replaced")
            else:
                assert of == turn, notes
                ends.append(following)
        else:
            # Whatever ended this turn, nothing follows but a new one.
            assert after == "nothing" or after.startswith("set "), notes
    return ends


@pytest.mark.parametrize("replicas", [1, REPLICAS])
async def test_timers_of_an_outage_fire_in_due_order(
    database: Database[UnitOfWork], replicas: int
) -> None:
    """What one replica takes is in due order; between replicas there is none."""
    timers = 3000
    overdue = await missed_for_an_hour(database, timers)
    heard: list[list[datetime]] = [[] for _ in range(replicas)]
    loops = [caught_up_by(database, times) for times in heard]
    monitor = DatabaseMonitor(
        database,
        loops[0].metrics,
        loops[0].health,
        [Alarm.type],
        interval=timedelta(milliseconds=10),
    )

    def backlog() -> float | None:
        return loops[0].metrics.registry.get_sample_value("upstairs_timer_backlog")

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(run_workers(monitor))
        await until(backlog, lambda due: due == timers)
        await stack.enter_async_context(run_workers(*(loop.timers for loop in loops)))
        await until(backlog, lambda due: due == 0)
    for times in heard:
        assert times == sorted(times)
    assert sorted(at for times in heard for at in times) == overdue
    assert sum(counts(loop.metrics)[float("inf")] for loop in loops) == timers
    # Spread evenly over the hour, but for those that waited a little for this test.
    later_than_ten_minutes = sum(
        counts(loop.metrics)[float("inf")] - counts(loop.metrics)[600] for loop in loops
    )
    assert timers * 5 / 6 <= later_than_ten_minutes < timers


async def test_large_backlog_is_counted_up_to_a_limit(
    database: Database[UnitOfWork],
) -> None:
    async with async_engine(database).begin() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO timers (due_at, contact_id, slot, type, data)"
            " SELECT now(), gen_random_uuid(), 'Alarm', 'Alarm', '{}'"
            " FROM generate_series(1, 10005)"
        )
    replica = Replica(database, NO_BROKER)
    async with run_workers(DatabaseMonitor(database, replica.metrics, replica.health)):
        await until(
            lambda: replica.metrics.registry.get_sample_value("upstairs_timer_backlog"),
            lambda due: due == 10_000,
        )


async def missed_for_an_hour(database: Database[UnitOfWork], timers: int) -> list[datetime]:
    """Set timers that were due evenly over the past hour, in no order; return when."""
    async with database.transaction() as uow:
        due = [uow.now - timedelta(hours=1) * (n + 1) / timers for n in range(timers)]
        mixed = Random(5).sample(due, timers)
        uow.timers.set(
            Schedule(Alarm(contact_id=ContactId(new_id()), turn=1, due_at=at), at) for at in mixed
        )
    return sorted(due)


def caught_up_by(database: Database[UnitOfWork], heard: list[datetime]) -> Replica:
    async def hear(alarm: Alarm, _: UnitOfWork) -> None:
        heard.append(alarm.due_at)

    return Replica(database, NO_BROKER, HandlerRegistry[UnitOfWork]().on(Alarm, hear))


def counts(metrics: Metrics) -> dict[float, float]:
    """Return how many timers fired with at most so many seconds of lateness."""
    (family,) = metrics.timer_lateness_seconds.collect()
    buckets = [sample for sample in family.samples if sample.name.endswith("_bucket")]
    return {float(sample.labels["le"]): sample.value for sample in buckets} or {
        float("inf"): 0,
        600: 0,
    }


def test_lateness_histogram_separates_at_50_ms() -> None:
    """With bounds close by, so that the percentiles read from it are good to some ms there."""
    metrics = Metrics()
    metrics.timer_lateness_seconds.labels("Alarm").observe(0)
    bounds = sorted(counts(metrics))
    at = bounds.index(0.05)
    assert bounds[at + 1] - bounds[at - 1] <= 0.05
    assert bounds[-2] >= timedelta(hours=1).total_seconds()

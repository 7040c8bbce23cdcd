"""Timers: each fires once, never early, never for good after it was cancelled or replaced."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from common.core.clock import monotonic
from common.core.errors import TransientError
from common.core.ids import EventId, new_id
from common.messages import Cancel, Schedule, Timer
from common.messaging import timer_loop
from common.messaging.dispatcher import Message
from common.messaging.subscriptions import HandlerRegistry
from common.storage.database import Database, begin
from common.storage.dead_letters import DeadLetter, TooManyDeadLettersError
from common.storage.timers import TimerOutOfRangeError
from support.databases import rows
from support.probe import (
    POISON,
    Broker,
    Reminder,
    Replica,
    UnitOfWork,
    add_note,
    customer_wrote,
    new_contact,
    record_statements,
    remind,
    run_workers,
    sum_samples,
)
from support.timers import FAR, SOON, change, noted, pending, reminder
from support.waiting import until


class Stranger(Timer):
    """Nobody handles it: it is a newer version's."""


def fails_as_dead_letter(error: BaseException) -> DeadLetter:
    raise AssertionError from error


async def test_timer_fires_once_and_never_early_with_two_loops(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    contacts = [new_contact() for _ in range(300)]
    first, second = Replica(database, broker), Replica(database, broker)
    now = await change(
        database,
        *(
            (reminder(contact_id), timedelta(milliseconds=n))
            for n, contact_id in enumerate(contacts)
        ),
    )
    async with run_workers(first.timers, second.timers):
        await until(lambda: pending(database), lambda left: not left)
    assert await noted(database) == dict.fromkeys(contacts, ("call back",))
    assert first.count_messages("fired") + second.count_messages("fired") == len(contacts)
    fired = {
        row.id: row.at
        for row in await rows(
            database, "SELECT contact_id::text AS id, touched_at AS at FROM probes"
        )
    }
    for n, contact_id in enumerate(contacts):
        assert fired[contact_id] >= now + timedelta(milliseconds=n)


async def test_clock_offset_fires_timers_early(
    database: Database[UnitOfWork], replica: Replica
) -> None:
    contact_id = new_contact()
    await change(
        database, (reminder(contact_id, "in 1 h"), FAR), (reminder(contact_id, "2 h"), 2 * FAR)
    )
    replica.database.clock.offset = FAR + timedelta(minutes=1)
    async with run_workers(replica.timers):
        await until(lambda: pending(database), lambda left: left == ["2 h"])
    assert await noted(database) == {contact_id: ("in 1 h",)}


async def test_new_timer_replaces_the_old_one_in_its_slot(
    database: Database[UnitOfWork],
) -> None:
    first, other = new_contact(), new_contact()
    await change(
        database, (reminder(first), FAR), (reminder(first, "else"), FAR), (reminder(other), FAR)
    )
    now = await change(database, (reminder(first), 2 * FAR))
    records = await rows(
        database, "SELECT contact_id::text AS id, slot, due_at FROM timers ORDER BY timers.id"
    )
    assert [(row.id, row.slot) for row in records] == [
        (first, "reminder:else"),
        (other, "reminder:call back"),
        (first, "reminder:call back"),
    ]
    assert records[-1].due_at == now + 2 * FAR


async def test_cancelled_timer_does_not_fire(database: Database[UnitOfWork]) -> None:
    first, other = new_contact(), new_contact()
    await change(database, (reminder(first), FAR), (reminder(other), FAR))
    await change(database, Cancel(first, "reminder:call back"), Cancel(first, "reminder:never set"))
    records = await rows(database, "SELECT contact_id::text AS id FROM timers")
    assert [row.id for row in records] == [other]


async def test_last_change_of_a_slot_counts(database: Database[UnitOfWork]) -> None:
    first, other = new_contact(), new_contact()
    await change(database, (reminder(first), FAR), Cancel(first, "reminder:call back"))
    await change(
        database,
        Cancel(other, "reminder:call back"),
        (reminder(other), FAR),
        (reminder(other), 2 * FAR),
    )
    records = await rows(
        database, "SELECT contact_id::text AS id, due_at - clock_timestamp() AS left FROM timers"
    )
    assert [row.id for row in records] == [other]
    assert records[0].left > FAR


async def test_rolled_back_change_has_no_effect(database: Database[UnitOfWork]) -> None:
    contact_id = new_contact()
    await change(database, (reminder(contact_id), FAR))
    async with begin(database.engine) as connection:
        uow = UnitOfWork(connection, await connection.clock_timestamp())
        uow.timers.set([Cancel(contact_id, "reminder:call back")])
        await uow.flush()
        await connection.rollback()
    assert await pending(database) == ["call back"]


async def test_failing_timer_becomes_a_dead_letter_alone(replica: Replica) -> None:
    good, bad = new_contact(), new_contact()
    await change(
        replica.database,
        (reminder(good, "one"), timedelta(0)),
        (reminder(bad, POISON), timedelta(0)),
        (reminder(good, "two"), timedelta(0)),
    )
    async with run_workers(replica.timers):
        await until(lambda: rows(replica.database, "SELECT 1 FROM timers"), lambda left: not left)
    assert await noted(replica.database) == {good: ("one", "two")}
    letters = await rows(
        replica.database,
        "SELECT key, type, reason, payload, origin, traceback FROM dead_letters ORDER BY id",
    )
    assert [(letter.key, letter.type, letter.reason) for letter in letters] == [
        (bad, "Reminder", "PoisonedError: This note cannot be handled."),
    ]
    assert msgspec.json.decode(letters[0].payload, type=Reminder) == reminder(bad, POISON)
    assert letters[0].origin.startswith("timer/")
    assert "in remind" in letters[0].traceback
    assert sum_samples(replica.metrics.dead_letters) == 1
    assert not replica.health.troubles


async def test_timer_of_a_newer_version_is_left_to_a_newer_replica(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    """In a rolling deploy the old replicas meet them; and they do not spin before them."""
    strange, ordinary = new_contact(), new_contact()
    await change(
        database,
        (Stranger(contact_id=strange), -FAR),
        (reminder(ordinary), timedelta(0)),
    )

    async def meet(timer: Stranger, uow: UnitOfWork) -> None:
        await add_note(timer.contact_id, "met", uow)

    old = Replica(database, broker)
    new = Replica(database, broker, HandlerRegistry[UnitOfWork]().on(Stranger, meet))
    async with run_workers(old.timers):
        await until(lambda: noted(database))
        assert await old.timers._until_next() == timer_loop.MAX_SLEEP
    assert await noted(database) == {ordinary: ("call back",)}
    assert await rows(database, "SELECT 1 FROM dead_letters") == []
    async with run_workers(new.timers):
        await until(lambda: rows(database, "SELECT 1 FROM timers"), lambda left: not left)
    assert await noted(database) == {ordinary: ("call back",), strange: ("met",)}


async def test_too_many_dead_timers_halt_the_loop_and_readiness(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    good = new_contact()
    poison = [(reminder(new_contact(), POISON), timedelta(0)) for _ in range(5)]
    await change(database, *poison, (reminder(good), timedelta(0)))
    halting = Replica(database, broker, dead_letter_limit=3)
    async with run_workers(halting.supervise(halting.timers)):
        troubles = await until(lambda: halting.health.troubles)
    assert troubles["timers"].startswith("halted: Too many dead letters in a row")
    assert "dead-letters replay --all" in troubles["timers"]
    assert (
        halting.metrics.registry.get_sample_value("upstairs_worker_halted", {"worker": "timers"})
        == 1
    )
    assert len(await rows(database, "SELECT 1 FROM dead_letters")) == 3
    assert await pending(database) == [POISON, POISON, "call back"]
    again = Replica(database, broker, dead_letter_limit=3)
    async with run_workers(again.timers):
        await until(lambda: pending(database), lambda left: not left)
    assert await noted(database) == {good: ("call back",)}
    assert not again.health.troubles


async def test_dead_timers_and_dead_events_are_counted_apart(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    replica = Replica(database, broker, dead_letter_limit=2)
    await change(database, *[(reminder(new_contact(), POISON), timedelta(0)) for _ in range(2)])
    await replica.timers.fire(1)
    event = Message(customer_wrote(new_contact()), fails_as_dead_letter, EventId(new_id()))
    await replica.dispatcher.handle([event])
    with pytest.raises(TooManyDeadLettersError):
        await replica.timers.fire(1)


async def test_timer_with_a_transient_error_is_retried(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    away = [TransientError("away"), TransientError("still away")]

    async def faltering(timer: Reminder, uow: UnitOfWork) -> None:
        await remind(timer, uow)
        if away:
            raise away.pop()

    replica = Replica(database, broker, HandlerRegistry[UnitOfWork]().on(Reminder, faltering))
    contact_id = new_contact()
    await change(database, (reminder(contact_id), timedelta(0)))
    async with run_workers(replica.timers):
        await until(lambda: noted(database))
    assert await noted(database) == {contact_id: ("call back",)}
    assert sum_samples(replica.metrics.retries, worker="timers") == 2
    assert sum_samples(replica.metrics.dead_letters) == 0


async def test_timer_handled_by_another_replica_is_no_dead_letter(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    """Our attempt fails; before it becomes a dead letter, another's attempt succeeds."""
    contact_id = new_contact()
    other = Replica(database, broker)

    async def failing(_timer: Reminder, uow: UnitOfWork) -> None:
        # As the failed transaction would, but in time for the other to get in between.
        await uow.connection.rollback()
        assert await other.timers.fire(1) == 1
        raise ValueError("ours is broken")

    replica = Replica(database, broker, HandlerRegistry[UnitOfWork]().on(Reminder, failing))
    await change(database, (reminder(contact_id), timedelta(0)))
    await replica.timers.fire(1)
    assert await noted(database) == {contact_id: ("call back",)}
    assert await rows(database, "SELECT 1 FROM dead_letters") == []


@pytest.mark.parametrize("replaced", [True, False], ids=["replaced", "cancelled"])
async def test_cancelling_a_firing_timer_does_not_deadlock(
    replica: Replica, *, replaced: bool
) -> None:
    contact_id = new_contact()
    await change(replica.database, (reminder(contact_id), SOON))
    async with begin(replica.database.engine) as connection:
        uow = UnitOfWork(connection, await connection.clock_timestamp())
        await add_note(contact_id, "first", uow)
        await uow.flush()
        async with run_workers(replica.timers):
            await until(lambda: waiting(replica.database))
            if replaced:
                uow.timers.set([Schedule(reminder(contact_id), uow.now + FAR)])
            else:
                uow.timers.set([Cancel(contact_id, "reminder:call back")])
            await uow.flush()
            await connection.commit()
            await until(
                lambda: noted(replica.database),
                lambda all_: all_ == {contact_id: ("first", "call back")},
            )
    assert await pending(replica.database) == (["call back"] if replaced else [])
    assert sum_samples(replica.metrics.retries) == 0


async def waiting(database: Database[Any]) -> list[Any]:
    return await rows(
        database,
        "SELECT query FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()",
    )


async def test_loop_does_not_spin_while_another_has_the_due_timers(replica: Replica) -> None:
    await change(replica.database, (reminder(new_contact()), timedelta(0)))
    async with begin(replica.database.engine) as other:
        uow = UnitOfWork(other, await other.clock_timestamp())
        assert await uow.timers.claim(uow.now, 10, ["Reminder"])
        begun = monotonic()
        async with record_statements(replica.database) as sent, run_workers(replica.timers):
            await until(lambda: sum("SKIP LOCKED" in statement for statement in sent) > 20)
        assert monotonic() - begun >= 20 * 0.005


async def test_timer_loop_stops_on_request(replica: Replica) -> None:
    await change(replica.database, (reminder(new_contact()), FAR))
    async with asyncio.timeout(60), run_workers(replica.timers):
        await until(lambda: pending(replica.database))


@pytest.mark.parametrize(
    "due_at",
    [
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=UTC),
    ],
)
async def test_timer_that_no_claim_could_read_back_is_refused(
    database: Database[UnitOfWork], due_at: datetime
) -> None:
    with pytest.raises(TimerOutOfRangeError):
        async with database.transaction() as uow:
            uow.timers.set([Schedule(Reminder(contact_id=new_contact(), name="x"), due_at)])

"""A worker that fails for one row or record goes on with the others, and its process lives."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from common.contracts.contacts import CustomerWrote
from common.contracts.event import ContactId
from common.core.health import Health
from common.core.ids import new_id
from common.core.metrics import Metrics
from common.messages import Schedule
from common.messaging.subscriptions import HandlerRegistry
from common.service.database_monitor import DatabaseMonitor
from common.service.retention import Retention, RetentionWorker
from common.service.runtime import run_workers as run_service_workers
from common.storage.database import Database
from support.databases import Postgres, async_engine, rows
from support.probe import (
    NAME,
    SUBSCRIPTIONS,
    Broker,
    Reminder,
    Replica,
    UnitOfWork,
    customer_wrote,
    new_contact,
    open_database,
    run_workers,
)
from support.waiting import until

_SHORT = timedelta(milliseconds=20)
_BODIES = (
    "null",
    "[]",
    '"a text"',
    "17",
    "{}",
    '{"contact_id": null, "name": 1}',
    '{"contact_id": "no id", "name": "x"}',
    '{"contact_id": "\'; DROP TABLE timers; --", "name": "x"}',
    '{"name": "without a contact"}',
)


async def execute(database: Database[UnitOfWork], statement: str, **values: Any) -> None:
    async with async_engine(database).begin() as connection:
        await connection.execute(text(statement), values)


async def add_timer(database: Database[UnitOfWork], kind: str, data: str, **changes: Any) -> None:
    """Add a due timer by hand."""
    await execute(
        database,
        """
        INSERT INTO timers (due_at, contact_id, slot, type, trace, data)
        VALUES (now() - interval '1 minute', CAST(:contact AS uuid), 's', :kind, :trace,
                CAST(CAST(:data AS text) AS jsonb))
        """,
        **{"contact": new_id(), "kind": kind, "data": data, "trace": None, **changes},
    )


async def set_reminder(database: Database[UnitOfWork], contact_id: ContactId) -> None:
    async with database.transaction() as uow:
        uow.timers.set([Schedule(Reminder(contact_id=contact_id, name="good"), uow.now)])


async def notes(database: Database[UnitOfWork]) -> set[str]:
    return {str(row.contact_id) for row in await rows(database, "SELECT contact_id FROM probes")}


async def test_timers_made_by_hand_stop_no_other_timer(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    replica = Replica(database, broker)
    first, last = new_contact(), new_contact()
    await set_reminder(database, first)
    for body in _BODIES:
        await add_timer(database, Reminder.type, body)
    await add_timer(database, "NoSuchTimer", "{}")
    await add_timer(database, Reminder.type, "{}", trace=b"no trace" * 1000)
    await set_reminder(database, last)
    async with run_workers(replica.supervise(replica.timers)):
        await until(lambda: notes(database), lambda contacts: {first, last} <= contacts)
        await until(
            lambda: rows(database, "SELECT 1 FROM timers"), lambda waiting: len(waiting) == 1
        )
        assert not replica.health.troubles
    letters = await rows(database, "SELECT origin FROM dead_letters")
    assert len(letters) == len(_BODIES) + 1
    assert all(letter.origin.startswith("timer/") for letter in letters)
    # A newer version may know its type.
    (waiting,) = await rows(database, "SELECT type FROM timers")
    assert waiting.type == "NoSuchTimer"


@pytest.mark.parametrize("error", [ValueError, RecursionError, MemoryError, KeyError])
async def test_handler_that_fails_for_one_record_stops_no_other(
    database: Database[UnitOfWork], broker: Broker, error: type[Exception]
) -> None:
    async def fail_for_one(event: CustomerWrote, uow: UnitOfWork) -> None:
        if event.excerpt == "bad":
            raise error("a fault")
        await SUBSCRIPTIONS.handler(CustomerWrote)(event, uow)

    handlers = HandlerRegistry[UnitOfWork]().on(CustomerWrote, fail_for_one)
    replica = Replica(database, broker, handlers)
    contact_id = new_contact()
    await broker.publish(*(customer_wrote(contact_id, words) for words in ("first", "bad", "last")))
    async with run_workers(replica.supervise(replica.make_consumer())):
        await until(broker.count_committed, lambda count: count == 3)
        assert not replica.health.troubles
    (probe,) = await rows(database, "SELECT notes FROM probes")
    assert probe.notes == ["first", "last"]
    (letter,) = await rows(database, "SELECT reason FROM dead_letters")
    assert letter.reason.startswith(error.__name__)


async def test_monitor_reports_what_it_cannot_measure_and_recovers(
    database: Database[UnitOfWork], broker: Broker, postgres: Postgres
) -> None:
    async def execute_as_owner(statement: str) -> None:
        owner_url = postgres.owner_url(str(database.engine.url.database), NAME)
        async with open_database(owner_url) as owned:
            await execute(owned, statement)

    replica = Replica(database, broker)
    monitor = DatabaseMonitor(database, replica.metrics, replica.health, interval=_SHORT)
    async with run_workers(replica.supervise(monitor)):
        await until(lambda: not replica.health.troubles)
        await execute_as_owner("ALTER TABLE timers RENAME TO hidden_timers")
        await until(lambda: "database" in replica.health.troubles)
        await execute_as_owner("ALTER TABLE hidden_timers RENAME TO timers")
        await until(lambda: not replica.health.troubles)


async def test_retention_rule_that_fails_leaves_the_others(
    database: Database[UnitOfWork],
) -> None:
    await execute(
        database,
        "INSERT INTO probes VALUES (gen_random_uuid(), '{}', NULL, now() - interval '9 days')",
    )
    rules = (
        Retention("probes", "touched_at", days=3, condition="1 / (days_of_no_column) > 0"),
        Retention("probes", "touched_at", days=3),
    )
    worker = RetentionWorker(database, Metrics(), rules)
    async with run_workers(worker):
        await until(lambda: rows(database, "SELECT 1 FROM probes"), lambda left: not left)


class BrokenWorker:
    name = "broken worker"

    async def run(self, _stopping: asyncio.Event) -> None:
        raise LookupError("a fault of this version")


class GoodWorker:
    name = "good worker"

    def __init__(self) -> None:
        self.stopped = False

    async def run(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self.stopped = True


async def test_worker_that_raises_halts_and_the_process_stops_in_order() -> None:
    metrics, health, stopping = Metrics(), Health(), asyncio.Event()
    good, drain = GoodWorker(), GoodWorker()
    running = asyncio.ensure_future(
        run_service_workers(
            [BrokenWorker(), good], [BrokenWorker(), drain], stopping, metrics, health
        )
    )
    await until(lambda: health.troubles)
    assert health.troubles == {"broken worker": "halted: a fault of this version"}
    sample = metrics.registry.get_sample_value
    assert sample("upstairs_worker_halted", {"worker": "broken worker"}) == 1
    assert not running.done()
    stopping.set()
    await running
    assert (good.stopped, drain.stopped) == (True, True)


async def test_listener_that_fails_does_not_make_a_commit_look_failed(
    database: Database[UnitOfWork],
) -> None:
    def fail(_uow: UnitOfWork) -> None:
        raise LookupError

    database.after_commit(fail)
    await set_reminder(database, new_contact())
    assert len(await rows(database, "SELECT 1 FROM timers")) == 1

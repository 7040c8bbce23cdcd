"""Operations see what waits too long."""

from datetime import timedelta

import pytest
from msgspec import structs
from sqlalchemy import make_url

from common.core.health import Health
from common.core.metrics import Metrics
from common.messages import Schedule
from common.service.database_monitor import DatabaseMonitor
from common.storage.database import Database
from common.storage.dead_letters import DeadLetter, store_dead_letter
from support.databases import Postgres
from support.dead_letters import make_dead_letter
from support.probe import (
    NAME,
    Reminder,
    Replica,
    UnitOfWork,
    customer_wrote,
    new_contact,
    open_database,
    run_workers,
)
from support.waiting import until


async def test_unpublished_events_and_overdue_timers_are_measured(
    database: Database[UnitOfWork],
) -> None:
    metrics, contact_id = Metrics(), new_contact()
    async with database.transaction() as uow:
        minute = timedelta(minutes=1)
        event = structs.replace(customer_wrote(contact_id), occurred_at=uow.now - minute)
        uow.outbox.add([event])
        uow.timers.set([Schedule(Reminder(contact_id=contact_id, name="a"), uow.now - 5 * minute)])
    async with run_workers(DatabaseMonitor(database, metrics, Health())):
        await until(lambda: sample(metrics, "upstairs_timer_overdue_seconds") >= 300)
        assert 60 <= sample(metrics, "upstairs_outbox_oldest_seconds") < 300


async def test_timers_of_unknown_types_are_measured(
    database: Database[UnitOfWork],
) -> None:
    metrics = Metrics()
    async with database.transaction() as uow:
        due = uow.now - timedelta(minutes=5)
        uow.timers.set([Schedule(Reminder(contact_id=new_contact(), name="a"), due)])
    name = "upstairs_unknown_timer_overdue_seconds"
    async with run_workers(DatabaseMonitor(database, metrics, Health(), ["Reminder"])):
        await until(lambda: sample(metrics, "upstairs_timer_overdue_seconds") >= 300)
        assert sample(metrics, name) == 0
    async with run_workers(DatabaseMonitor(database, metrics, Health(), ["Stranger"])):
        await until(lambda: sample(metrics, name) >= 300)


async def test_kept_delivery_degrades_the_service_until_its_dead_letter_is_closed(
    database: Database[UnitOfWork],
) -> None:
    health = Health()
    letter = DeadLetter("webhook/zendesk/acme/1", ValueError("x"), b"{")
    async with database.transaction() as uow:
        await store_dead_letter(uow.connection, letter, claimed=False)
    async with run_workers(DatabaseMonitor(database, Metrics(), health)):
        await until(lambda: "applied: 1." in health.degradations.get("deliveries", ""))
        await until(lambda: not health.troubles)
        async with database.transaction() as uow:
            await uow.connection.driver.execute("DELETE FROM dead_letters")
        await until(lambda: "deliveries" not in health.degradations)


async def test_waiting_dead_letters_are_counted(replica: Replica) -> None:
    (first, _), _ = [await make_dead_letter(replica) for _ in range(2)]
    await replica.make_replay().discard(first, "admin:ops", "nonsense")
    metrics = Metrics()
    async with run_workers(DatabaseMonitor(replica.database, metrics, Health())):
        await until(lambda: sample(metrics, "upstairs_dead_letters_waiting") == 1)


@pytest.mark.parametrize("role", ["serving", "owner", "superuser"])
async def test_role_that_may_change_tables_degrades_the_service(
    postgres: Postgres, probe_url: str, role: str
) -> None:
    """Whatever its name: who has its password can rewrite the audit trail."""
    database_name = str(make_url(probe_url).database)
    urls = {
        "serving": probe_url,
        "owner": postgres.owner_url(database_name, NAME),
        "superuser": postgres.admin_of(database_name),
    }
    health = Health()
    async with (
        open_database(urls[role]) as database,
        run_workers(DatabaseMonitor(database, Metrics(), health)),
    ):
        await until(lambda: not health.troubles)
        assert ("database role" in health.degradations) == (role != "serving")


def sample(metrics: Metrics, name: str) -> float:
    return metrics.registry.get_sample_value(name) or 0

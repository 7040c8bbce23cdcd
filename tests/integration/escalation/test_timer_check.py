"""The timer check finds, restores and reports timers that the database lost."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from structlog.testing import capture_logs

from common.contracts.contacts import (
    ContactReceived,
    ContactReopened,
    ContactResolved,
    SupervisorRequested,
    WaitingOnCustomer,
)
from common.contracts.escalations import TimerMissing
from common.contracts.event import Event
from common.core.health import Health
from common.core.metrics import Metrics
from common.messaging.timer_loop import TimerLoop
from common.storage.database import Database
from escalation.metrics import TimerCheckMetrics
from escalation.store.unit_of_work import UnitOfWork
from escalation.workers.timer_check import TimerChecker
from integration.escalation.conftest import EscalationHarness, assigned
from support.databases import async_engine
from support.probe import record_statements, run_workers
from support.waiting import until

pytestmark = pytest.mark.usefixtures("configured")


class Replica:
    """The timer check of one process, without pauses between pages."""

    def __init__(self, database: Database[UnitOfWork], **options: Any) -> None:
        self.metrics = TimerCheckMetrics(CollectorRegistry())
        self.checker = TimerChecker(
            database, self.metrics, pause_between_pages=timedelta(0), **options
        )

    async def check(self) -> tuple[float, float]:
        """Check all; return how many timers are missing, and how many were ever reported."""
        await self.checker.check_all(asyncio.Event())
        return value(self.metrics.missing), value(self.metrics.reported)


def value(metric: Gauge | Counter) -> float:
    (family,) = metric.collect()
    return next(sample.value for sample in family.samples if not sample.name.endswith("_created"))


@pytest.fixture
def replica(database: Database[UnitOfWork]) -> Replica:
    return Replica(database)


@contextmanager
def errors_logged() -> Iterator[list[Any]]:
    """Collect errors, which all other tests silence."""
    silent = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        with capture_logs() as lines:
            yield lines
    finally:
        structlog.configure(wrapper_class=silent)


def supervisor_request(contact: ContactReceived) -> Event:
    return SupervisorRequested(
        contact_id=contact.contact_id, occurred_at=contact.occurred_at, quote="Your boss, please."
    )


def resolved(contact: ContactReceived) -> Event:
    return ContactResolved(contact_id=contact.contact_id, occurred_at=contact.occurred_at)


async def escalated_contact(service: EscalationHarness) -> ContactReceived:
    """Create a contact with all clocks running and an open escalation."""
    contact = await service.received()
    await service.handle_events(contact, supervisor_request(contact))
    return contact


async def execute(service: EscalationHarness, statement: str) -> None:
    async with async_engine(service.database).begin() as connection:
        await connection.exec_driver_sql(statement)


async def reports(service: EscalationHarness) -> list[TimerMissing]:
    rows = await service.rows(
        "SELECT data FROM published_events"
        " WHERE type = 'upstairs.timer_missing.v1' ORDER BY event_id"
    )
    return [msgspec.convert(row.data, TimerMissing) for row in rows]


async def timers(service: EscalationHarness, contact: ContactReceived) -> set[tuple[object, ...]]:
    rows = await service.rows(
        "SELECT slot, type, due_at, data::text FROM timers"
        f" WHERE contact_id = '{contact.contact_id}'"
    )
    return {tuple(row) for row in rows}


@pytest.mark.parametrize("slot", ["clocks", "escalation"])
async def test_deleted_timer_is_restored_and_reported_once(
    service: EscalationHarness, replica: Replica, slot: str
) -> None:
    contact, _other = await escalated_contact(service), await escalated_contact(service)
    before = await timers(service, contact)
    assert len(before) == 2
    await execute(
        service,
        f"DELETE FROM timers WHERE contact_id = '{contact.contact_id}' AND slot = '{slot}'",
    )
    with errors_logged() as logs:
        assert await replica.check() == (1, 1)
        assert await replica.check() == (0, 1)
    assert await timers(service, contact) == before
    (report,) = await reports(service)
    assert (report.contact_id, report.slot, report.instead) == (contact.contact_id, slot, None)
    assert [report.due_at] == [due_at for name, _, due_at, _ in before if name == slot]
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("timer_missing", "error")
    assert (line["contact_id"], line["slot"]) == (contact.contact_id, slot)
    assert value(replica.metrics.contacts) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        "due_at = due_at + interval '1 hour'",
        "due_at = due_at - interval '1 second'",
        """data = data || '{"round": 7}'""",
        "type = 'LeaseExpires'",
    ],
)
async def test_wrong_timer_counts_as_missing(
    service: EscalationHarness, replica: Replica, wrong: str
) -> None:
    contact = await escalated_contact(service)
    before = await timers(service, contact)
    if "LeaseExpires" in wrong:
        wrong += """, data = data || '{"lease_no": 1}'"""
    await execute(service, f"UPDATE timers SET {wrong} WHERE slot = 'escalation'")
    assert await replica.check() == (1, 1)
    assert await timers(service, contact) == before
    (report,) = await reports(service)
    assert report.instead is not None


async def test_timer_lost_again_is_counted_but_neither_restored_nor_reported(
    service: EscalationHarness, replica: Replica
) -> None:
    """If its handler failed, restoring it would repeat for ever."""
    await escalated_contact(service)
    delete = "DELETE FROM timers WHERE slot = 'escalation'"
    await execute(service, delete)
    await replica.check()
    await execute(service, delete)
    for _ in range(2):
        assert await replica.check() == (1, 1)
    assert len(await reports(service)) == 1


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM timers WHERE slot = 'escalation'",
        "UPDATE timers SET due_at = due_at + interval '1 hour' WHERE slot = 'escalation'",
        "UPDATE escalations SET round = round + 1",
        "UPDATE tracked_contacts SET wait_ends_at = now()",
    ],
)
async def test_change_after_a_complete_check_is_found(
    service: EscalationHarness, replica: Replica, change: str
) -> None:
    await escalated_contact(service)
    for _ in range(2):
        assert await replica.check() == (0, 0)
    await execute(service, change)
    assert await replica.check() == (1, 1)


async def test_contacts_that_have_all_timers_are_counted_and_not_read(
    service: EscalationHarness, replica: Replica, api: httpx.AsyncClient
) -> None:
    await contacts_in_all_states(service, api)
    async with record_statements(service.database) as sent:
        assert await replica.check() == (0, 0)
    assert value(replica.metrics.contacts) == 5
    assert not [statement for statement in sent if "to_jsonb(e)" in statement]


async def test_lost_timer_of_any_state_is_restored(
    service: EscalationHarness, replica: Replica, api: httpx.AsyncClient
) -> None:
    """Also those of a paused, of a met and of a breached clock, which wait for less."""
    contacts = await contacts_in_all_states(service, api)
    for contact in contacts:
        before = await timers(service, contact)
        for slot, *_ in before:
            place = f"contact_id = '{contact.contact_id}' AND slot = '{slot}'"
            await execute(service, f"DELETE FROM timers WHERE {place}")
            missing, _ = await replica.check()
            assert missing == 1
            assert await timers(service, contact) == before


async def contacts_in_all_states(
    service: EscalationHarness, api: httpx.AsyncClient
) -> list[ContactReceived]:
    """Create a breached, an assigned, a waiting, an escalated and an acknowledged contact."""
    breached = await service.received()
    await service.handle_events(breached)
    await service.advance_time(61)
    others = [await service.received() for _ in range(4)]
    met, waiting, escalated, acknowledged = others
    await service.handle_events(
        *(*others, assigned(met), supervisor_request(escalated)),
        WaitingOnCustomer(contact_id=waiting.contact_id, occurred_at=waiting.occurred_at),
    )
    body = {"contact_id": acknowledged.contact_id, "reason": "look"}
    raised = (await api.post("/v1/escalations", json=body)).json()
    await api.post(f"/v1/escalations/{raised['escalation_id']}/acknowledge")
    return [breached, *others]


@pytest.mark.parametrize("poison", ["'[17]'", "'{}'", "'[{}]'"])
async def test_contact_that_cannot_be_read_leaves_the_others_checked(
    service: EscalationHarness, replica: Replica, poison: str
) -> None:
    contacts = [await escalated_contact(service) for _ in range(3)]
    bad, *_ = sorted(contacts, key=lambda contact: contact.contact_id)
    await execute(service, "DELETE FROM timers WHERE slot = 'escalation'")
    await execute(
        service,
        f"UPDATE tracked_contacts SET clocks = {poison} WHERE contact_id = '{bad.contact_id}'",
    )
    _, reported = await replica.check()
    assert reported == 2
    assert value(replica.metrics.failed) == 1
    # Its age is what tells operations.
    assert value(replica.metrics.finished) == 0


async def test_two_replicas_report_missing_timer_once(
    service: EscalationHarness, replica: Replica, database: Database[UnitOfWork]
) -> None:
    await escalated_contact(service)
    await execute(service, "DELETE FROM timers WHERE slot = 'escalation'")
    other = Replica(database)
    results = await asyncio.gather(replica.check(), other.check())
    assert sum(reported for _, reported in results) == 1
    assert len(await reports(service)) == 1


async def test_check_covers_all_open_contacts_and_no_others(
    service: EscalationHarness, database: Database[UnitOfWork]
) -> None:
    """However old they are, and page by page."""
    replica = Replica(database, contacts_per_page=2)
    open_contacts = [await service.received() for _ in range(5)]
    closed = [await service.received() for _ in range(3)]
    await service.handle_events(*open_contacts, *closed, *map(resolved, closed))
    service.database.clock.offset = timedelta(days=1000)
    await execute(service, "DELETE FROM timers WHERE slot = 'clocks'")
    assert await replica.check() == (5, 5)
    assert value(replica.metrics.contacts) == 5
    assert {report.contact_id for report in await reports(service)} == {
        contact.contact_id for contact in open_contacts
    }
    started, finished = value(replica.metrics.started), value(replica.metrics.finished)
    assert 0 < started <= finished


async def test_open_escalation_of_closed_contact_is_checked(
    service: EscalationHarness, replica: Replica
) -> None:
    await escalated_contact(service)
    await execute(service, "UPDATE tracked_contacts SET resolved_at = now(), clocks = '[]'")
    await execute(service, "DELETE FROM timers")
    assert await replica.check() == (1, 1)


async def test_timer_claimed_by_open_transaction_is_not_missing(
    service: EscalationHarness, replica: Replica
) -> None:
    """Other transactions still see a claimed timer, and its state as before."""
    await escalated_contact(service)
    async with async_engine(service.database).connect() as firing:
        claimed = await firing.exec_driver_sql("DELETE FROM timers")
        assert claimed.rowcount == 2
        assert await replica.check() == (0, 0)


@asynccontextmanager
async def checking_continuously(replica: Replica) -> AsyncIterator[None]:
    done = asyncio.Event()

    async def repeat() -> None:
        while not done.is_set():
            await replica.checker.check_all(done)

    async with asyncio.TaskGroup() as group:
        group.create_task(repeat())
        yield
        done.set()


async def test_check_during_constant_changes_finds_nothing_missing(
    service: EscalationHarness, database: Database[UnitOfWork]
) -> None:
    """Clocks start, are met, breach and restart while the check runs without a pause."""
    replica = Replica(database, contacts_per_page=10)
    loops = [TimerLoop(service.dispatcher, Metrics(), Health()) for _ in range(2)]
    contacts: list[ContactReceived] = []
    async with checking_continuously(replica), run_workers(*loops):
        for _ in range(12):
            new = [await service.received() for _ in range(10)]
            old = contacts[-20:-10]
            await asyncio.gather(
                service.handle_events(*new, *map(supervisor_request, new)),
                service.handle_events(*map(assigned, contacts[-10:])),
                service.handle_events(*map(resolved, old)),
            )
            await service.handle_events(*map(reopened, old))
            contacts += new
            service.database.clock.offset += timedelta(seconds=15)
    assert await replica.check() == (0, 0)
    assert value(replica.metrics.contacts) == len(contacts)
    assert await reports(service) == []


def reopened(contact: ContactReceived) -> Event:
    return ContactReopened(
        contact_id=contact.contact_id,
        occurred_at=contact.occurred_at + timedelta(seconds=1),
        reason="not settled",
    )


async def test_failing_check_continues_and_does_not_report_finished(
    service: EscalationHarness, database: Database[UnitOfWork]
) -> None:
    replica = Replica(database, interval=timedelta(milliseconds=1))
    await escalated_contact(service)
    await execute(service, "UPDATE tracked_contacts SET clocks = '[7]'")
    stopping = asyncio.Event()
    with errors_logged() as logs:
        async with asyncio.TaskGroup() as group:
            group.create_task(replica.checker.run(stopping))
            await until(lambda: len(logs) > 1)
            stopping.set()
    assert {line["event"] for line in logs} == {"timer_check_failed"}
    assert value(replica.metrics.finished) == 0


async def test_timer_type_of_newer_version_is_ignored(
    service: EscalationHarness, replica: Replica
) -> None:
    await escalated_contact(service)
    await execute(service, "UPDATE timers SET type = 'SnoozeEnds' WHERE slot = 'escalation'")
    assert await replica.check() == (0, 0)


async def test_unanswered_escalations_are_counted_until_acknowledged(
    service: EscalationHarness, replica: Replica, api: httpx.AsyncClient
) -> None:
    async def unanswered() -> float:
        await replica.check()
        return value(replica.metrics.unanswered)

    contact = await service.received()
    await service.handle_events(contact)
    body = {"contact_id": contact.contact_id, "reason": "look"}
    raised = (await api.post("/v1/escalations", json=body)).json()
    assert await unanswered() == 0
    await service.advance_time(51)
    await service.advance_time(71)
    assert await unanswered() == 1
    await api.post(f"/v1/escalations/{raised['escalation_id']}/acknowledge")
    assert await unanswered() == 0

"""What loses a timer behind the service's back is found out, put right, and told to operations."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from structlog.testing import capture_logs

from common.contracts.contacts import (
    ContactReceived,
    ContactReopened,
    ContactResolved,
    SupervisorRequested,
)
from common.contracts.escalations import TimerMissing
from common.contracts.event import Event
from common.core.health import Health
from common.core.metrics import Metrics
from common.messaging.timer_loop import TimerLoop
from common.storage.database import Database
from escalation.metrics import AuditMetrics
from escalation.store.unit_of_work import UnitOfWork
from escalation.workers import timer_check
from escalation.workers.timer_check import Auditor
from integration.escalation.conftest import Desk, assigned
from support.probe import running
from support.waiting import until

pytestmark = pytest.mark.usefixtures("configured")

NOW = timedelta(0)


class Replica:
    """The audit of one process."""

    def __init__(self, database: Database[UnitOfWork]) -> None:
        self.metrics = AuditMetrics(CollectorRegistry())
        self.auditor = Auditor(database, self.metrics)

    async def round(self) -> tuple[float, float]:
        """Go over all; return how many timers are missing, and how many ever raised the alarm."""
        await self.auditor.go_over_all(asyncio.Event())
        return value(self.metrics.missing), value(self.metrics.alarms)


def value(metric: Gauge | Counter) -> float:
    (family,) = metric.collect()
    return next(one.value for one in family.samples if not one.name.endswith("_created"))


@pytest.fixture
def replica(database: Database[UnitOfWork], monkeypatch: pytest.MonkeyPatch) -> Replica:
    monkeypatch.setattr(timer_check, "_BETWEEN", NOW)
    return Replica(database)


@contextmanager
def errors_logged() -> Iterator[list[Any]]:
    """Collect what all other tests keep quiet."""
    quiet = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        with capture_logs() as lines:
            yield lines
    finally:
        structlog.configure(wrapper_class=quiet)


def asked(contact: ContactReceived) -> Event:
    return SupervisorRequested(
        contact_id=contact.contact_id, occurred_at=contact.occurred_at, quote="Your boss, please."
    )


def resolved(contact: ContactReceived) -> Event:
    return ContactResolved(contact_id=contact.contact_id, occurred_at=contact.occurred_at)


async def upstairs(desk: Desk) -> ContactReceived:
    """Have a contact with all its clocks running and an open escalation."""
    contact = await desk.received()
    await desk.tell(contact, asked(contact))
    return contact


async def behind_its_back(desk: Desk, statement: str) -> None:
    async with desk.database.engine.begin() as connection:
        await connection.exec_driver_sql(statement)


async def alarms(desk: Desk) -> list[TimerMissing]:
    found = await desk.rows(
        "SELECT data FROM published_events"
        " WHERE type = 'upstairs.timer_missing.v1' ORDER BY event_id"
    )
    return [TimerMissing.model_validate(row.data) for row in found]


async def timers(desk: Desk, contact: ContactReceived) -> set[tuple[object, ...]]:
    found = await desk.rows(
        "SELECT slot, type, due_at, data::text FROM timers"
        f" WHERE contact_id = '{contact.contact_id}'"
    )
    return {tuple(row) for row in found}


@pytest.mark.parametrize(
    "slot", ["clock:assignment", "clock:first_response", "clock:resolution", "escalation"]
)
async def test_a_timer_that_was_deleted_comes_back_and_operations_are_told_once(
    desk: Desk, replica: Replica, slot: str
) -> None:
    contact, _other = await upstairs(desk), await upstairs(desk)
    before = await timers(desk, contact)
    assert len(before) == 4
    await behind_its_back(
        desk,
        f"DELETE FROM timers WHERE contact_id = '{contact.contact_id}' AND slot = '{slot}'",
    )
    with errors_logged() as logs:
        assert await replica.round() == (1, 1)
        assert await replica.round() == (0, 1)
    assert await timers(desk, contact) == before
    (alarm,) = await alarms(desk)
    assert (alarm.contact_id, alarm.slot, alarm.instead) == (contact.contact_id, slot, None)
    assert [alarm.due_at] == [due_at for one, _, due_at, _ in before if one == slot]
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
async def test_a_timer_that_is_set_wrong_is_as_good_as_none(
    desk: Desk, replica: Replica, wrong: str
) -> None:
    contact = await upstairs(desk)
    before = await timers(desk, contact)
    if "LeaseExpires" in wrong:
        wrong += """, data = data || '{"lease_no": 1}'"""
    await behind_its_back(desk, f"UPDATE timers SET {wrong} WHERE slot = 'escalation'")
    assert await replica.round() == (1, 1)
    assert await timers(desk, contact) == before
    (alarm,) = await alarms(desk)
    assert alarm.instead is not None


async def test_what_is_lost_again_is_seen_but_neither_told_nor_set_again(
    desk: Desk, replica: Replica
) -> None:
    """It would be buried and put back for ever, if its handler can't take it."""
    await upstairs(desk)
    lose = "DELETE FROM timers WHERE slot = 'escalation'"
    await behind_its_back(desk, lose)
    await replica.round()
    await behind_its_back(desk, lose)
    for _ in range(2):
        assert await replica.round() == (1, 1)
    assert len(await alarms(desk)) == 1


async def test_replicas_that_find_the_same_raise_one_alarm(
    desk: Desk, replica: Replica, database: Database[UnitOfWork]
) -> None:
    await upstairs(desk)
    await behind_its_back(desk, "DELETE FROM timers WHERE slot = 'escalation'")
    other = Replica(database)
    found = await asyncio.gather(replica.round(), other.round())
    assert sum(news for _, news in found) == 1
    assert len(await alarms(desk)) == 1


async def test_all_that_is_open_is_gone_over_and_nothing_else(
    desk: Desk, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However old it is, and page by page."""
    monkeypatch.setattr(timer_check, "_PAGE", 2)
    open_ones = [await desk.received() for _ in range(5)]
    done = [await desk.received() for _ in range(3)]
    await desk.tell(*open_ones, *done, *map(resolved, done))
    desk.database.clock.offset = timedelta(days=1000)
    await behind_its_back(desk, "DELETE FROM timers WHERE slot = 'clock:resolution'")
    assert await replica.round() == (5, 5)
    assert value(replica.metrics.contacts) == 5
    assert {one.contact_id for one in await alarms(desk)} == {one.contact_id for one in open_ones}
    began, finished = (value(one) for one in (replica.metrics.oldest, replica.metrics.finished))
    assert 0 < began <= finished


async def test_an_open_escalation_is_looked_at_even_if_its_contact_seems_closed(
    desk: Desk, replica: Replica
) -> None:
    await upstairs(desk)
    await behind_its_back(desk, "UPDATE watches SET resolved_at = now(), clocks = '[]'")
    await behind_its_back(desk, "DELETE FROM timers")
    assert await replica.round() == (1, 1)


async def test_what_is_in_flight_is_no_finding(desk: Desk, replica: Replica) -> None:
    """A timer that has been claimed is gone for its own transaction alone, and so is its state."""
    await upstairs(desk)
    async with desk.database.engine.connect() as firing:
        claimed = await firing.exec_driver_sql("DELETE FROM timers")
        assert claimed.rowcount == 4
        assert await replica.round() == (0, 0)


@asynccontextmanager
async def audited_all_the_time(replica: Replica) -> AsyncIterator[None]:
    done = asyncio.Event()

    async def again_and_again() -> None:
        while not done.is_set():
            await replica.auditor.go_over_all(done)

    async with asyncio.TaskGroup() as group:
        group.create_task(again_and_again())
        yield
        done.set()


async def test_nothing_is_found_while_everything_changes(
    desk: Desk, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clocks start, are met, breach and start anew while the audit looks on without a break."""
    monkeypatch.setattr(timer_check, "_PAGE", 10)
    loops = [TimerLoop(desk.dispatcher, Metrics(), Health()) for _ in range(2)]
    contacts: list[ContactReceived] = []
    async with audited_all_the_time(replica), running(*loops):
        for _ in range(12):
            new = [await desk.received() for _ in range(10)]
            old = contacts[-20:-10]
            await asyncio.gather(
                desk.tell(*new, *map(asked, new)),
                desk.tell(*map(assigned, contacts[-10:])),
                desk.tell(*map(resolved, old)),
            )
            await desk.tell(*map(reopened, old))
            contacts += new
            desk.database.clock.offset += timedelta(seconds=15)
    assert await replica.round() == (0, 0)
    assert value(replica.metrics.contacts) == len(contacts)
    assert await alarms(desk) == []


def reopened(contact: ContactReceived) -> Event:
    return ContactReopened(
        contact_id=contact.contact_id,
        occurred_at=contact.occurred_at + timedelta(seconds=1),
        reason="not settled",
    )


async def test_an_audit_that_fails_goes_on_and_shows_that_it_has_not_finished(
    desk: Desk, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timer_check, "_EVERY", timedelta(milliseconds=1))
    await upstairs(desk)
    await behind_its_back(desk, "UPDATE watches SET clocks = '[7]'")
    stopping = asyncio.Event()
    with errors_logged() as logs:
        async with asyncio.TaskGroup() as group:
            group.create_task(replica.auditor.run(stopping))
            await until(lambda: len(logs) > 1)
            stopping.set()
    assert {line["event"] for line in logs} == {"audit_failed"}
    assert value(replica.metrics.finished) == 0


async def test_a_timer_that_a_newer_version_has_set_is_left_to_its_audit(
    desk: Desk, replica: Replica
) -> None:
    await upstairs(desk)
    await behind_its_back(desk, "UPDATE timers SET type = 'SnoozeEnds' WHERE slot = 'escalation'")
    assert await replica.round() == (0, 0)

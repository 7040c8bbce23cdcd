"""What wakes the timer loop, and what it notices without being woken."""

from datetime import timedelta
from typing import Any

import pytest

from common.messaging import timer_loop
from common.messaging.timer_loop import TimerLoop
from common.storage.database import Database
from support.databases import rows
from support.probe import (
    Broker,
    Replica,
    UnitOfWork,
    new_contact,
    open_database,
    run_until_cancelled,
    run_workers,
)
from support.timers import FAR, SOON, change, noted, pending, reminder
from support.waiting import until

# By what each session of this database asked last; ours is this question.
_LOOKED = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%min(due_at)%'
"""


async def test_earlier_timer_wakes_the_loop(replica: Replica, probe_url: str) -> None:
    """With a sleep so long that only being woken explains that it fires."""
    timers = TimerLoop(replica.dispatcher, replica.metrics, replica.health, max_sleep=FAR)
    replica.database.after_commit(lambda uow: timers.wake(uow.timers.earliest))
    contact_id = new_contact()
    await change(replica.database, (reminder(contact_id, "later"), FAR))
    async with run_until_cancelled(timers), open_database(probe_url) as watching:
        await until(lambda: rows(watching, _LOOKED))
        await change(replica.database, (reminder(contact_id, "sooner"), SOON))
        await until(lambda: noted(replica.database))
    assert await pending(replica.database) == ["later"]


async def test_timer_that_is_due_later_does_not_wake_the_loop(
    replica: Replica, probe_url: str
) -> None:
    timers = TimerLoop(replica.dispatcher, replica.metrics, replica.health, max_sleep=FAR)
    replica.database.after_commit(lambda uow: timers.wake(uow.timers.earliest))
    contact_id = new_contact()
    await change(replica.database, (reminder(contact_id, "next"), FAR / 2))
    async with run_until_cancelled(timers), open_database(probe_url) as watching:
        await until(lambda: rows(watching, _LOOKED))
        await until(lambda: timers._sleeps_until < timer_loop.FOREVER)
        for name, due_in in (("after the next", FAR * 2 / 3), ("after the check", 2 * FAR)):
            await change(replica.database, (reminder(contact_id, name), due_in))
            # Nothing else has run since the commit.
            assert not timers._woken.is_set()


async def test_timer_that_is_committed_during_the_check_is_noticed(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a sleep so long that only being woken explains that it fires."""
    timers = TimerLoop(replica.dispatcher, replica.metrics, replica.health, max_sleep=FAR)
    replica.database.after_commit(lambda uow: timers.wake(uow.timers.earliest))
    contact_id = new_contact()
    fetch_row = replica.database.fetch_row
    second = [reminder(contact_id, "second")]

    async def answer_late(query: str, *values: object) -> Any:
        row = await fetch_row(query, *values)
        if row["due_at"] is None and second:
            await change(replica.database, (second.pop(), SOON))
        return row

    monkeypatch.setattr(replica.database, "fetch_row", answer_late)
    await change(replica.database, (reminder(contact_id, "first"), SOON))
    async with run_until_cancelled(timers):
        await until(
            lambda: noted(replica.database),
            lambda notes: notes == {contact_id: ("first", "second")},
        )


async def test_timer_of_a_process_without_loop_fires(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    replica, contact_id = Replica(database, broker), new_contact()
    async with run_workers(replica.timers):
        await until(lambda: replica.timers._sleeps_until < timer_loop.FOREVER)
        await change(database, (reminder(contact_id), timedelta(0)))
        await until(lambda: noted(database))

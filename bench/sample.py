"""A minimal service that works like escalation, to measure `common` alone.

The timer's handler locks a row of state, decides, saves it and adds one event to the outbox.
`python -m bench.sample` serves it, with the settings of any service.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import uvloop
from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text, Uuid

from common.contracts.clocks import ClockBreached
from common.contracts.contract import Instant
from common.contracts.event import ContactId
from common.core.clock import TimeSource
from common.core.health import Health
from common.core.metrics import Metrics
from common.messages import Timer
from common.messaging.dispatcher import Dispatcher
from common.messaging.subscriptions import HandlerRegistry
from common.messaging.timer_loop import TimerLoop
from common.service.settings import ServiceSettings
from common.service.spec import ServiceSpec, serve
from common.storage.connection import Connection
from common.storage.database import Database, connect
from common.storage.rows import LockedTable
from common.storage.tables import RELIABILITY
from common.storage.uow import UnitOfWork as BaseUnitOfWork

U = TypeVar("U", bound=BaseUnitOfWork)

NAME = "sample"
STATEMENTS = (
    *RELIABILITY,
    """
    CREATE TABLE cases (
        contact_id uuid PRIMARY KEY,
        state text NOT NULL,
        breaches integer NOT NULL,
        changed_at timestamptz NOT NULL
    )
    """,
)


def fill_statement(due_at: str) -> str:
    """Return SQL that writes $1 cases, each with a timer; `due_at` is SQL over `n`, from 1."""
    return f"""
        WITH due AS MATERIALIZED (
            SELECT uuidv7() AS contact_id, {due_at} AS due_at
            FROM generate_series(1, $1::integer) AS n
        ), kept AS (
            INSERT INTO cases SELECT contact_id, 'open', 0, due_at FROM due
        )
        INSERT INTO timers (due_at, contact_id, slot, type, trace, data)
        SELECT due_at, contact_id, 'DeadlineDue', 'DeadlineDue',
               decode(repeat('0123456789abcdef', 3) || '01', 'hex'),
               jsonb_build_object('contact_id', contact_id, 'due_at', due_at)
        FROM due
    """


cases = Table(
    "cases",
    MetaData(),
    Column("contact_id", Uuid(as_uuid=False), primary_key=True),
    Column("state", Text, nullable=False),
    Column("breaches", Integer, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Case:
    contact_id: ContactId
    state: str
    breaches: int
    changed_at: datetime


class DeadlineDue(Timer):
    due_at: Instant


class UnitOfWork(BaseUnitOfWork):
    def __init__(self, connection: Connection, now: datetime) -> None:
        super().__init__(connection, now)
        self.cases = LockedTable[ContactId, Case](connection, cases, Case)
        # For the measurement: when the timers of this transaction were due.
        self.due_times: list[datetime] = []

    @property
    def rows(self) -> Sequence[LockedTable[Any, Any]]:
        return (self.cases,)

    async def prelock(self, contact_ids: Sequence[ContactId]) -> None:
        await self.cases.lock_all(contact_ids)


async def breach(timer: DeadlineDue, uow: UnitOfWork) -> None:
    case = await uow.cases.lock(timer.contact_id)
    if case is None or case.state != "open":
        return
    case, breached = _breach(case, timer.due_at, uow.now)
    uow.cases.put(case)
    uow.outbox.add([breached])
    uow.due_times.append(timer.due_at)


def _breach(case: Case, due_at: datetime, now: datetime) -> tuple[Case, ClockBreached]:
    lateness_ms = (now - due_at).total_seconds() * 1000
    return (
        replace(case, state="breached", breaches=case.breaches + 1, changed_at=now),
        ClockBreached(
            contact_id=case.contact_id,
            occurred_at=now,
            clock="first_response",
            due_at=due_at,
            lateness_ms=lateness_ms,
            policy_id="bench",
            policy_version=1,
            run=1,
        ),
    )


async def do_nothing(_timer: DeadlineDue, _uow: BaseUnitOfWork) -> None:
    """Do nothing, like the jobs of the baselines."""


SUBSCRIPTIONS = HandlerRegistry[UnitOfWork]().on(DeadlineDue, breach)
BARE_SUBSCRIPTIONS = HandlerRegistry[BaseUnitOfWork]().on(DeadlineDue, do_nothing)


@asynccontextmanager
async def open_database(url: str, unit_of_work: type[U]) -> AsyncIterator[Database[U]]:
    engine = connect(url, schema=NAME)
    try:
        yield Database(engine, unit_of_work, TimeSource())
    finally:
        await engine.dispose()


@asynccontextmanager
async def run_timer_loop(
    database: Database[U], subscriptions: HandlerRegistry[U]
) -> AsyncIterator[Callable[[], float]]:
    """Fire timers as `serve` does; yield a function that returns how many have fired."""
    metrics, stopping = Metrics(), asyncio.Event()
    timers = TimerLoop(Dispatcher(database, subscriptions, metrics), metrics, Health())
    database.after_commit(lambda uow: timers.wake(uow.timers.earliest))
    async with asyncio.TaskGroup() as group:
        group.create_task(timers.run(stopping))
        yield metrics.messages.labels(DeadlineDue.type, "fired")._value.get  # noqa: SLF001 - no public way to read it
        stopping.set()


if __name__ == "__main__":
    parts = ServiceSpec(NAME, UnitOfWork, SUBSCRIPTIONS, ())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(parts, ServiceSettings()))

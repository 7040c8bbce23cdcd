"""What a service looks after beside its work: its database, its partitions, what is left undone."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import text

from common.backoff import pause
from common.database import Database
from common.errors import is_transient
from common.health import Health
from common.inbox import Inbox
from common.metrics import Metrics
from common.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)

_EVERY = timedelta(seconds=2)
_PARTITIONS_EVERY = timedelta(hours=1)

log = structlog.get_logger()


class Housekeeper(Generic[U]):
    """Looks every two seconds.

    A database that is away is trouble. What waits too long in the outbox or among the timers is
    a metric: intake goes on accepting contacts while Kafka is away.
    """

    def __init__(self, database: Database[U], metrics: Metrics, health: Health) -> None:
        self._database = database
        self._metrics = metrics
        self._health = health
        self._partitions_due: datetime | None = None
        health.trouble("database", "not reached yet")

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                async with self._database.transaction() as uow:
                    await self._keep_partitions(uow)
                    await self._measure(uow)
            except Exception as error:
                if not is_transient(error):
                    raise
                self._health.trouble("database", repr(error))
                log.warning("database_away", error=repr(error))
            else:
                self._health.well("database")
            await pause(_EVERY.total_seconds(), stopping)

    async def _keep_partitions(self, uow: UnitOfWork) -> None:
        if self._partitions_due is None or uow.now >= self._partitions_due:
            # One replica at a time changes them.
            await uow.connection.execute(_LOCK)
            await Inbox(uow.connection).keep_partitions(uow.now.date())
            self._partitions_due = uow.now + _PARTITIONS_EVERY

    async def _measure(self, uow: UnitOfWork) -> None:
        since = (await uow.connection.execute(_OLDEST)).one()
        self._metrics.outbox_oldest_seconds.set(_age(since.published, uow.now))
        self._metrics.timer_overdue_seconds.set(_age(since.due, uow.now))


def _age(since: Any, now: datetime) -> float:
    return max((now - since).total_seconds(), 0) if since else 0


_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('partitions ' || current_schema()))")
_OLDEST = text("""
    SELECT (SELECT at FROM outbox ORDER BY id LIMIT 1) AS published,
           (SELECT min(due_at) FROM timers) AS due
""")

"""What a service looks after beside its work: its database, its partitions, what is left undone."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import text

from common.core.backoff import pause
from common.core.errors import is_transient
from common.core.health import Health
from common.core.metrics import Metrics
from common.storage.database import Database
from common.storage.dead_letter_store import DeadLetterStore
from common.storage.inbox import Inbox
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)

_EVERY = timedelta(seconds=2)
_TIDIES_EVERY = timedelta(hours=1)

log = structlog.get_logger()


class Housekeeper(Generic[U]):
    """Looks every two seconds.

    A database that is away is trouble. What waits too long in the outbox or among the timers is
    a metric: intake goes on accepting contacts while Kafka is away.
    """

    def __init__(
        self,
        database: Database[U],
        metrics: Metrics,
        health: Health,
        timers: Collection[str] = (),
    ) -> None:
        """`timers` are the types that this version knows."""
        self._database = database
        self._metrics = metrics
        self._health = health
        self._timers = timers
        self._tidies_at: datetime | None = None
        health.report_trouble("database", "not reached yet")

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                async with self._database.transaction() as uow:
                    await self._tidy(uow)
                    await self._measure(uow)
            except Exception as error:
                if not is_transient(error):
                    raise
                self._health.report_trouble("database", repr(error))
                log.warning("database_away", error=repr(error))
            else:
                self._health.report_well("database")
            await pause(_EVERY.total_seconds(), stopping)

    async def _tidy(self, uow: UnitOfWork) -> None:
        if self._tidies_at is None or uow.now >= self._tidies_at:
            # One replica at a time changes them.
            await uow.connection.execute(_LOCK)
            await Inbox(uow.connection).keep_partitions(uow.now.date())
            await DeadLetterStore(uow.connection).forget(uow.now)
            self._tidies_at = uow.now + _TIDIES_EVERY

    async def _measure(self, uow: UnitOfWork) -> None:
        values = {"timers": list(self._timers), "now": uow.now}
        seen = (await uow.connection.execute(_SEEN, values)).one()
        self._metrics.outbox_oldest_seconds.set(_age(seen.published, uow.now))
        self._metrics.timer_overdue_seconds.set(_age(seen.due, uow.now))
        self._metrics.unknown_timer_overdue_seconds.set(_age(seen.unknown_due, uow.now))
        self._metrics.dead_letters_waiting.set(seen.letters)
        self._metrics.timer_backlog.set(seen.backlog)


def _age(since: Any, now: datetime) -> float:
    return max((now - since).total_seconds(), 0) if since else 0


_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('partitions ' || current_schema()))")
# Timers that nobody here can handle stay, so sooner or later they are among the oldest.
_SEEN = text("""
    SELECT (SELECT at FROM outbox ORDER BY id LIMIT 1) AS published,
           (SELECT min(due_at) FROM timers) AS due,
           (SELECT min(due_at) FROM
               (SELECT due_at, type FROM timers ORDER BY due_at, id LIMIT 1000) AS oldest
            WHERE type <> ALL(CAST(:timers AS text[]))) AS unknown_due,
           (SELECT count(*) FROM dead_letters WHERE state = 'waiting') AS letters,
           (SELECT count(*) FROM
               (SELECT FROM timers WHERE due_at <= :now LIMIT 10000) AS due) AS backlog
""")

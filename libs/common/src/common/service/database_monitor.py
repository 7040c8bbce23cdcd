"""Watches the database, and measures what waits in the outbox, the timers and the dead letters."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

import structlog
from sqlalchemy import text

from common.core.backoff import pause
from common.core.errors import is_transient
from common.core.health import Health
from common.core.metrics import Metrics
from common.storage.database import Database
from common.storage.dead_letters import DELIVERY_ORIGIN_PREFIX, OUTBOX_ORIGIN_PREFIX
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)

_INTERVAL: Final = timedelta(seconds=2)

log = structlog.get_logger()


class DatabaseCheck(Generic[U]):
    """Checks every two seconds.

    An unavailable database makes the service not ready. A role that may change tables degrades it,
    until the service has another one.
    """

    name = "database monitor"

    def __init__(
        self, database: Database[U], health: Health, *, interval: timedelta = _INTERVAL
    ) -> None:
        self._database = database
        self._health = health
        self._interval = interval
        health.report_trouble("database", "not reached yet")

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                async with self._database.transaction() as uow:
                    await self._check_role(uow)
                    await self._measure(uow)
            except Exception as error:
                self._health.report_trouble("database", repr(error))
                if is_transient(error):
                    log.warning("database_unavailable", error=repr(error))
                else:
                    log.exception("database_check_failed")
            else:
                self._health.report_healthy("database")
            await pause(self._interval.total_seconds(), stopping)

    async def _check_role(self, uow: UnitOfWork) -> None:
        owns_tables = (await uow.connection.execute(_OWNS_TABLES)).scalar_one()
        self._health.report_degradation(
            "database role",
            "UPSTAIRS_DATABASE_URL names a role that owns the tables: use the one that serves."
            if owns_tables
            else None,
        )

    async def _measure(self, uow: U) -> None:
        """Measure what the service has in its tables."""


class DatabaseMonitor(DatabaseCheck[U]):
    """Also measures what waits in the tables of a service with events.

    What waits too long in the outbox or among the timers is only a metric: intake accepts contacts
    also while Kafka is down. An event that Kafka has refused, or a delivery of an outside system
    that was kept, degrades the service until its dead letter is closed.
    """

    def __init__(
        self,
        database: Database[U],
        metrics: Metrics,
        health: Health,
        timers: Collection[str] = (),
        *,
        interval: timedelta = _INTERVAL,
    ) -> None:
        """`timers` are the types that this version knows."""
        super().__init__(database, health, interval=interval)
        self._metrics = metrics
        self._timers = timers

    async def _measure(self, uow: U) -> None:
        values = {
            "timers": list(self._timers),
            "now": uow.now,
            "outbox": OUTBOX_ORIGIN_PREFIX,
            "delivery": DELIVERY_ORIGIN_PREFIX,
        }
        waiting = (await uow.connection.execute(_WAITING, values)).single()
        self._metrics.outbox_oldest_seconds.set(_age(waiting.published, uow.now))
        self._metrics.timer_overdue_seconds.set(_age(waiting.due, uow.now))
        self._metrics.unknown_timer_overdue_seconds.set(_age(waiting.unknown_due, uow.now))
        self._metrics.dead_letters_waiting.set(waiting.dead_letters)
        self._metrics.timer_backlog.set(waiting.backlog)
        self._metrics.refused_events_waiting.set(waiting.refused_events)
        self._health.report_degradation(
            "outbox",
            f"Kafka has refused {waiting.refused_events} events: see `dead-letters list`."
            if waiting.refused_events
            else None,
        )
        self._health.report_degradation(
            "deliveries",
            f"Deliveries of outside systems that were kept and not applied: {waiting.deliveries}."
            " See `dead-letters list`."
            if waiting.deliveries
            else None,
        )


def _age(since: Any, now: datetime) -> float:
    return max((now - since).total_seconds(), 0) if since else 0


# Timers of unknown types stay in the table, so in time they are among the oldest.
_WAITING = text("""
    SELECT (SELECT at FROM published_events WHERE event_id = (
                SELECT event_ids[1] FROM outbox ORDER BY id LIMIT 1)) AS published,
           (SELECT min(due_at) FROM timers) AS due,
           (SELECT min(due_at) FROM
               (SELECT due_at, type FROM timers ORDER BY due_at, id LIMIT 1000) AS oldest
            WHERE type <> ALL(CAST(:timers AS text[]))) AS unknown_due,
           letters.*,
           (SELECT count(*) FROM
               (SELECT FROM timers WHERE due_at <= :now LIMIT 10000) AS due) AS backlog
    FROM (SELECT count(*) AS dead_letters,
                 count(*) FILTER (WHERE starts_with(origin, :outbox)) AS refused_events,
                 count(*) FILTER (WHERE starts_with(origin, :delivery)) AS deliveries
          FROM dead_letters WHERE state = 'waiting') AS letters
""")
# Also true of a superuser.
_OWNS_TABLES = text("""
    SELECT pg_has_role(current_user, relowner, 'MEMBER')
    FROM pg_class WHERE oid = CAST('lock_salt' AS regclass)
""")

"""Looks a week ahead at every duty schedule, and tells operations where nobody will be on duty.

Every replica does so on its own, as the audit does; one after the other, so that one tells.
"""

import asyncio
from datetime import timedelta

import structlog

from common.backoff import pause
from common.database import Database
from common.errors import is_transient
from escalation import handlers
from escalation.domain.duty import DutySchedule
from escalation.metrics import GapMetrics
from escalation.store import UnitOfWork

_EVERY = timedelta(minutes=10)
# A schedule takes some milliseconds, and others wait meanwhile.
_BETWEEN = timedelta(milliseconds=50)

log = structlog.get_logger()


class GapWatch:
    def __init__(self, database: Database[UnitOfWork], metrics: GapMetrics) -> None:
        self._database = database
        self._metrics = metrics

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await self.look_ahead(stopping)
            except Exception as error:
                # It must not end the service. That it no longer finishes is seen.
                if is_transient(error):
                    log.warning("gap_watch_waits", error=repr(error))
                else:
                    log.exception("gap_watch_failed")
            await pause(_EVERY.total_seconds(), stopping)

    async def look_ahead(self, stopping: asyncio.Event) -> None:
        async with self._database.transaction() as uow:
            schedules = (await uow.configurations.in_force()).all_of(DutySchedule)
        for schedule in schedules:
            async with self._database.transaction() as uow:
                uncovered = await handlers.announce_gaps(schedule.id, uow)
            self._metrics.ahead.labels(schedule.id).set(uncovered.total_seconds())
            if await pause(_BETWEEN.total_seconds(), stopping):
                return
        self._metrics.finished.set(self._database.clock.wall().timestamp())

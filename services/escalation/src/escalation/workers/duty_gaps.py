"""Looks a week ahead at every duty schedule, and tells operations where nobody will be on duty.

Every replica does so on its own, as the audit does; one after the other, so that one tells.
"""

import asyncio
from datetime import timedelta

import structlog

from common.core.backoff import pause
from common.core.errors import is_transient
from common.storage.database import Database
from escalation import handlers
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.duty_gaps import Outlook, look_ahead
from escalation.metrics import GapMetrics
from escalation.store.unit_of_work import UnitOfWork

_EVERY = timedelta(minutes=10)
# So that many schedules do not keep a core busy for long.
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
            outlook = await self._announced(schedule.id)
            self._metrics.ahead.labels(schedule.id).set(outlook.uncovered.total_seconds())
            if await pause(_BETWEEN.total_seconds(), stopping):
                return
        self._metrics.finished.set(self._database.clock.utc_now().timestamp())

    async def _announced(self, schedule_id: str) -> Outlook:
        """Look while nobody waits for it, and again if the settings have changed meanwhile."""
        while True:
            async with self._database.transaction() as uow:
                configuration, at = await uow.configurations.in_force(), uow.now
            schedule = configuration.schedules[schedule_id]
            # It may take seconds: clocks and consumers go on beside it.
            outlook = await asyncio.to_thread(look_ahead, schedule, configuration.absences, at)
            async with self._database.transaction() as uow:
                if await handlers.announce_gaps(outlook, uow):
                    return outlook

"""Checks every duty schedule for gaps in the week ahead and announces them to operations.

Every replica runs it. A table lock lets only one of them announce a gap.
"""

import asyncio
from datetime import timedelta

import structlog

from common.core.backoff import pause
from common.core.errors import is_transient
from common.storage.database import Database
from escalation import use_cases
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.duty_gaps import GapForecast, forecast_gaps
from escalation.metrics import DutyGapMetrics
from escalation.store.unit_of_work import UnitOfWork

_INTERVAL = timedelta(minutes=10)
# Bounds the share of a core that many schedules use.
_PAUSE_BETWEEN_SCHEDULES = timedelta(milliseconds=50)

log = structlog.get_logger()


class GapAnnouncer:
    name = "duty gaps"

    def __init__(self, database: Database[UnitOfWork], metrics: DutyGapMetrics) -> None:
        self._database = database
        self._metrics = metrics

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await self.announce_all(stopping)
            except Exception as error:
                # A failure must not stop the service; the age of `finished` shows it.
                if is_transient(error):
                    log.warning("duty_gap_check_backing_off", error=repr(error))
                else:
                    log.exception("duty_gap_check_failed")
            await pause(_INTERVAL.total_seconds(), stopping)

    async def announce_all(self, stopping: asyncio.Event) -> None:
        async with self._database.transaction() as uow:
            schedules = (await uow.settings.in_force()).all_of(DutySchedule)
        for schedule in schedules:
            await self._announce_one(schedule.id)
            if await pause(_PAUSE_BETWEEN_SCHEDULES.total_seconds(), stopping):
                return
        self._metrics.finished.set(self._database.clock.utc_now().timestamp())

    async def _announce_one(self, schedule_id: str) -> None:
        """A schedule that fails leaves its metric as it was; the others are announced."""
        try:
            forecast = await self._announce(schedule_id)
        except Exception as error:
            if is_transient(error):
                raise
            self._metrics.failures.labels(schedule_id).inc()
            log.exception("duty_gap_check_of_schedule_failed", schedule=schedule_id)
        else:
            uncovered = 0.0 if forecast is None else forecast.uncovered.total_seconds()
            self._metrics.uncovered.labels(schedule_id).set(uncovered)

    async def _announce(self, schedule_id: str) -> GapForecast | None:
        """Forecast without a lock; repeat if the settings changed meanwhile. None: archived."""
        while True:
            async with self._database.transaction() as uow:
                configuration, at = await uow.settings.in_force(), uow.now
            schedule = configuration.schedules.get(schedule_id)
            if schedule is None:
                return None
            # It may take seconds, so it runs in a thread beside clocks and consumers.
            forecast = await asyncio.to_thread(forecast_gaps, schedule, configuration.absences, at)
            async with self._database.transaction() as uow:
                if await use_cases.announce_gaps(forecast, uow):
                    return forecast

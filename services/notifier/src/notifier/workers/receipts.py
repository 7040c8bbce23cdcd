"""Looks for messages without a receipt in time, so that another method stands in for them."""

import asyncio

from common.core.backoff import pause
from common.core.health import Health
from common.storage.database import Database
from notifier.metrics import DeliveryMetrics
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import failover
from notifier.workers.steps import repeat

# Receipts are waited for tens of seconds.
_POLL_S = 1.0
_MAX_OVERDUE = 100


class ReceiptWorker:
    name = "receipts"

    def __init__(
        self, database: Database[UnitOfWork], metrics: DeliveryMetrics, health: Health
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._health = health

    async def run(self, stopping: asyncio.Event) -> None:
        async def step() -> None:
            async with self._database.transaction() as uow:
                replaced = await failover.replace_overdue(_MAX_OVERDUE, uow)
            for medium in replaced:
                self._metrics.failovers.labels(medium, "no receipt").inc()
            if len(replaced) < _MAX_OVERDUE:
                await pause(_POLL_S, stopping)

        await repeat(step, self.name, self._health, stopping)

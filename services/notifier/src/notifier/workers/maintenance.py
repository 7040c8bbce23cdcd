"""Announces that maintenance windows have begun or ended, and lets go what waited for one."""

import asyncio
from typing import Final

from common.core.backoff import pause
from common.core.health import Health
from common.storage.database import Database
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import maintenance
from notifier.workers.steps import repeat

# Well within `maintenance.PAGES_DUE_AFTER_END`: the pages that waited come after the announcement.
_POLL_S: Final = 0.5


class MaintenanceAnnouncer:
    name = "maintenance"

    def __init__(self, database: Database[UnitOfWork], health: Health) -> None:
        self._database = database
        self._health = health

    async def run(self, stopping: asyncio.Event) -> None:
        async def step() -> None:
            async with self._database.transaction() as uow:
                await maintenance.announce(uow)
            async with self._database.transaction() as uow:
                await maintenance.release_again(uow)
            await pause(_POLL_S, stopping)

        await repeat(step, self.name, self._health, stopping)

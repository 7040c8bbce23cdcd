"""Keeps the templates in force at hand, so that sending a message reads none."""

import asyncio
from typing import Final

from common.core.backoff import pause
from common.core.health import Health
from common.storage.database import Database
from notifier.message_templates.library import TemplateLibrary
from notifier.store.unit_of_work import UnitOfWork
from notifier.workers.steps import repeat

# How long after a change messages may still be written by the template before.
REFRESH_S: Final = 2.0


class TemplateRefresh:
    """Loads the templates at the start and then every `refresh_s` seconds."""

    name = "template refresh"

    def __init__(
        self,
        library: TemplateLibrary,
        database: Database[UnitOfWork],
        health: Health,
        refresh_s: float = REFRESH_S,
    ) -> None:
        self._library = library
        self._database = database
        self._health = health
        self._refresh_s = refresh_s

    async def run(self, stopping: asyncio.Event) -> None:
        async def step() -> None:
            await self._load()
            await pause(self._refresh_s, stopping)

        await repeat(step, self.name, self._health, stopping)

    async def _load(self) -> None:
        async with self._database.transaction() as uow:
            templates = await uow.message_templates.in_force()
        self._library.load(templates)

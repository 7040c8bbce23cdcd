"""The database as commands of intake use it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from common.service import command_database
from common.service.settings import read_settings
from common.storage.database import Database
from intake.connection_secrets import ConnectionSecrets
from intake.settings import Settings
from intake.store import UnitOfWork


@asynccontextmanager
async def open_database() -> AsyncIterator[tuple[Database[UnitOfWork], Settings]]:
    settings = read_settings(Settings, kafka_bootstrap="unused")
    unit_of_work = partial(UnitOfWork, secrets=ConnectionSecrets.from_settings(settings))
    async with command_database.open_database(settings, "intake", unit_of_work) as database:
        yield database, settings

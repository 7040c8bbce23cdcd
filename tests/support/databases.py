"""Databases for tests: a template migrated once, cloned for each test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from common.contracts.services import SERVICES
from common.core.clock import TimeSource
from common.core.ids import new_id
from common.service.provision import RolePasswords, provision_schema
from common.storage.connection import Connection
from common.storage.database import Database, U, connect
from common.storage.migrations import migrate
from common.storage.roles import owner_role, serving_role
from stage.system import ROLE_PASSWORD as PASSWORD

__all__ = [
    "EMPTY",
    "PASSWORD",
    "PASSWORDS",
    "SERVICES",
    "Postgres",
    "async_engine",
    "make_template",
    "open_database",
    "rows",
    "waits_for_lock",
]

PASSWORDS = RolePasswords(serving=PASSWORD, owner=PASSWORD)
TEMPLATE = "upstairs_template"
# Generous, for a busy machine.
CONNECT_TIMEOUT_S = 60
# Every server has it.
EMPTY = "template1"


@dataclass(frozen=True)
class Postgres:
    """A server with the template on it."""

    admin_url: str

    def admin_of(self, database: str) -> str:
        return self._url(database).render_as_string(hide_password=False)

    def url(self, database: str, service: str) -> str:
        """Return the URL with the role that serves."""
        return self._url_as(serving_role(service), database)

    def owner_url(self, database: str, service: str) -> str:
        """Return the URL with the role that owns the tables."""
        return self._url_as(owner_role(service), database)

    def _url_as(self, role: str, database: str) -> str:
        url = self._url(database).set(username=role, password=PASSWORD)
        return url.render_as_string(hide_password=False)

    def _url(self, database: str) -> URL:
        return make_url(self.admin_url).set(drivername="postgresql+asyncpg", database=database)

    async def execute(self, statement: str, database: str | None = None) -> None:
        connection = await asyncpg.connect(self.admin_url, database=database)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    @asynccontextmanager
    async def clone(self, template: str = TEMPLATE) -> AsyncIterator[str]:
        """Make a fresh copy of a template, and drop it afterwards."""
        name = f"test_{new_id().replace('-', '')}"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield name
        finally:
            await self.execute(f"DROP DATABASE {name} WITH (FORCE)")


def make_template(postgres: Postgres) -> None:
    """Create the database that each test clones. Each migration runs its own event loop."""
    asyncio.run(postgres.execute(f"CREATE DATABASE {TEMPLATE}"))
    for service in SERVICES:
        asyncio.run(provision_schema(postgres.admin_of(TEMPLATE), service, PASSWORDS))
        migrate(service, postgres.owner_url(TEMPLATE, service))


class SteppedClock(TimeSource):
    """A clock that stands still until a test moves it, however slow the machine is.

    Each transaction is a microsecond later than the one before, so that their order is visible.
    """

    def __init__(self) -> None:
        super().__init__()
        self._start: datetime | None = None
        self._transactions = 0

    def of_transaction(self, database_time: datetime) -> datetime:
        if self._start is None:
            self._start = database_time
        self._transactions += 1
        return self._start + self.offset + timedelta(microseconds=self._transactions)

    def utc_now(self) -> datetime:
        return super().utc_now() if self._start is None else self._start + self.offset


@asynccontextmanager
async def open_database(
    postgres: Postgres,
    name: str,
    service: str,
    unit_of_work: Callable[[Connection, datetime], U],
    clock: TimeSource | None = None,
) -> AsyncIterator[Database[U]]:
    engine = connect(
        postgres.url(name, service), schema=service, connect_timeout_s=CONNECT_TIMEOUT_S
    )
    try:
        yield Database(engine, unit_of_work, clock or SteppedClock())
    finally:
        await engine.dispose()


def async_engine(database: Database[Any]) -> AsyncEngine:
    """Return SQLAlchemy's own interface to the pool of the service."""
    return AsyncEngine(database.engine.sync_engine)


async def rows(database: Database[Any], statement: str) -> list[Any]:
    """Run a query outside any unit of work, and return its rows."""
    async with async_engine(database).connect() as connection:
        return list((await connection.exec_driver_sql(statement)).all())


async def waits_for_lock(database: Database[Any]) -> bool:
    """Tell whether a transaction waits for what another one has locked."""
    waiting = (
        "SELECT 1 FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    return bool(await rows(database, waiting))

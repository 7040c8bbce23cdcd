"""A service's role can neither read another's schema, nor write or build in it, nor become it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import permutations

import asyncpg
import pytest

from support.databases import SERVICES, Postgres

FOREIGN = (
    "SELECT * FROM {other}.outbox",
    "INSERT INTO {other}.sequences VALUES ('key', 'topic', 1)",
    "DELETE FROM {other}.timers",
    "CREATE TABLE {other}.mine (id int)",
    "DROP TABLE {other}.published_events",
    "SET ROLE upstairs_{other}",
    "CREATE TABLE public.mine (id int)",
    "CREATE SCHEMA mine",
)


@asynccontextmanager
async def session(
    postgres: Postgres, database_name: str, service: str
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    url = postgres.url(database_name, service).replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_role_of_a_service_uses_its_own_schema(
    postgres: Postgres, database_name: str, service: str
) -> None:
    async with session(postgres, database_name, service) as own:
        assert await own.fetch("SELECT * FROM outbox") == []
        await own.execute("CREATE TABLE mine (id int)")
        assert await own.fetch(f"SELECT * FROM {service}.mine") == []


@pytest.mark.parametrize(("service", "other"), [*permutations(SERVICES, 2)])
async def test_role_of_a_service_is_refused_in_other_schemas(
    postgres: Postgres, database_name: str, service: str, other: str
) -> None:
    async with session(postgres, database_name, service) as connection:
        for statement in FOREIGN:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement.format(other=other))

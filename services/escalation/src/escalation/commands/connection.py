"""Runs a command's queries on a database connection of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeVar

from common.core import logs
from common.service.command_database import exit_if_unavailable
from common.service.settings import read_settings
from common.storage.connection import Connection
from common.storage.database import begin, connect, open_session
from escalation.settings import Settings

T = TypeVar("T")

EXIT_CHECK_FAILED: Final = 1
EXIT_UNAVAILABLE: Final = 3


def run_query(
    query: Callable[[Connection], Awaitable[T]],
    isolation: Literal["AUTOCOMMIT", "REPEATABLE READ"] = "AUTOCOMMIT",
) -> T:
    """Run `query` on a connection without a statement timeout; exit 3 if the database is down."""
    logs.to_stderr()
    return asyncio.run(_run(read_settings(Settings, kafka_bootstrap="unused"), query, isolation))


async def _run(
    settings: Settings, query: Callable[[Connection], Awaitable[T]], isolation: str
) -> T:
    # A query may take minutes; the person who waits for it can end it.
    url = str(settings.database_url)
    engine = connect(url, schema="escalation", pool_size=1, statement_timeout_s=None)
    try:
        with exit_if_unavailable(EXIT_UNAVAILABLE):
            if isolation == "AUTOCOMMIT":
                async with open_session(engine) as connection:
                    return await query(connection)
            async with begin(engine) as connection:
                await connection.driver.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
                return await query(connection)
    finally:
        await engine.dispose()

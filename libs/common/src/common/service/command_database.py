"""The database of a command, without Kafka."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Final, TypeVar

import typer

from common.core.clock import TimeSource
from common.core.errors import is_transient
from common.service.settings import ServiceSettings
from common.storage.connection import Connection
from common.storage.database import Database, connect
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)
EXIT_UNAVAILABLE: Final = 1


@asynccontextmanager
async def open_database(
    settings: ServiceSettings, schema: str, unit_of_work: Callable[[Connection, datetime], U]
) -> AsyncIterator[Database[U]]:
    """Open it with one connection."""
    engine = connect(str(settings.database_url), schema=schema, pool_size=1)
    try:
        yield Database(engine, unit_of_work, TimeSource())
    finally:
        await engine.dispose()


@contextmanager
def exit_if_unavailable(code: int = EXIT_UNAVAILABLE) -> Iterator[None]:
    """Say it, and exit with the code, if the database is unavailable."""
    try:
        yield
    except Exception as error:
        # A closed pipe is no failure of the database.
        if isinstance(error, BrokenPipeError) or not is_transient(error):
            raise
        typer.echo(f"The database is unavailable: {error}", err=True)
        raise typer.Exit(code) from error

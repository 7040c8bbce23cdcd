"""What commands of intake need of the database, without Kafka."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Final

import typer

from common.core.clock import TimeSource
from common.core.errors import is_transient
from common.service.settings import read_settings
from common.storage.database import Database, connect
from intake.connection_secrets import ConnectionSecrets
from intake.settings import Settings
from intake.store import UnitOfWork

EXIT_UNAVAILABLE: Final = 1


@asynccontextmanager
async def open_database() -> AsyncIterator[tuple[Database[UnitOfWork], Settings]]:
    settings = read_settings(Settings, kafka_bootstrap="unused")
    engine = connect(str(settings.database_url), schema="intake", pool_size=1)
    unit_of_work = partial(UnitOfWork, secrets=ConnectionSecrets.from_settings(settings))
    try:
        yield Database(engine, unit_of_work, TimeSource()), settings
    finally:
        await engine.dispose()


@contextmanager
def exit_if_unavailable() -> Iterator[None]:
    """Say it, and exit with code 1, if the database is unavailable."""
    try:
        yield
    except Exception as error:
        if not is_transient(error):
            raise
        typer.echo(f"the database is unavailable: {error}", err=True)
        raise typer.Exit(EXIT_UNAVAILABLE) from error

"""`erase-customer`: erases a customer's name and words; it needs the database only.

Exit codes: 0 done; 1 the database is unavailable; 2 wrong usage; 4 there is no such customer.
"""

import asyncio
from typing import Annotated, Final

import typer

from common.contracts.event import CustomerId, SystemName
from common.core import logs
from common.core.clock import TimeSource
from common.core.errors import is_transient
from common.core.text import compose
from common.service.settings import read_settings
from common.storage.database import Database, connect
from intake import erasure
from intake.domain.actors import Actor
from intake.domain.errors import CustomerNotFoundError
from intake.erasure_store import ErasureRecord
from intake.settings import Settings
from intake.store import UnitOfWork

_UNAVAILABLE: Final = 1
_NOTHING_DONE: Final = 4
_SYSTEM: Final = SystemName("admin:command-line")


def erase_customer(
    customer_id: Annotated[str, typer.Argument(metavar="ID", help="as `channel:shop:4711`")],
) -> None:
    """Erase a customer's name and words in all services."""
    logs.to_stderr()
    try:
        erasure_record = asyncio.run(_erase(CustomerId(compose(customer_id))))
    except CustomerNotFoundError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(_NOTHING_DONE) from error
    except Exception as error:
        if not is_transient(error):
            raise
        typer.echo(f"the database is unavailable: {error}", err=True)
        raise typer.Exit(_UNAVAILABLE) from error
    typer.echo(f"erased; contacts: {erasure_record.contacts}")


async def _erase(customer_id: CustomerId) -> ErasureRecord:
    settings = read_settings(Settings, kafka_bootstrap="unused")
    engine = connect(str(settings.database_url), schema="intake", pool_size=1)
    try:
        database = Database(engine, UnitOfWork, TimeSource())
        return await erasure.erase_customer(customer_id, Actor("all", system=_SYSTEM), database)
    finally:
        await engine.dispose()

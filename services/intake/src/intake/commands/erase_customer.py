"""`erase-customer`: erases a customer's name and words; it needs the database only.

Exit codes: 0 done; 1 the database is unavailable; 2 wrong usage; 4 there is no such customer.
"""

import asyncio
from typing import Annotated, Final

import typer

from common.contracts.event import CustomerId, SystemName
from common.core import logs
from common.core.text import compose
from common.service.command_database import exit_if_unavailable
from intake.commands.database import open_database
from intake.customers import erasure
from intake.domain.actors import Actor
from intake.domain.errors import CustomerNotFoundError
from intake.store.erasure import ErasureRecord

_NOTHING_DONE: Final = 4
_SYSTEM: Final = SystemName("admin:command-line")


def erase_customer(
    customer_id: Annotated[str, typer.Argument(metavar="ID", help="as `channel:shop:4711`")],
) -> None:
    """Erase a customer's name and words in all services."""
    logs.to_stderr()
    try:
        with exit_if_unavailable():
            erasure_record = asyncio.run(_erase(CustomerId(compose(customer_id))))
    except CustomerNotFoundError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(_NOTHING_DONE) from error
    typer.echo(f"erased; contacts: {erasure_record.contacts}")


async def _erase(customer_id: CustomerId) -> ErasureRecord:
    async with open_database() as (database, _settings):
        return await erasure.erase_customer(customer_id, Actor("all", system=_SYSTEM), database)

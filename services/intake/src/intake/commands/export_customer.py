"""`export`: writes all that intake keeps of a customer; it needs the database only.

Exit codes: 0 done; 1 the database is unavailable; 2 wrong usage; 4 there is no such customer.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Annotated, Final

import typer

from common.contracts.event import CustomerId
from common.core import logs
from common.core.text import compose
from common.service.command_database import exit_if_unavailable
from intake.commands.database import open_database
from intake.domain.errors import CustomerNotFoundError
from intake.store import UnitOfWork
from intake.store.customer_export import CONTACT_SECTIONS, CUSTOMER_SECTIONS

_NOTHING_DONE: Final = 4
# What is kept in other places, where the person who answers the customer has to ask too.
_ELSEWHERE: Final[Mapping[str, str]] = {
    "router": "for each contact its topic, language and assignments; words of referrals",
    "escalation": "for each contact its subject, the customer's name, tier and region, clocks, "
    "escalations, notes, complaints, and the audit trail (GET /v1/escalations/{id})",
    "notifier": "the messages that were sent to colleagues about each contact",
    "console": "drafts of colleagues, for 7 days",
    "kafka": "the events of all services, for 7 days",
    "outside systems": "the tickets, mails and calls themselves, and the files of attachments",
}

Write = Callable[[str], None]


def export_customer(
    customer: Annotated[str, typer.Option(metavar="ID", help="as `channel:shop:4711`")],
) -> None:
    """Write all that intake keeps of a customer to standard output, as JSON."""
    logs.to_stderr()
    try:
        with exit_if_unavailable():
            asyncio.run(_export(CustomerId(compose(customer))))
    except CustomerNotFoundError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(_NOTHING_DONE) from error


async def _export(customer_id: CustomerId) -> None:
    async with open_database() as (database, _settings), database.transaction() as uow:
        await write_export(customer_id, uow, lambda part: typer.echo(part, nl=False))


async def write_export(customer_id: CustomerId, uow: UnitOfWork, write: Write) -> None:
    """Write a JSON object in parts, none larger than a row: a customer may have much.

    It has all who are merged with the customer. Raises CustomerNotFoundError.
    """
    members = await uow.customer_views.members(customer_id)
    if not members:
        raise CustomerNotFoundError
    ids = [member.customer_id for member in members]
    write(f'{{"customer_id": {_json(customer_id)}, "exported_at": {_json(uow.now)}')
    for section in CUSTOMER_SECTIONS:
        write(f',\n"{section}": ')
        await _write_list(uow.customer_export.of_customers(section, ids), write)
    write(',\n"contacts": [')
    separator = "\n"
    async for contact_id in uow.customer_export.contact_ids(ids):
        write(f'{separator}{{"contact_id": {_json(contact_id)}')
        for section in CONTACT_SECTIONS:
            write(f', "{section}": ')
            await _write_list(uow.customer_export.of_contact(section, contact_id), write)
        write("}")
        separator = ",\n"
    write(f'],\n"kept_elsewhere": {_json(_ELSEWHERE)}}}\n')


async def _write_list(rows: AsyncIterator[str], write: Write) -> None:
    separator = "["
    async for row in rows:
        write(separator + row)
        separator = ","
    write("[]" if separator == "[" else "]")


def _json(value: str | datetime | Mapping[str, str]) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)

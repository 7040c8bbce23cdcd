"""`import-mail`: reads mails from a file or standard input; it needs the database only.

Exit codes: 0 done; 1 the database is unavailable; 2 wrong usage; 3 some mails can't be read, the
others are imported; 4 there is no such connection.
"""

import asyncio
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import structlog
import typer

from common.core import logs
from common.core.errors import PermanentError, is_transient
from common.service.command_database import exit_if_unavailable
from common.storage.database import Database
from intake.channel_events import apply_events
from intake.channels.base import ChannelEvent, MalformedBodyError
from intake.channels.event_keys import event_key
from intake.channels.imap import Imap, ImapOptions
from intake.channels.mail import MailOptions, mail_events, read_raw_mail
from intake.commands.database import open_database
from intake.domain.model import ChannelConnection, Moment
from intake.domain.understanding.signs import SignReader
from intake.event_preparation import PreparedEvent, prepare_events
from intake.store import UnitOfWork

Prepare = Callable[[ChannelConnection, Sequence[ChannelEvent]], list[PreparedEvent]]

log = structlog.get_logger()

_SOME_UNREADABLE: Final = 3
_NO_CONNECTION: Final = 4
_BEGINNING: Final = re.compile(rb"^From [^\n]*\n", re.MULTILINE)
_QUOTED_BEGINNING: Final = re.compile(rb"^>(>*From )", re.MULTILINE)


class ConnectionNotFoundError(PermanentError):
    """There is no such connection. Connect it first: PUT /v1/channels/{kind}/{connection}."""


def import_mail(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="sendgrid, mailgun or imap")],
    connection: Annotated[str, typer.Argument(metavar="CONNECTION")],
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="an mbox or one mail; else stdin")
    ] = None,
) -> None:
    """Take in mails, each once, as if they came by a connection."""
    logs.to_stderr()
    content = sys.stdin.buffer.read() if file is None else file.read_bytes()
    try:
        with exit_if_unavailable():
            imported, unreadable = asyncio.run(_import(kind, connection, content))
    except ConnectionNotFoundError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(_NO_CONNECTION) from error
    typer.echo(f"imported: {imported}; unreadable: {unreadable}")
    if unreadable:
        raise typer.Exit(_SOME_UNREADABLE)


async def _import(kind: str, name: str, content: bytes) -> tuple[int, int]:
    """Return how many mails are imported, and how many can't be read."""
    async with open_database() as (database, settings):
        prepare = partial(
            prepare_events,
            namespaces=settings.namespaces(),
            signs=SignReader(settings.understanding.rules()),
        )
        return await import_mails(kind, name, content, database, prepare)


async def import_mails(
    kind: str,
    name: str,
    content: bytes,
    database: Database[UnitOfWork],
    prepare: Prepare,
) -> tuple[int, int]:
    """Return how many mails are imported, and how many can't be read.

    Raises ConnectionNotFoundError.
    """
    async with database.transaction() as uow:
        connection = await uow.channel_connections.get(kind, name)
    if connection is None:
        raise ConnectionNotFoundError
    imported = unreadable = 0
    for number, raw in enumerate(split_mails(content), 1):
        try:
            await _import_mail(connection, raw, database, prepare)
            imported += 1
        except (MalformedBodyError, PermanentError, ValueError) as error:
            if is_transient(error):
                raise
            unreadable += 1
            log.warning("mail_unreadable", number=number, error=type(error).__name__)
    return imported, unreadable


async def _import_mail(
    connection: ChannelConnection,
    raw: bytes,
    database: Database[UnitOfWork],
    prepare: Prepare,
) -> None:
    kind = ImapOptions if connection.kind == Imap.kind else MailOptions
    options = kind.model_validate(connection.options)
    mail = read_raw_mail(raw)
    moment = Moment(mail.sent_at) if mail.sent_at else None
    read = mail_events(mail, options, event_key("import", mail.message_id), moment)
    events = prepare(connection, read)
    async with database.transaction() as uow:
        await apply_events(connection, events, uow)


def split_mails(content: bytes) -> Iterator[bytes]:
    """Yield the mails of an mbox, or the one mail that the content is."""
    starts = [match.span() for match in _BEGINNING.finditer(content)]
    if not starts or starts[0][0] > 0:
        if content.strip():
            yield content
        return
    ends = [start for start, _ in starts[1:]] + [len(content)]
    for (_, begin), end in zip(starts, ends, strict=True):
        yield _QUOTED_BEGINNING.sub(rb"\1", content[begin:end])

"""The commands of the console besides `serve` and `migrate`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar, get_args

import typer

from common.contracts.event import PersonId, PersonRole
from common.core import logs
from common.core.clock import TimeSource
from common.messaging.signatures import SigningKey
from common.service.settings import read_settings
from common.storage.database import Database, connect
from console.auth.dev_login import make_link
from console.auth.sessions import SessionKeeper
from console.settings import Settings
from console.store import UnitOfWork

T = TypeVar("T")
_REFUSED = 2


def add_commands(cli: typer.Typer) -> None:
    cli.command("make-key")(make_key)
    cli.command("revoke-sessions")(revoke_sessions)
    cli.command("sign-in-links")(sign_in_links)


def make_key() -> None:
    """Print a new key for UPSTAIRS_TOKEN_KEYS, and its public part for the services."""
    key = SigningKey.generate()
    typer.echo(f"# console only\nUPSTAIRS_TOKEN_KEYS={key.seed}")
    typer.echo(f"# `public_keys` of the console in UPSTAIRS_TOKEN_ISSUERS\n# {key.public}")


def revoke_sessions(
    person: Annotated[str, typer.Option(help="the person's id, as router has it")],
) -> None:
    """End all sessions of a person at once, for example because a role was taken away."""

    async def revoke(database: Database[UnitOfWork]) -> int:
        return await SessionKeeper(database).end_all_of(person)

    number = _run(read_settings(Settings), revoke)
    typer.echo(f"Sessions of {person} that were ended: {number}")


def sign_in_links(
    people: Annotated[list[str], typer.Argument(help="person:role, for example sara:supervisor")],
) -> None:
    """Print a link for each person that signs in once, for ten minutes; for development."""
    settings = read_settings(Settings)
    if not settings.console_dev_login:
        typer.echo("Set UPSTAIRS_CONSOLE_DEV_LOGIN=1: these links are for development.", err=True)
        raise typer.Exit(_REFUSED)
    entries = [_parse(entry) for entry in people]

    async def make(database: Database[UnitOfWork]) -> list[str]:
        return [
            await make_link(database, settings.public_url, person, role) for person, role in entries
        ]

    for link in _run(settings, make):
        typer.echo(link)


def _parse(entry: str) -> tuple[PersonId, PersonRole]:
    person, _, name = entry.rpartition(":")
    role: PersonRole | None = next((role for role in get_args(PersonRole) if role == name), None)
    if not person or role is None:
        raise typer.BadParameter(f"{entry}: takes person:role, the role being of people")
    return PersonId(person), role


def _run(settings: Settings, work: Callable[[Database[UnitOfWork]], Awaitable[T]]) -> T:
    async def connected() -> T:
        engine = connect(str(settings.database_url), schema="console", pool_size=1)
        try:
            return await work(Database(engine, UnitOfWork, TimeSource()))
        finally:
            await engine.dispose()

    logs.to_stderr()
    return asyncio.run(connected())

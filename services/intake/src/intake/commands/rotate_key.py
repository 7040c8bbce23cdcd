"""`rotate-key`: encrypts stored secrets with the first key; it needs the database only.

Exit codes: 0 done; 1 the database is unavailable; 2 wrong usage or no key; 3 some secrets can't be
decrypted, the others are encrypted with the first key.
"""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Final, get_args

import typer

from common.core import logs
from common.service.command_database import exit_if_unavailable
from common.storage.database import Database
from intake.commands.database import open_database
from intake.connection_secrets import SecretUnavailableError
from intake.domain.connections import ConnectionSetup
from intake.domain.model import ConnectionState
from intake.store import UnitOfWork

BATCH_CONNECTIONS: Final = 50
_WRONG_USAGE: Final = 2
_SOME_UNREADABLE: Final = 3


@dataclass(slots=True)
class Rotation:
    """How many secrets are encrypted with the first key now, and whose can't be decrypted."""

    connections: int = 0
    secrets: int = 0
    unreadable: list[str] = field(default_factory=list)


def rotate_key() -> None:
    """Encrypt the secrets of all connections with the first key; the service may run meanwhile."""
    logs.to_stderr()
    with exit_if_unavailable():
        rotation = asyncio.run(_rotate())
    typer.echo(
        f"encrypted with the first key; connections: {rotation.connections}; "
        f"secrets: {rotation.secrets}"
    )
    for name in rotation.unreadable:
        typer.echo(f"no key decrypts a secret of {name}: put its secret again", err=True)
    if rotation.unreadable:
        raise typer.Exit(_SOME_UNREADABLE)


async def _rotate() -> Rotation:
    async with open_database() as (database, settings):
        if not settings.encryption_keys.all:
            typer.echo("UPSTAIRS_ENCRYPTION_KEYS is empty.", err=True)
            raise typer.Exit(_WRONG_USAGE)
        return await rotate_secrets(database)


async def rotate_secrets(
    database: Database[UnitOfWork], batch_connections: int = BATCH_CONNECTIONS
) -> Rotation:
    """Encrypt all with the first key, a batch in each transaction."""
    rotation, after = Rotation(), None
    states = get_args(ConnectionState)
    while True:
        async with database.transaction() as uow:
            batch = await uow.channel_connections.page(None, states, after, batch_connections)
            for listed in batch:
                await _rotate_one(listed, rotation, uow)
        if not batch:
            return rotation
        after = (batch[-1].kind, batch[-1].connection)


async def _rotate_one(listed: ConnectionSetup, rotation: Rotation, uow: UnitOfWork) -> None:
    """Read it again under the lock: a manager may have changed it."""
    connections = uow.channel_connections
    setup = await connections.lock(listed.kind, listed.connection)
    if setup is None:
        return
    if setup.is_unreadable:
        rotation.unreadable.append(setup.system)
        return
    stored = [secret for secret in setup.all_secrets if secret.origin == "request"]
    if not stored:
        return
    try:
        secrets = [connections.secrets.reseal(secret) for secret in setup.secrets]
        app_secret = setup.app_secret and connections.secrets.reseal(setup.app_secret)
    except SecretUnavailableError:
        rotation.unreadable.append(setup.system)
        return
    await connections.replace_secrets(replace(setup, secrets=secrets, app_secret=app_secret))
    rotation.connections += 1
    rotation.secrets += len(stored)

"""`rotate-key`: encrypts stored credentials with the first key; it needs the database only.

Exit codes: 0 done; 1 the database is unavailable; 2 no key; 3 some credentials can't be decrypted,
the others are encrypted with the first key.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

import typer
from msgspec.structs import replace

from common.core import logs
from common.core.clock import TimeSource
from common.core.errors import is_transient
from common.core.sealed_secrets import SecretBox, UnknownEncryptionKeyError
from common.service.settings import read_settings
from common.storage.database import Database, connect
from notifier.settings import Settings
from notifier.store.unit_of_work import UnitOfWork

_UNAVAILABLE: Final = 1
_NO_KEY: Final = 2
_SOME_UNREADABLE: Final = 3


@dataclass(slots=True)
class Rotation:
    """How many credentials are encrypted with the first key now, and which can't be decrypted."""

    count: int = 0
    unreadable: list[str] = field(default_factory=list)


def rotate_key() -> None:
    """Encrypt the credentials of all write-backs with the first key; the service may run."""
    logs.to_stderr()
    try:
        rotation = asyncio.run(_rotate())
    except Exception as error:
        if not is_transient(error):
            raise
        typer.echo(f"the database is unavailable: {error}", err=True)
        raise typer.Exit(_UNAVAILABLE) from error
    typer.echo(f"encrypted with the first key: the credentials of {rotation.count} write-backs")
    for system in rotation.unreadable:
        typer.echo(f"no key decrypts the credentials of {system}: put them again", err=True)
    if rotation.unreadable:
        raise typer.Exit(_SOME_UNREADABLE)


async def _rotate() -> Rotation:
    settings = read_settings(Settings, kafka_bootstrap="unused")
    keys = settings.encryption_keys
    if keys is None or not keys.all:
        typer.echo("UPSTAIRS_ENCRYPTION_KEYS is empty.", err=True)
        raise typer.Exit(_NO_KEY)
    engine = connect(str(settings.database_url), schema="notifier", pool_size=1)
    try:
        return await rotate_credentials(
            Database(engine, UnitOfWork, TimeSource()), keys.secret_box()
        )
    finally:
        await engine.dispose()


async def rotate_credentials(database: Database[UnitOfWork], box: SecretBox) -> Rotation:
    """Encrypt them in one transaction: there is a row for each connection only."""
    rotation = Rotation()
    async with database.transaction() as uow:
        for write_back in await uow.write_backs.lock_each():
            try:
                credentials = box.reseal(write_back.credentials)
            except UnknownEncryptionKeyError:
                rotation.unreadable.append(write_back.system)
                continue
            uow.write_backs.put(replace(write_back, credentials=credentials))
            rotation.count += 1
    return rotation

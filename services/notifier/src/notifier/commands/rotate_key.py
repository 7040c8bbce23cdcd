"""`rotate-key`: encrypts stored secrets with the first key; it needs the database only.

Exit codes: 0 done; 1 the database is unavailable; 2 no key; 3 some secrets can't be decrypted, the
others are encrypted with the first key.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

import typer
from msgspec.structs import replace

from common.contracts.event import SystemName
from common.core import logs
from common.core.sealed_secrets import SecretBox, UnknownEncryptionKeyError
from common.service.command_database import exit_if_unavailable, open_database
from common.service.settings import read_settings
from common.storage.database import Database
from notifier.settings import Settings
from notifier.store.unit_of_work import UnitOfWork

_BATCH_WEBHOOKS: Final = 50
_NO_KEY: Final = 2
_SOME_UNREADABLE: Final = 3


@dataclass(slots=True)
class Rotation:
    """How many secrets are encrypted with the first key now, and what holds unreadable ones."""

    secrets: int = 0
    unreadable: list[str] = field(default_factory=list)


def rotate_key() -> None:
    """Encrypt the secrets of status webhooks and write-backs with the first key.

    The service may run meanwhile.
    """
    logs.to_stderr()
    with exit_if_unavailable():
        rotation = asyncio.run(_rotate())
    typer.echo(f"encrypted with the first key: {rotation.secrets} secrets")
    for holder in rotation.unreadable:
        typer.echo(f"no key decrypts a secret of the {holder}: put it again", err=True)
    if rotation.unreadable:
        raise typer.Exit(_SOME_UNREADABLE)


async def _rotate() -> Rotation:
    settings = read_settings(Settings, kafka_bootstrap="unused")
    if not settings.encryption_keys.all:
        typer.echo("UPSTAIRS_ENCRYPTION_KEYS is empty.", err=True)
        raise typer.Exit(_NO_KEY)
    async with open_database(settings, "notifier", UnitOfWork) as database:
        return await rotate_secrets(database, settings.encryption_keys.secret_box())


async def rotate_secrets(
    database: Database[UnitOfWork], box: SecretBox, batch_webhooks: int = _BATCH_WEBHOOKS
) -> Rotation:
    """Encrypt all again: status webhooks by batches, write-backs in one transaction."""
    rotation, after = Rotation(), None
    while True:
        async with database.transaction() as uow:
            batch = await uow.status_webhooks.page(after, batch_webhooks)
            for listed in batch:
                await _rotate_webhook(listed.source, box, rotation, uow)
        if not batch:
            break
        after = batch[-1].source
    async with database.transaction() as uow:
        await _rotate_write_backs(box, rotation, uow)
    return rotation


async def _rotate_webhook(
    source: SystemName, box: SecretBox, rotation: Rotation, uow: UnitOfWork
) -> None:
    """Read it again under the lock: it may have been changed."""
    webhook = await uow.status_webhooks.lock(source)
    if webhook is None:
        return
    try:
        secrets = tuple(replace(each, sealed=box.reseal(each.sealed)) for each in webhook.secrets)
    except UnknownEncryptionKeyError:
        secrets = ()
    if not secrets:
        rotation.unreadable.append(f"status webhook {source}")
        return
    uow.status_webhooks.put(replace(webhook, secrets=secrets))
    rotation.secrets += len(secrets)


async def _rotate_write_backs(box: SecretBox, rotation: Rotation, uow: UnitOfWork) -> None:
    for write_back in await uow.write_backs.lock_each():
        try:
            credentials = box.reseal(write_back.credentials)
        except UnknownEncryptionKeyError:
            rotation.unreadable.append(f"write-back {write_back.system}")
            continue
        uow.write_backs.put(replace(write_back, credentials=credentials))
        rotation.secrets += 1

"""`rotate-key`: encrypts stored secrets with the first key; it needs the database only.

Exit codes: 0 done; 1 the database is unavailable; 2 no key; 3 some secrets can't be decrypted, the
others are encrypted with the first key.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import typer
from msgspec.structs import replace

from common.contracts.event import NotificationId, SystemName
from common.core import logs
from common.core.sealed_secrets import SecretBox, UnknownEncryptionKeyError
from common.service.command_database import exit_if_unavailable, open_database
from common.service.settings import read_settings
from common.storage.database import Database
from notifier.domain.recipients import Address, Recipient
from notifier.domain.verification import with_media_encrypted_again
from notifier.secret_addresses import AddressSealer, is_secret
from notifier.settings import Settings
from notifier.store.secret_addresses import SecretAddresses
from notifier.store.unit_of_work import UnitOfWork

_BATCH_WEBHOOKS: Final = 50
_BATCH_NOTIFICATIONS: Final = 500
_FIRST: Final = NotificationId("00000000-0000-0000-0000-000000000000")
_NO_KEY: Final = 2
_SOME_UNREADABLE: Final = 3


@dataclass(slots=True)
class Rotation:
    """How many secrets are encrypted with the first key now, and what holds unreadable ones."""

    secrets: int = 0
    unreadable: list[str] = field(default_factory=list)


def rotate_key() -> None:
    """Encrypt the secrets of status webhooks, write-backs and addresses with the first key.

    The service may run meanwhile.
    """
    logs.to_stderr()
    with exit_if_unavailable():
        rotation = asyncio.run(_rotate())
    typer.echo(f"encrypted with the first key: {rotation.secrets} secrets")
    for holder in rotation.unreadable:
        typer.echo(f"no key decrypts a secret of the {holder}: enter it again", err=True)
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
    await _rotate_addresses(database, AddressSealer(box), rotation)
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


async def _rotate_addresses(
    database: Database[UnitOfWork], sealer: AddressSealer, rotation: Rotation
) -> None:
    """Encrypt the addresses of people again, and those in messages that may still be followed."""
    async with database.transaction() as uow:
        people = await SecretAddresses(uow.connection).recipients()
    for person_id in people:
        async with database.transaction() as uow:
            recipient = await uow.recipients.lock(person_id)
            if recipient is not None:
                media = _resealed(recipient, sealer, rotation)
                await uow.recipients.save(with_media_encrypted_again(recipient, media))
    after = _FIRST
    while True:
        async with database.transaction() as uow:
            secret_addresses = SecretAddresses(uow.connection)
            batch = await secret_addresses.lock_after(after, _BATCH_NOTIFICATIONS)
            for notification_id, address in batch:
                # One that no key decrypts is named with its person, unless it was replaced.
                with suppress(UnknownEncryptionKeyError):
                    await secret_addresses.save(notification_id, sealer.reseal(address))
                    rotation.secrets += 1
        if not batch:
            return
        after = batch[-1][0]


def _resealed(
    recipient: Recipient, sealer: AddressSealer, rotation: Rotation
) -> tuple[Address, ...]:
    media = []
    for address in recipient.media:
        try:
            media.append(sealer.reseal(address) if is_secret(address) else address)
            rotation.secrets += is_secret(address)
        except UnknownEncryptionKeyError:
            media.append(address)
            rotation.unreadable.append(f"{address.medium} address of {recipient.person_id}")
    return tuple(media)

"""Which devices show a person's notifications: load, decide, record."""

from collections.abc import Collection

from common.contracts.event import PersonId
from notifier.domain.errors import DeviceForbiddenError, DeviceNotFoundError
from notifier.domain.recipients import Device, Recipient
from notifier.recipient_changes import record_recipient
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases.recipients import Caller, require_read


async def add_device(caller: Caller, person_id: PersonId, device: Device, uow: UnitOfWork) -> None:
    """Let the device show the person's notifications, and those of nobody else.

    Raises DeviceForbiddenError or RecipientForbiddenError.
    """
    await require_read(caller, person_id, uow)
    if caller.person_id != person_id:
        raise DeviceForbiddenError
    before = await uow.recipients.lock(person_id)
    for other in await uow.recipients.lock_others_with(device.device_id, person_id):
        await record_recipient(other, other.without_devices({device.device_id}), uow)
    recipient = before or Recipient(person_id, person_id, ())
    await record_recipient(recipient, recipient.with_device(device), uow)


async def list_devices(caller: Caller, person_id: PersonId, uow: UnitOfWork) -> tuple[Device, ...]:
    """Return the devices in the order in which they were added; raises RecipientForbiddenError."""
    await require_read(caller, person_id, uow)
    recipient = await uow.recipients.get(person_id)
    return recipient.devices if recipient else ()


async def remove_device(
    caller: Caller, person_id: PersonId, device_id: str, uow: UnitOfWork
) -> None:
    """Raises RecipientForbiddenError or DeviceNotFoundError."""
    await require_read(caller, person_id, uow)
    if not await forget_devices(person_id, {device_id}, uow):
        raise DeviceNotFoundError


async def forget_devices(person_id: PersonId, device_ids: Collection[str], uow: UnitOfWork) -> bool:
    """Remove those that the person has; return whether there was one."""
    before = await uow.recipients.lock(person_id)
    if before is None:
        return False
    after = before.without_devices(device_ids)
    if after == before:
        return False
    await record_recipient(before, after, uow)
    return True

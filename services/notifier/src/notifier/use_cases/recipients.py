"""Who may read and set how a person is reached, and what follows from a change."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from common.contracts.event import OPERATIONS, PersonId
from common.core import trace
from common.core.ids import new_id
from notifier.domain import notifications
from notifier.domain.errors import (
    OperationsAddressError,
    OperationsForbiddenError,
    RecipientForbiddenError,
    RecipientNotFoundError,
    TooManyChangesError,
)
from notifier.domain.recipients import Address, ContactMethods, Recipient, RecipientChange
from notifier.handlers import new_notification_id
from notifier.store.unit_of_work import UnitOfWork

# Each change sends a mail to the address before: nobody makes us write to strangers all day.
MAX_CHANGES: Final = 10
CHANGES_WINDOW: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a person, or with `is_admin` a system that may do all. `name` is for the record."""

    name: str
    person_id: PersonId | None
    is_admin: bool = False


async def save_recipient(
    caller: Caller, person_id: PersonId, name: str, media: Sequence[Address], uow: UnitOfWork
) -> Recipient:
    """Set how a person is reached; keep who did it, tell the addresses that are no longer used.

    Raises RecipientForbiddenError, OperationsForbiddenError, OperationsAddressError,
    TooManyChangesError or ChannelUserTakenError.
    """
    await _require_set(caller, person_id, uow)
    if person_id == OPERATIONS and not media:
        raise OperationsAddressError
    before = await uow.recipients.lock(person_id)
    change = RecipientChange(
        change_id=new_id(),
        person_id=person_id,
        changed_at=uow.now,
        changed_by=caller.name,
        before=ContactMethods(before.name, before.media) if before else None,
        after=ContactMethods(name, tuple(media)),
    )
    if before and change.before == change.after:
        return before
    await _require_few_changes(caller, person_id, uow)
    epoch = before.link_epoch if before else 0
    saved = replace(
        before or Recipient(person_id, name, ()),
        name=name,
        media=tuple(media),
        link_epoch=epoch + 1 if before is None or change.changes_addresses else epoch,
    )
    await uow.recipients.save(saved)
    await uow.recipient_changes.add(change)
    for address in change.removed_addresses:
        notice = notifications.address_notice(
            change, address, new_notification_id(), trace.current()
        )
        uow.notifications.add(notice)
    return saved


async def read_recipient(caller: Caller, person_id: PersonId, uow: UnitOfWork) -> Recipient:
    """Raises RecipientForbiddenError or RecipientNotFoundError."""
    await _require_read(caller, person_id, uow)
    recipient = await uow.recipients.get(person_id)
    if recipient is None:
        raise RecipientNotFoundError
    return recipient


async def read_recipients(
    caller: Caller, after: PersonId | None, limit: int, uow: UnitOfWork
) -> list[Recipient]:
    """Return the caller's own and those of the people below; an admin gets all."""
    return await uow.recipients.after(after, limit, caller.person_id)


async def read_changes(
    caller: Caller, person_id: PersonId, before: str | None, limit: int, uow: UnitOfWork
) -> list[RecipientChange]:
    """Return the changes of a recipient, the latest first; raises RecipientForbiddenError."""
    await _require_read(caller, person_id, uow)
    return await uow.recipient_changes.latest(person_id, before, limit)


async def _require_set(caller: Caller, person_id: PersonId, uow: UnitOfWork) -> None:
    if person_id == OPERATIONS and not caller.is_admin:
        raise OperationsForbiddenError
    await _require_read(caller, person_id, uow)


async def _require_read(caller: Caller, person_id: PersonId, uow: UnitOfWork) -> None:
    """The person, the managers above, and admins; nobody who has left."""
    if caller.is_admin:
        return
    reader = caller.person_id
    if reader is None or not await uow.reporting_lines.is_active(reader):
        raise RecipientForbiddenError
    is_own = reader == person_id
    if not is_own and not await uow.reporting_lines.is_above(reader, person_id):
        raise RecipientForbiddenError


async def _require_few_changes(caller: Caller, person_id: PersonId, uow: UnitOfWork) -> None:
    if caller.is_admin:
        return
    changes = await uow.recipient_changes.count_since(person_id, uow.now - CHANGES_WINDOW)
    if changes >= MAX_CHANGES:
        raise TooManyChangesError

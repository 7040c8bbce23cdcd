"""Who may read and set how a person is reached, and what follows from a change."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from common.contracts.event import OPERATIONS, PersonId
from notifier.domain.errors import (
    OperationsAddressError,
    OperationsForbiddenError,
    RecipientForbiddenError,
    RecipientNotFoundError,
    TooManyChangesError,
)
from notifier.domain.recipients import ContactMethods, Recipient, RecipientChange
from notifier.recipient_changes import change_recipient
from notifier.secret_addresses import AddressSealer
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
    caller: Caller,
    person_id: PersonId,
    methods: ContactMethods,
    sealer: AddressSealer,
    uow: UnitOfWork,
) -> Recipient:
    """Set how a person is reached; keep who did it, tell the addresses that are no longer used.

    Raises RecipientForbiddenError, OperationsForbiddenError, OperationsAddressError,
    TooManyChangesError, ChannelUserTakenError, SecretAddressesOffError or AddressIncompleteError.
    """
    await _require_set(caller, person_id, uow)
    if person_id == OPERATIONS and not methods.media:
        raise OperationsAddressError
    before = await uow.recipients.lock(person_id)
    methods = replace(methods, media=sealer.seal(methods.media, before))
    if before is None or methods != before.methods:
        await _require_few_changes(caller, person_id, uow)
    return await change_recipient(before, person_id, methods, caller.name, uow.now, uow)


async def read_recipient(caller: Caller, person_id: PersonId, uow: UnitOfWork) -> Recipient:
    """Raises RecipientForbiddenError or RecipientNotFoundError."""
    await require_read(caller, person_id, uow)
    recipient = await uow.recipients.get(person_id)
    if recipient is None:
        raise RecipientNotFoundError
    return recipient


async def read_recipients(
    caller: Caller,
    after: PersonId | None,
    limit: int,
    uow: UnitOfWork,
    *,
    reachable: bool | None = None,
) -> list[Recipient]:
    """Return the caller's own and those of the people below; an admin gets all."""
    return await uow.recipients.after(after, limit, caller.person_id, reachable=reachable)


async def read_changes(
    caller: Caller, person_id: PersonId, before: str | None, limit: int, uow: UnitOfWork
) -> list[RecipientChange]:
    """Return the changes of a recipient, the latest first; raises RecipientForbiddenError."""
    await require_read(caller, person_id, uow)
    return await uow.recipient_changes.latest(person_id, before, limit)


async def _require_set(caller: Caller, person_id: PersonId, uow: UnitOfWork) -> None:
    if person_id == OPERATIONS and not caller.is_admin:
        raise OperationsForbiddenError
    await require_read(caller, person_id, uow)


async def require_read(caller: Caller, person_id: PersonId, uow: UnitOfWork) -> None:
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

"""Who may read and set how a person is reached, and what follows from a change."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from common.contracts.event import OPERATIONS, PersonId
from common.core.preconditions import NO_PRECONDITION, Precondition
from notifier.domain.delivery_rules import LateStep, late_steps
from notifier.domain.errors import (
    OperationsAddressError,
    OperationsForbiddenError,
    OperationsQuietHoursError,
    RecipientForbiddenError,
    RecipientNotFoundError,
    StaleRecipientError,
    TooManyChangesError,
)
from notifier.domain.recipients import ContactMethods, Recipient, RecipientChange
from notifier.domain.steps import times_to_answer
from notifier.recipient_changes import Entry, change_recipient
from notifier.secret_addresses import AddressSealer
from notifier.store.notifications import Filter
from notifier.store.unit_of_work import UnitOfWork

# Each change sends a mail to the address before: nobody makes us write to strangers all day.
MAX_CHANGES: Final = 10
# Nobody is written to: a person may try what fits.
MAX_RULE_CHANGES: Final = 60
_PAGES_LOOKED_AT: Final = 200
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
    changed: Callable[[ContactMethods | None], ContactMethods],
    sealer: AddressSealer,
    uow: UnitOfWork,
    precondition: Precondition = NO_PRECONDITION,
) -> Recipient:
    """Set how a person is reached; keep who did it, tell the addresses that are no longer used.

    `changed` gets how it was before. Raises RecipientForbiddenError, OperationsForbiddenError,
    StaleRecipientError, OperationsAddressError, OperationsQuietHoursError, TooManyChangesError,
    ChannelUserTakenError, SecretAddressesOffError or AddressIncompleteError.
    """
    await _require_set(caller, person_id, uow)
    before = await uow.recipients.lock(person_id)
    if not precondition.holds(before.version if before else None):
        raise StaleRecipientError
    methods = changed(before.methods if before else None)
    if person_id == OPERATIONS:
        _check_operations(methods)
    methods = replace(methods, media=sealer.seal(methods.media, before))
    if before is None or methods != before.methods:
        of_rules = before is not None and methods.reaches_as(before.methods)
        await _require_few_changes(caller, person_id, uow, of_rules=of_rules)
    return await change_recipient(before, person_id, methods, Entry(caller.name, uow.now), uow)


def _check_operations(methods: ContactMethods) -> None:
    if not methods.media:
        raise OperationsAddressError
    if methods.rules.quiet_hours:
        raise OperationsQuietHoursError


async def read_late_steps(recipient: Recipient, uow: UnitOfWork) -> tuple[LateStep, ...]:
    """Return the steps that would have come too late for the last pages of the person."""
    if not recipient.rules.steps:
        return ()
    latest = await uow.notifications.latest(
        Filter(person_id=recipient.person_id), None, _PAGES_LOOKED_AT
    )
    return late_steps(recipient.rules.steps, times_to_answer(latest))


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


async def _require_few_changes(
    caller: Caller, person_id: PersonId, uow: UnitOfWork, *, of_rules: bool
) -> None:
    if caller.is_admin:
        return
    since = uow.now - CHANGES_WINDOW
    changes = await uow.recipient_changes.count_since(person_id, since, of_rules=of_rules)
    if changes >= (MAX_RULE_CHANGES if of_rules else MAX_CHANGES):
        raise TooManyChangesError

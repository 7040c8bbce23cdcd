"""What people have sent to themselves: codes that verify an address, and tests."""

from dataclasses import dataclass
from datetime import datetime

from common.contracts.event import NotificationId, PageId, PersonId
from common.contracts.notifications import Medium
from common.core import trace
from common.core.ids import new_id
from notifier.domain import own_messages, verification
from notifier.domain.content import Content
from notifier.domain.errors import (
    AddressNotFoundError,
    NothingToTestError,
    NotYourselfError,
    TestNotFoundError,
)
from notifier.domain.notifications import Notification
from notifier.domain.recipients import Address, Recipient, contact_of
from notifier.domain.verification import CODE_VALID_FOR, OwnRequest
from notifier.recipient_changes import record_recipient
from notifier.store.notifications import Filter
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases.recipients import Caller, require_read
from notifier.verification_codes import VerificationCodes

# Of one person: a test is among the last of these, since few are sent in an hour.
_OWN_MESSAGES = 200


@dataclass(frozen=True, slots=True)
class LastTest:
    requested_at: datetime
    messages: tuple[Notification, ...]


async def send_code(
    caller: Caller, person_id: PersonId, medium: Medium, uow: UnitOfWork
) -> datetime:
    """Send a code to the person's address; return until when it is valid.

    Raises NotYourselfError, RecipientForbiddenError, AddressNotFoundError or TooManyCodesError.
    """
    _, address = await _lock_own_address(caller, person_id, medium, uow)
    message = own_messages.own_notice(
        person_id,
        address,
        Content("address_code"),
        NotificationId(new_id()),
        uow.now,
        trace.current(),
    )
    request = await _request(verification.code_key(person_id, medium), person_id, uow)
    uow.own_requests.put(verification.send_code(request, address, message.notification_id, uow.now))
    uow.notifications.add(message)
    return uow.now + CODE_VALID_FOR


async def verify_address(
    caller: Caller,
    person_id: PersonId,
    medium: Medium,
    code: str,
    codes: VerificationCodes,
    uow: UnitOfWork,
) -> datetime | None:
    """Return when the address was verified; None for a wrong code, whose try then counts.

    Raises NotYourselfError, RecipientForbiddenError, AddressNotFoundError or WrongCodeError.
    """
    recipient, address = await _lock_own_address(caller, person_id, medium, uow)
    sent = await uow.own_requests.lock(verification.code_key(person_id, medium))
    request = verification.require_code(sent, address, uow.now)
    is_right = codes.is_right(NotificationId(request.reference or ""), code)
    uow.own_requests.put(verification.use_up(request) if is_right else request)
    if not is_right:
        return None
    await record_recipient(recipient, verification.verify(recipient, (address,), uow.now), uow)
    return uow.now


async def send_test(caller: Caller, person_id: PersonId, uow: UnitOfWork) -> LastTest:
    """Send a message on each of the person's media.

    Raises NotYourselfError, RecipientForbiddenError, NothingToTestError or TooManyTestsError.
    """
    recipient = await _lock_own(caller, person_id, uow)
    if not recipient.addresses:
        raise NothingToTestError
    test_id = PageId(new_id())
    request = await _request(verification.test_key(person_id), person_id, uow)
    uow.own_requests.put(verification.send_test(request, test_id, uow.now))
    messages = tuple(
        own_messages.own_notice(
            person_id,
            address,
            Content("test"),
            NotificationId(new_id()),
            uow.now,
            trace.current(),
            test_id,
        )
        for address in recipient.addresses
    )
    for message in messages:
        uow.notifications.add(message)
    return LastTest(uow.now, messages)


async def read_test(caller: Caller, person_id: PersonId, uow: UnitOfWork) -> LastTest:
    """Return what came of the last test; raises RecipientForbiddenError or TestNotFoundError."""
    await require_read(caller, person_id, uow)
    request = await uow.own_requests.lock(verification.test_key(person_id))
    latest = await uow.notifications.latest(
        Filter(contact_id=contact_of(person_id)), None, _OWN_MESSAGES
    )
    messages = tuple(
        each for each in reversed(latest) if request and each.page_id == request.reference
    )
    if not messages:
        raise TestNotFoundError
    return LastTest(messages[0].requested_at, messages)


async def _lock_own(caller: Caller, person_id: PersonId, uow: UnitOfWork) -> Recipient:
    """Nobody else proves that messages arrive, or makes us write to the person."""
    await require_read(caller, person_id, uow)
    if caller.person_id != person_id:
        raise NotYourselfError
    recipient = await uow.recipients.lock(person_id)
    return recipient or Recipient(person_id, person_id, ())


async def _lock_own_address(
    caller: Caller, person_id: PersonId, medium: Medium, uow: UnitOfWork
) -> tuple[Recipient, Address]:
    """A device is no such address: it is added in its own browser."""
    recipient = await _lock_own(caller, person_id, uow)
    address = next((each for each in recipient.media if each.medium == medium), None)
    if address is None:
        raise AddressNotFoundError
    return recipient, address


async def _request(key: str, person_id: PersonId, uow: UnitOfWork) -> OwnRequest:
    """The recipient is locked, so that two first requests do not meet."""
    return await uow.own_requests.lock(key) or OwnRequest(key, person_id, uow.now)

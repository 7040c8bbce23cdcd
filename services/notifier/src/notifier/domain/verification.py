"""Which addresses of a person are known to work, and how that is found out.

A person proves it by a code that is sent there. An address that an admin or router's admin sets
counts as verified, since the organisation's own directory vouches for it; one that the person or a
manager sets does not, and a change of the address ends it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from common.contracts.event import NotificationId, PersonId
from common.contracts.notifications import Medium
from common.core.ids import derived_id
from notifier.domain.delivery_reasons import DeliveryReason, not_verified
from notifier.domain.errors import TooManyCodesError, TooManyTestsError, WrongCodeError
from notifier.domain.recipients import Address, Recipient, Verification

CODE_VALID_FOR: Final = timedelta(minutes=10)
MAX_TRIES: Final = 5
MAX_PER_HOUR: Final = 5
_SHORTEST_PAUSE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)


class OwnRequest(Struct, frozen=True):
    """What a person asked to be sent: a code to an address, or a test message everywhere.

    `reference` is the last message with a code, or the last test. `fingerprint` says to which
    address the code went. `sent_at`: within the last hour.
    """

    key: str
    person_id: PersonId
    changed_at: datetime
    reference: str | None = None
    fingerprint: str | None = None
    sent_at: tuple[datetime, ...] = ()
    tries: int = 0


def code_key(person_id: PersonId, medium: Medium) -> str:
    return f"{person_id}/code/{medium}"


def test_key(person_id: PersonId) -> str:
    return f"{person_id}/test"


def fingerprint(address: Address) -> str:
    parts = (f"{name}={value}" for name, value in sorted(address.details.items()))
    return derived_id("address", address.medium, *parts)


def send_code(
    request: OwnRequest, address: Address, notification_id: NotificationId, at: datetime
) -> OwnRequest:
    """Count a code that is sent; earlier codes are void. Raises TooManyCodesError."""
    if wait := _wait(request, at):
        raise TooManyCodesError(wait)
    return _sent(request, notification_id, fingerprint(address), at)


def send_test(request: OwnRequest, test_id: str, at: datetime) -> OwnRequest:
    """Count a test; raises TooManyTestsError."""
    if wait := _wait(request, at):
        raise TooManyTestsError(wait)
    return _sent(request, test_id, None, at)


def _wait(request: OwnRequest, at: datetime) -> timedelta | None:
    """Return for how long nothing more is sent; None: it is now."""
    ends = [sent_at + _SHORTEST_PAUSE for sent_at in request.sent_at[-1:]]
    ends += [sent_at + _HOUR for sent_at in request.sent_at[-MAX_PER_HOUR : -MAX_PER_HOUR + 1]]
    return max((end - at for end in ends if end > at), default=None)


def _sent(
    request: OwnRequest, reference: str, address_fingerprint: str | None, at: datetime
) -> OwnRequest:
    recent = tuple(sent_at for sent_at in request.sent_at if at - sent_at < _HOUR)
    return replace(
        request,
        reference=reference,
        fingerprint=address_fingerprint,
        sent_at=(*recent, at),
        tries=0,
        changed_at=at,
    )


def require_code(request: OwnRequest | None, address: Address, at: datetime) -> OwnRequest:
    """Count a try; raises WrongCodeError if no code that was sent there can be right any more."""
    if request is None or not request.sent_at or request.reference is None:
        raise WrongCodeError
    is_over = at - request.sent_at[-1] >= CODE_VALID_FOR or request.tries >= MAX_TRIES
    if is_over or request.fingerprint != fingerprint(address):
        raise WrongCodeError
    return replace(request, tries=request.tries + 1, changed_at=at)


def use_up(request: OwnRequest) -> OwnRequest:
    """A code that was right is right once."""
    return replace(request, reference=None)


def is_verified(recipient: Recipient, address: Address) -> bool:
    """A device was added in its own browser, which proves as much as a code."""
    if address.medium == "web_push":
        return True
    verification = recipient.verified.get(address.medium)
    return verification is not None and verification.fingerprint == fingerprint(address)


def verify(recipient: Recipient, addresses: Sequence[Address], at: datetime) -> Recipient:
    """Return it with these of its addresses verified."""
    new = {
        address.medium: Verification(fingerprint(address), at)
        for address in addresses
        if address.medium != "web_push" and not is_verified(recipient, address)
    }
    return replace(recipient, verified={**recipient.verified, **new}) if new else recipient


def without_outdated(recipient: Recipient) -> Recipient:
    """Forget what was verified of addresses that are used no longer."""
    kept = {
        address.medium: recipient.verified[address.medium]
        for address in recipient.media
        if address.medium in recipient.verified and is_verified(recipient, address)
    }
    return replace(recipient, verified=kept)


def with_media_encrypted_again(recipient: Recipient, media: Sequence[Address]) -> Recipient:
    """Return it with the same addresses in other letters; those that were verified stay so."""
    same = {
        before.medium: Verification(fingerprint(after), recipient.verified[before.medium].at)
        for before, after in zip(recipient.media, media, strict=True)
        if before.medium in recipient.verified and is_verified(recipient, before)
    }
    return replace(recipient, media=tuple(media), verified={**recipient.verified, **same})


def verified_at(recipient: Recipient) -> Mapping[Medium, datetime]:
    return {
        address.medium: recipient.verified[address.medium].at
        for address in recipient.media
        if is_verified(recipient, address) and address.medium in recipient.verified
    }


def relied_on(
    chosen: Sequence[Address], recipient: Recipient
) -> tuple[tuple[Address, ...], DeliveryReason | None]:
    """Return the addresses to use, with a verified one if there is any, and why it is not as asked.

    An address that is not verified is used beside a verified one, or if there is no other.
    """
    if any(is_verified(recipient, address) for address in chosen):
        return tuple(chosen), None
    others = [each for each in recipient.addresses if is_verified(recipient, each)]
    reason = not_verified([each.medium for each in chosen], [each.medium for each in others])
    return (*chosen, *others), reason

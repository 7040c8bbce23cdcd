"""Addresses of customers: mail addresses and telephone numbers, each in one form to compare."""

from typing import Final, Literal, NamedTuple, assert_never

from common.core.mailboxes import normalize_mailbox
from common.core.phone_numbers import normalize_phone

AddressKind = Literal["email", "phone"]

_MAX_CHARACTERS: Final = 254
_SHOWN_DIGITS: Final = 2


class StatedAddress(NamedTuple):
    """`verified`: the system that states it has proof that the address is the customer's.

    `region` is the country, by ISO 3166, of a telephone number that is written without one.
    """

    kind: AddressKind
    address: str
    verified: bool = False
    region: str | None = None


class Address(NamedTuple):
    """An address in the form in which addresses are compared."""

    kind: AddressKind
    address: str
    verified: bool = False


def normalize(stated: StatedAddress, default_region: str | None) -> Address | None:
    """Return the address in its form to compare; None if it is none."""
    match stated.kind:
        case "email":
            address = normalize_email(stated.address)
        case "phone":
            address = normalize_phone(stated.address, stated.region or default_region)
        case _:
            assert_never(stated.kind)
    return None if address is None else Address(stated.kind, address, stated.verified)


def normalize_email(text: str) -> str | None:
    """Return the mail address in small letters: nobody gives two people ones that differ in case.

    None if it is no mail address.
    """
    if len(text) > _MAX_CHARACTERS:
        return None
    try:
        return normalize_mailbox(text.strip()).lower()
    except ValueError:
        return None


def mask(kind: AddressKind, address: str) -> str:
    """Return as much as is needed to recognise the address, and not enough to use it."""
    match kind:
        case "email":
            name, _, domain = address.rpartition("@")
            return f"{name[:1]}***@{domain}"
        case "phone":
            return f"***{address[-_SHOWN_DIGITS:]}"
        case _:
            assert_never(kind)

"""Addresses that are secrets, opened when they are called."""

from collections.abc import Callable

from common.core.sealed_secrets import UnknownEncryptionKeyError
from notifier.domain.delivery import Refused
from notifier.domain.recipients import Address
from notifier.secret_addresses import AddressSealer


def open_url(
    address: Address | None, sealer: AddressSealer, admits: Callable[[str], bool]
) -> str | Refused:
    """Return the URL in clear, or why it is not called: `admits` says which may be."""
    if address is None:
        raise TypeError("a notification without an address is never sent")
    try:
        url = sealer.open(address)
    except UnknownEncryptionKeyError:
        return Refused("no encryption key decrypts the address: enter the address again")
    if not admits(url):
        return Refused("the address is not of a service that may be called")
    return url

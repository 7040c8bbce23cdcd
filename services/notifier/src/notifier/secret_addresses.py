"""Addresses that are secrets, since who has one can write to the person: sealed at rest.

`url` among the details of such an address is encrypted; the other details are shown.
"""

from collections.abc import Sequence
from typing import Final, Self

from msgspec.structs import replace

from common.core.sealed_secrets import EncryptionKeys, SecretBox, UnknownEncryptionKeyError
from notifier.domain.errors import AddressIncompleteError, SecretAddressesOffError
from notifier.domain.recipients import ADDRESS_DETAIL, SECRET_MEDIA, Address, Recipient

URL: Final = ADDRESS_DETAIL


def is_secret(address: Address) -> bool:
    return address.medium in SECRET_MEDIA


def without_secret(address: Address) -> Address:
    """Return it as it may be shown and kept in the history."""
    if not is_secret(address):
        return address
    details = {name: value for name, value in address.details.items() if name != URL}
    return replace(address, details=details)


class AddressSealer:
    """Without a box nobody sets an address that is a secret."""

    def __init__(self, box: SecretBox | None) -> None:
        self._box = box

    @classmethod
    def from_keys(cls, keys: EncryptionKeys) -> Self:
        return cls(keys.secret_box() if keys.all else None)

    def seal(self, media: Sequence[Address], before: Recipient | None) -> tuple[Address, ...]:
        """Encrypt the secrets; an address without its secret keeps the one that was put before.

        Raises SecretAddressesOffError, or AddressIncompleteError if there was none before.
        """
        return tuple(
            self._seal(address, before.address_on(address.medium) if before else None)
            if is_secret(address)
            else address
            for address in media
        )

    def open(self, address: Address) -> str:
        """Return the secret in clear; raises UnknownEncryptionKeyError."""
        if self._box is None:
            raise UnknownEncryptionKeyError
        return self._box.open(address.details[URL])

    def reseal(self, address: Address) -> Address:
        """Encrypt it with the first key; raises UnknownEncryptionKeyError."""
        if self._box is None:
            raise UnknownEncryptionKeyError
        sealed = self._box.reseal(address.details[URL])
        return replace(address, details={**address.details, URL: sealed})

    def _seal(self, address: Address, before: Address | None) -> Address:
        if self._box is None:
            raise SecretAddressesOffError
        secret = address.details.get(URL)
        if secret is None and before is None:
            raise AddressIncompleteError
        if before is not None and (secret is None or self._is_same(secret, before)):
            # The text differs each time that it is encrypted: the same address is no change.
            details = {**before.details, **without_secret(address).details}
            if secret is None:
                details["service"] = before.details["service"]
            return replace(address, details=details)
        return replace(address, details={**address.details, URL: self._box.seal(secret or "")})

    def _is_same(self, secret: str, before: Address) -> bool:
        try:
            return self.open(before) == secret
        except UnknownEncryptionKeyError:
            return False

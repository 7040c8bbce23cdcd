"""Secrets of outside systems at rest: encrypted with keys that are not in the database."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from common.core.errors import PermanentError
from common.core.secret_strength import split_secrets


class UnknownEncryptionKeyError(PermanentError):
    """A stored secret is encrypted with a key that is not among UPSTAIRS_ENCRYPTION_KEYS."""


class EncryptionKeys(SecretStr):
    """Keys of `python -m common encryption-key`, separated by commas or lines.

    The first encrypts, all decrypt. To change one: put the new one first, re-encrypt what is
    stored, and remove the old one.
    """

    @property
    def all(self) -> tuple[str, ...]:
        return split_secrets(self.get_secret_value())

    def secret_box(self) -> "SecretBox":
        """Raise ValueError if there is no key, or one that is not 32 bytes in URL-safe Base64."""
        return SecretBox(*self.all)


class SecretBox:
    def __init__(self, *keys: str) -> None:
        if not keys:
            raise ValueError("has no key")
        try:
            self._keys = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise ValueError(
                "has a key that `python -m common encryption-key` did not make"
            ) from error

    def seal(self, secret: str) -> str:
        """Return the secret encrypted, as ASCII text; each call gives another text."""
        return self._keys.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """Raise UnknownEncryptionKeyError if no key decrypts it."""
        try:
            return self._keys.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise UnknownEncryptionKeyError from error

    def reseal(self, sealed: str) -> str:
        """Encrypt it with the first key; raises UnknownEncryptionKeyError if no key decrypts it."""
        try:
            return self._keys.rotate(sealed.encode()).decode()
        except InvalidToken as error:
            raise UnknownEncryptionKeyError from error

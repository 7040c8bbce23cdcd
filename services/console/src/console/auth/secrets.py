"""Tokens that nobody can guess, of which the console keeps only the digest."""

import hashlib
import secrets
from typing import Final

_BYTES: Final = 32


def make_token() -> str:
    """Return 256 random bits, as text."""
    return secrets.token_urlsafe(_BYTES)


def digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()

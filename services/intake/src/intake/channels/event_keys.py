"""Ids of events for the systems that give them none of their own, or long ones."""

import hashlib
from typing import Final

from common.core.text import is_visible

_KEY_CHARACTERS: Final = 300


def event_key(*parts: str | None) -> str:
    """Return the parts as one id, without those that are missing.

    Of one that is long, or has characters that nobody sees or stores, its digest.
    """
    key = "/".join(part for part in parts if part)
    if len(key) <= _KEY_CHARACTERS and is_visible(key):
        return key
    return digest_key(key.encode("utf-8", "surrogatepass"))


def digest_key(content: bytes) -> str:
    """Return an id that is the same for the same content."""
    return f"sha256-{hashlib.sha256(content).hexdigest()}"

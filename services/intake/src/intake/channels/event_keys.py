"""Ids of events for the systems that give them none of their own, or long ones."""

import hashlib
from typing import Final

_KEY_CHARACTERS: Final = 300


def event_key(*parts: str | None) -> str:
    """Return the parts as one id, without those that are missing; of a long one, its digest."""
    key = "/".join(part for part in parts if part)
    return key if len(key) <= _KEY_CHARACTERS else digest_key(key.encode())


def digest_key(content: bytes) -> str:
    """Return an id that is the same for the same content."""
    return f"sha256-{hashlib.sha256(content).hexdigest()}"

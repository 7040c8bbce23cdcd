"""Advisory locks that are taken before a schema has tables.

All others have their keys from the SQL function `lock_key`, which no other role can compute. These
keys are no secret: any role of the database can hold such a lock, so nobody waits without limit.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError

# As long as another run may take.
LOCK_TIMEOUT_S: Final = 60
_LOCK_NOT_AVAILABLE: Final = "55P03"


class LockHeldError(Exception):
    """Another session holds the lock that only one run at a time may have."""

    def __init__(self, purpose: str, timeout_s: float) -> None:
        super().__init__(
            f"Another session held the lock for {purpose} for {timeout_s:g} s. If no other run is "
            "active, a role of this database holds it without need: find its session by "
            "SELECT a.pid, a.usename FROM pg_locks JOIN pg_stat_activity a USING (pid) "
            "WHERE locktype = 'advisory' and end it by pg_terminate_backend(pid)."
        )


def set_timeout(timeout_s: float) -> str:
    return f"SET lock_timeout = {round(timeout_s * 1000)}"


@contextmanager
def explain_timeout(purpose: str, timeout_s: float) -> Iterator[None]:
    """Raise LockHeldError if a lock was not free in time."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise LockHeldError(purpose, timeout_s) from error


def advisory_key(*parts: str) -> int:
    """Return a key of 64 bits that two purposes do not share."""
    digest = hashlib.sha256("/".join(("upstairs", *parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)

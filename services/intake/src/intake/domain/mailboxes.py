"""How far a mailbox is read.

An IMAP server numbers the mails of a folder (UID), ever upwards. If it gives them new ones, its
UIDVALIDITY is another one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

# A mail that can't be fetched is put aside after so many attempts: it must not hold up the others.
MAX_ATTEMPTS: Final = 5
_LONGEST_WAIT: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Folder:
    """What a server says of a folder when it is opened; `uid_next` is None if it does not say."""

    uid_validity: int
    uid_next: int | None


@dataclass(frozen=True, slots=True)
class Mailbox:
    """`source` is the folder, user and server that the numbers are of.

    `failures` are attempts to read the mailbox in a row, and `uid_failures` those to fetch the mail
    `failing_uid`. `holder` names one reading of the mailbox, by one process.
    """

    connection: str
    holder: str
    source: str | None = None
    uid_validity: int | None = None
    last_uid: int = 0
    read_at: datetime | None = None
    failing_uid: int | None = None
    uid_failures: int = 0
    failures: int = 0
    error: str | None = None

    def is_known(self, source: str, folder: Folder) -> bool:
        """Return whether `last_uid` counts in this folder."""
        return self.source == source and self.uid_validity == folder.uid_validity

    def begin(self, source: str, folder: Folder, last_uid: int) -> "Mailbox":
        """Read on behind `last_uid` of a folder that is new, or has new numbers."""
        return replace(self.advance(last_uid), source=source, uid_validity=folder.uid_validity)

    def advance(self, uid: int) -> "Mailbox":
        return replace(self, last_uid=uid, failing_uid=None, uid_failures=0)

    def fail_at(self, uid: int) -> "Mailbox":
        failures = self.uid_failures + 1 if self.failing_uid == uid else 1
        return replace(self, failing_uid=uid, uid_failures=failures)

    @property
    def is_exhausted(self) -> bool:
        return self.uid_failures >= MAX_ATTEMPTS

    def succeed(self, at: datetime) -> "Mailbox":
        return replace(self, failures=0, error=None, read_at=at)

    def fail(self, error: str) -> "Mailbox":
        return replace(self, failures=self.failures + 1, error=error)

    def wait(self, interval: timedelta) -> timedelta:
        """Return how long until it is read again."""
        return min(interval * (1 << min(self.failures, 10)), max(interval, _LONGEST_WAIT))


def next_uids(listed: Iterable[int], last_uid: int, limit: int) -> list[int]:
    """Return the next mails in their order; a server may name others than it was asked for."""
    return sorted({uid for uid in listed if uid > last_uid})[:limit]

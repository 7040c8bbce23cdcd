"""The only place that reads a clock.

The database's clock decides what is due and when things happened, so that replicas agree and a
host whose clock jumps does no harm. The host's clock serves what has no transaction: the age of a
signature, the life of a link.
"""

import time
from datetime import UTC, datetime, timedelta


class TimeSource:
    """The present time plus `offset`, which tests and rehearsals change."""

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self.offset = offset

    def of_transaction(self, database_time: datetime) -> datetime:
        """Return the time of a transaction that has read this from the database's clock."""
        return database_time + self.offset

    def utc_now(self) -> datetime:
        """Return this host's time, in UTC."""
        return datetime.now(UTC) + self.offset


def monotonic() -> float:
    """Return seconds on a clock that never jumps; only differences mean anything."""
    return time.perf_counter()

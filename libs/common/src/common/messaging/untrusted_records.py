"""Bounds what records cost that nobody can be held to: strangers may send any number of them."""

from datetime import timedelta
from typing import Final

import structlog

from common.core.clock import monotonic
from common.core.metrics import Metrics

# Kept as dead letters in one interval.
UNTRUSTED_RECORD_LIMIT: Final = 100
_INTERVAL: Final = timedelta(hours=1)
# Dead letters of such records that may wait, as a multiple of those of one interval.
_WAITING_FACTOR: Final = 10

log = structlog.get_logger()


class UntrustedRecords:
    """Decides which of them are kept as dead letters: the first of each hour, up to a total."""

    def __init__(self, metrics: Metrics, limit: int, *, interval: timedelta = _INTERVAL) -> None:
        self._counter = metrics.untrusted_records
        self._limit = limit
        self._interval_s = interval.total_seconds()
        self._began_at = monotonic()
        self._kept = 0
        self._dropped = 0
        self.max_waiting = limit * _WAITING_FACTOR

    def may_keep(self) -> bool:
        """Return whether this hour's limit allows one more."""
        if monotonic() - self._began_at >= self._interval_s:
            self._began_at = monotonic()
            self._kept = self._dropped = 0
        return self._kept < self._limit

    def record_kept(self) -> None:
        self._kept += 1
        self._counter.labels("dead_letter").inc()

    def record_dropped(self, error: BaseException, origin: str) -> None:
        """Count a record that is not kept; log the 1st, 10th, 100th … of an hour."""
        self._dropped += 1
        self._counter.labels("dropped").inc()
        digits = str(self._dropped)
        if digits.rstrip("0") == "1":
            log.error(
                "untrusted_records_dropped",
                count=self._dropped,
                origin=origin,
                error=repr(error),
                advice="see docs/operations.md, Records from strangers",
            )

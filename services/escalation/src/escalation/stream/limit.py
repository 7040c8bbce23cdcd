"""How many streams may be open: each costs memory, and work for every event."""

from collections import Counter

from common.core.errors import PermanentError


class TooManyStreamsError(PermanentError):
    """Too many streams are open."""


class StreamLimit:
    """Counts the open streams of one replica, in all and by caller."""

    def __init__(self, *, streams: int, per_caller: int) -> None:
        self._streams = streams
        self._per_caller = per_caller
        self._open: Counter[str] = Counter()

    def acquire(self, caller: str) -> None:
        """Count one more; the caller must `release` it. Raises TooManyStreamsError."""
        if self._open[caller] >= self._per_caller:
            detail = f"{caller} has {self._per_caller} streams open; close one first."
            raise TooManyStreamsError(detail)
        if self._open.total() >= self._streams:
            raise TooManyStreamsError(f"{self._streams} streams are open here; try again later.")
        self._open[caller] += 1

    def release(self, caller: str) -> None:
        self._open[caller] -= 1
        if not self._open[caller]:
            del self._open[caller]

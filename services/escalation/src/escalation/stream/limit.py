"""How many streams may be open, and how many of them may catch up at the same time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

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


class CatchUpSlots:
    """Lets so many streams catch up at a time, in all and by caller; the others wait.

    Each catch-up has a connection to Kafka, for as long as its client takes to read. Who reconnects
    all the time, or reads nothing, waits for the own streams, and keeps nobody else waiting.
    """

    def __init__(self, *, slots: int, per_caller: int) -> None:
        self._all = asyncio.Semaphore(slots)
        self._per_caller = per_caller
        # Each lasts as long as a stream of the caller has it, or waits for it.
        self._own: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, caller: str) -> AsyncIterator[None]:
        own = self._own.setdefault(caller, asyncio.Semaphore(self._per_caller))
        async with own, self._all:
            yield

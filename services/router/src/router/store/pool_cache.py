"""Keeps the pool of representatives from one transaction to the next (ADR 0061)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from router.domain.routing.pool import AvailabilityPool
from router.domain.routing.strategies import RoutingPolicy
from router.domain.staffing.representatives import Representative

# Then everything is read again: a fail-over of the database may have lost what we kept.
MAX_AGE: Final = timedelta(minutes=1)


@dataclass(slots=True)
class CachedPool:
    """A pool that has what was written of representatives up to a turn, that turn included."""

    pool: AvailabilityPool
    turn: int
    read_at: datetime

    @classmethod
    def empty(cls, policy: RoutingPolicy, at: datetime) -> Self:
        """Return a pool that lacks the representatives of all turns."""
        return cls(AvailabilityPool(policy), turn=-1, read_at=at)

    def follow(self, turn: int, loaded: Iterable[Representative]) -> None:
        """Take up a transaction that had the turn and has committed."""
        self.pool.put_all(loaded)
        self.turn = turn


class PoolCache:
    """The pool of one process.

    A transaction takes it out and changes it, and puts it back when it has committed. So one that
    fails takes its changes along, and the next reads all representatives.
    """

    def __init__(self) -> None:
        self._cached: CachedPool | None = None

    def take(self, now: datetime) -> CachedPool | None:
        cached, self._cached = self._cached, None
        return cached if cached and now - cached.read_at < MAX_AGE else None

    def put_back(self, cached: CachedPool) -> None:
        """Keep the newest: two transactions of this process may put theirs back in any order."""
        if self._cached is None or self._cached.turn < cached.turn:
            self._cached = cached

    def follow(self, turn: int, loaded: Iterable[Representative]) -> None:
        """Take up a transaction that has committed and has not taken the pool."""
        if self._cached is not None and self._cached.turn + 1 == turn:
            self._cached.follow(turn, loaded)

"""How many deliveries a system may send: what it has taken, and what it may take now.

At most `deliveries` come in within any `per_seconds`, however many processes take them. A delivery
that is there counts from now until a window later. A process may take some ahead; such a lease has
an end, and what is not used by then is given back. Its deliveries count until a window after that
end, so that those which are used last count long enough.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Annotated, Final

from pydantic import ConfigDict, Field, with_config

MAX_DELIVERIES: Final = 1_000_000
_DAY_S: Final = 24 * 60 * 60
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Leases that end within such a part of the window are stored as one.
_PARTS: Final = 50
# While so much of a limit is free, a lease lasts such a part of the window, and at most so long. A
# long one asks the database seldom, and lets its deliveries count for longer.
_LEASES: Final = (
    (0.75, 2, timedelta(seconds=30)),
    (0.5, 10, timedelta(seconds=10)),
    (0.0, 50, timedelta(seconds=5)),
)
# A process takes ahead such a part of the limit at most, so that the others can have theirs.
_AHEAD_PARTS: Final = 10


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most so many deliveries in any so many seconds."""

    deliveries: Annotated[
        int, Field(ge=1, le=MAX_DELIVERIES, description="At most so many deliveries …")
    ]
    per_seconds: Annotated[
        int, Field(ge=1, le=_DAY_S, description="… in any so many seconds; a day at most.")
    ]

    @property
    def window(self) -> timedelta:
        return timedelta(seconds=self.per_seconds)

    @property
    def most_ahead(self) -> int:
        """How many deliveries one process may take ahead."""
        return self.deliveries // _AHEAD_PARTS

    def lease_time(self, free: int) -> timedelta:
        """Return how long a lease lasts that leaves so much of the limit free."""
        return next(
            min(self.window / parts, longest)
            for share, parts, longest in _LEASES
            if free >= share * self.deliveries
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """Deliveries that were taken together: they count until `until`."""

    until: datetime
    deliveries: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What was taken at a time: what was needed then, and ahead, to be used in the `lease_time`.

    `remaining` can be taken still; `more_at` is when there will be more.
    """

    at: datetime
    needed: Usage
    ahead: Usage
    lease_time: timedelta
    remaining: int
    more_at: datetime


@dataclass(frozen=True, slots=True)
class LimitWindow:
    """What a system has taken, in the order in which it stops counting.

    `at`: when it took last, so that a clock that was set back does no harm.
    """

    at: datetime
    taken: Sequence[Usage] = field(default=())

    def give_back(self, unused: Iterable[Usage]) -> "LimitWindow":
        """Return it without these; what has stopped counting is gone already."""
        counts = {each.until: each.deliveries for each in self.taken}
        for each in unused:
            if each.until in counts:
                counts[each.until] -= each.deliveries
        return LimitWindow(
            self.at, [Usage(until, count) for until, count in counts.items() if count > 0]
        )

    def take(
        self, limit: RateLimit, needed: int, ahead: int, now: datetime
    ) -> tuple["LimitWindow", Grant]:
        """Take what is needed and some ahead, as far as the limit goes.

        What is left is shared with other processes: of it, at most half is taken ahead.
        """
        now = max(now, self.at)
        current = [each for each in self.taken if each.until > now]
        total = sum(each.deliveries for each in current)
        free = max(0, limit.deliveries - total)
        needed = min(needed, free)
        ahead = min(ahead, limit.most_ahead, (free - needed) // 2)
        lease_time = limit.lease_time(free - needed - ahead)
        step, ends_at = limit.window / _PARTS, now + limit.window
        used = Usage(_round_up(ends_at, step), needed)
        leased = Usage(_round_up(ends_at + lease_time, step), ahead)
        current = _merge([*current, used, leased])
        return LimitWindow(now, current), Grant(
            at=now,
            needed=used,
            ahead=leased,
            lease_time=lease_time,
            remaining=free - needed - ahead,
            more_at=_more_at(current, limit) or now,
        )


def _merge(taken: Iterable[Usage]) -> list[Usage]:
    by_end = attrgetter("until")
    some = sorted((each for each in taken if each.deliveries), key=by_end)
    return [
        Usage(until, sum(each.deliveries for each in group))
        for until, group in groupby(some, key=by_end)
    ]


def _more_at(taken: Sequence[Usage], limit: RateLimit) -> datetime | None:
    """Return when more can be taken than now; None if nothing is taken."""
    total = sum(each.deliveries for each in taken)
    for each in taken:
        total -= each.deliveries
        if total < limit.deliveries:
            return each.until
    return None


def _round_up(at: datetime, step: timedelta) -> datetime:
    return _EPOCH - ((_EPOCH - at) // step) * step

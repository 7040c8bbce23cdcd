"""What a system may send: never more than its limit in any window, and nearly as much."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from intake.domain.rate_limits import Grant, LimitWindow, RateLimit, Usage

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
EMPTY = LimitWindow(START)


def later(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@dataclass
class Process:
    """Takes ahead as much as it may, and uses it as late as it may."""

    lease: Grant | None = None
    ahead: int = 0
    used_at: list[datetime] = field(default_factory=list)

    def request(self, window: LimitWindow, limit: RateLimit, now: datetime) -> LimitWindow:
        if self.lease is not None and now < self.lease.at + self.lease.lease_time and self.ahead:
            self.ahead -= 1
            self.used_at.append(now)
            return window
        window = self.give_back(window)
        window, grant = window.take(limit, 1, limit.most_ahead, now)
        self.lease = grant
        self.ahead = grant.ahead.deliveries
        if grant.needed.deliveries:
            self.used_at.append(now)
        return window

    def give_back(self, window: LimitWindow) -> LimitWindow:
        if self.lease is not None and self.ahead:
            window = window.give_back([Usage(self.lease.ahead.until, self.ahead)])
            self.ahead = 0
        return window


@pytest.mark.parametrize("seed", range(30))
def test_no_window_has_more_than_the_limit_whatever_processes_take_ahead(seed: int) -> None:
    random = Random(seed)
    limit = RateLimit(random.choice([1, 3, 20, 100]), random.choice([1, 10, 600]))
    processes = [Process() for _ in range(random.randint(1, 4))]
    window, passed_s = EMPTY, 0.0
    # Bursts, pauses, and times in which nearly all is used.
    for _ in range(3000):
        scale = random.choice([0.0, 0.001, 0.5, 2.0])
        passed_s += scale * random.random() * limit.per_seconds / limit.deliveries
        process = random.choice(processes)
        if random.random() < 0.02:
            window = process.give_back(window)
        window = process.request(window, limit, later(passed_s))
    used_at = sorted(at for process in processes for at in process.used_at)
    assert len(used_at) > limit.deliveries
    for first, last in zip(used_at, used_at[limit.deliveries :], strict=False):
        assert last - first >= limit.window
    assert sum(each.deliveries for each in window.taken) <= limit.deliveries
    # What is stored stays small.
    assert len(window.taken) <= 110


def test_system_that_always_sends_gets_nearly_its_limit() -> None:
    limit = RateLimit(100, 60)
    window, process = EMPTY, Process()
    for tenth in range(36_000):
        window = process.request(window, limit, later(tenth / 10))
    # An hour of 60 windows.
    assert 0.9 * 6000 < len(process.used_at) <= 6000


def test_first_requests_may_come_in_a_burst() -> None:
    _, grant = EMPTY.take(RateLimit(5, 60), 9, 0, START)
    assert (grant.needed.deliveries, grant.remaining) == (5, 0)
    assert later(60) <= grant.more_at < later(62)


def test_limit_of_one_a_day_admits_one_a_day() -> None:
    limit = RateLimit(1, 86_400)
    window, first = EMPTY.take(limit, 1, 10, START)
    window, second = window.take(limit, 1, 0, later(86_399))
    assert (first.needed.deliveries, second.needed.deliveries) == (1, 0)
    assert second.more_at >= later(86_400)
    _, third = window.take(limit, 1, 0, second.more_at)
    assert third.needed.deliveries == 1


def test_deliveries_that_are_given_back_can_be_taken_again_once() -> None:
    limit = RateLimit(20, 60)
    window, lease = EMPTY.take(limit, 1, 2, START)
    assert (lease.needed.deliveries, lease.ahead.deliveries) == (1, 2)
    assert lease.ahead.until > lease.needed.until
    window = window.give_back([lease.ahead])
    assert window.taken == [lease.needed]
    # It is gone already.
    assert window.give_back([lease.ahead]).taken == window.taken


def test_others_get_half_of_what_is_left_when_one_takes_ahead() -> None:
    window, busy = EMPTY.take(RateLimit(100, 60), 96, 10, START)
    assert (busy.needed.deliveries, busy.ahead.deliveries, busy.remaining) == (96, 2, 2)
    _, other = window.take(RateLimit(100, 60), 2, 10, START)
    assert other.needed.deliveries == 2


def test_lower_limit_counts_what_was_taken_before() -> None:
    window, _ = EMPTY.take(RateLimit(50, 60), 20, 0, START)
    window, _ = window.take(RateLimit(50, 60), 20, 0, later(30))
    _, none = window.take(RateLimit(30, 60), 1, 0, later(31))
    assert none.needed.deliveries == 0
    # Not when the first ones stop counting, but when fewer than 30 do.
    assert later(60) <= none.more_at < later(62)
    window, _ = window.take(RateLimit(10, 60), 1, 0, later(32))
    _, lowest = window.take(RateLimit(10, 60), 1, 0, later(33))
    assert later(90) <= lowest.more_at < later(92)


def test_clock_that_is_set_back_gives_nothing_twice() -> None:
    limit = RateLimit(10, 60)
    window, _ = EMPTY.take(limit, 9, 0, later(600))
    window, _ = window.take(limit, 1, 0, START)
    _, grant = window.take(limit, 1, 0, later(659))
    assert grant.needed.deliveries == 0
    assert grant.more_at >= later(660)


def test_leases_are_long_only_while_little_is_taken() -> None:
    limit = RateLimit(100, 60)
    assert limit.lease_time(75) == timedelta(seconds=30)
    assert limit.lease_time(74) == timedelta(seconds=6)
    assert limit.lease_time(49) == timedelta(seconds=1.2)
    assert RateLimit(100, 86_400).lease_time(0) == timedelta(seconds=5)

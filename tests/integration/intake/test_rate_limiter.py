"""How processes share a rate limit by the database, and how seldom they ask it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import make_url

from common.contracts.event import SystemName
from common.core.errors import is_transient
from common.core.ids import EventId
from common.storage.database import Database, connect
from intake.domain.rate_limits import RateLimit
from intake.rate_limiter import Admission, LeaseReturner, RateLimiter
from intake.store import UnitOfWork
from support.databases import Postgres, SteppedClock, open_database, rows
from support.probe import record_statements
from support.tcp_proxy import tcp_proxy

SHOP = SystemName("channel:shop")
# BEGIN, the time, the window, what was taken, COMMIT.
STATEMENTS = 5


class Seconds:
    """The clock of a process, which a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def limiter(seconds: Seconds) -> RateLimiter:
    return RateLimiter(seconds)


async def admit(
    limiter: RateLimiter, database: Database[UnitOfWork], limit: RateLimit, count: int = 1
) -> list[Admission]:
    """Send so many deliveries at the same time."""
    calls = (limiter.admit(SHOP, limit, database) for _ in range(count))
    return list(await asyncio.gather(*calls))


def admitted(admissions: list[Admission]) -> int:
    return sum(each.is_admitted for each in admissions)


async def taken(database: Database[UnitOfWork]) -> int:
    windows = await rows(database, "SELECT taken FROM rate_limit_windows")
    return sum(count for row in windows for _, count in row.taken)


def pass_time(database: Database[UnitOfWork], seconds: Seconds, passed_s: float) -> None:
    seconds.now += passed_s
    database.clock.offset += timedelta(seconds=passed_s)


async def test_requests_at_the_same_time_share_two_transactions(
    limiter: RateLimiter, database: Database[UnitOfWork]
) -> None:
    limit = RateLimit(50, 60)
    async with record_statements(database) as sent:
        first = await admit(limiter, database, limit, 40)
    assert admitted(first) == 40
    # Those that came first, and all that came while their transaction was under way.
    assert len(sent) <= 2 * STATEMENTS, sent
    second = await admit(limiter, database, limit, 40)
    assert admitted(second) == 10
    assert await taken(database) == 50


async def test_busy_process_far_below_the_limit_seldom_asks(
    limiter: RateLimiter, database: Database[UnitOfWork], seconds: Seconds
) -> None:
    limit = RateLimit(6000, 60)
    async with record_statements(database) as sent:
        for _ in range(500):
            pass_time(database, seconds, 0.05)
            assert admitted(await admit(limiter, database, limit)) == 1
    assert len(sent) <= 10 * STATEMENTS, len(sent)


async def test_refused_process_does_not_ask_for_each_request(
    limiter: RateLimiter, database: Database[UnitOfWork], seconds: Seconds
) -> None:
    limit = RateLimit(2, 60)
    assert admitted(await admit(limiter, database, limit, 3)) == 2
    async with record_statements(database) as sent:
        refused = await admit(limiter, database, limit, 100)
        pass_time(database, seconds, 0.9)
        refused += await admit(limiter, database, limit, 100)
    assert (admitted(refused), sent) == (0, [])
    assert 58 < refused[-1].more_in_s <= refused[0].more_in_s < 63
    pass_time(database, seconds, 65)
    assert admitted(await admit(limiter, database, limit, 3)) == 2


async def test_request_that_comes_during_a_transaction_uses_what_that_takes_ahead(
    limiter: RateLimiter, database: Database[UnitOfWork]
) -> None:
    limit = RateLimit(100, 60)

    async def admit_soon(turns: int) -> list[Admission]:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await admit(limiter, database, limit)

    admissions: list[Admission] = []
    while all(each.is_admitted for each in admissions):
        for several in await asyncio.gather(*map(admit_soon, (0, 5, 10))):
            admissions += several
    assert admitted(admissions) == 100


async def test_unused_deliveries_are_given_back(
    limiter: RateLimiter, database: Database[UnitOfWork], seconds: Seconds
) -> None:
    limit = RateLimit(100, 60)
    for _ in range(4):
        await admit(limiter, database, limit)
    # 1, then 2 with one ahead, then 3 with two ahead: of these, one is left twice.
    assert await taken(database) == 6
    async with record_statements(database) as sent:
        await limiter.give_back(database)
    assert sent == []
    pass_time(database, seconds, 31)
    await limiter.give_back(database)
    assert await taken(database) == 4
    async with record_statements(database) as sent:
        await limiter.give_back(database)
    assert sent == []


async def test_stopping_process_gives_back_what_it_has(
    limiter: RateLimiter, database: Database[UnitOfWork]
) -> None:
    limit = RateLimit(100, 60)
    for _ in range(4):
        await admit(limiter, database, limit)
    stopping = asyncio.Event()
    stopping.set()
    await LeaseReturner(limiter, database).run(stopping)
    assert await taken(database) == 4


async def test_changed_limit_counts_at_once_also_for_what_was_taken_ahead(
    limiter: RateLimiter, database: Database[UnitOfWork]
) -> None:
    wide, narrow = RateLimit(100, 60), RateLimit(4, 60)
    for _ in range(4):
        await admit(limiter, database, wide)
    assert admitted(await admit(limiter, database, narrow)) == 0
    assert await taken(database) == 4
    assert admitted(await admit(limiter, database, RateLimit(5, 60))) == 1


async def test_request_that_is_cancelled_holds_up_no_other(
    limiter: RateLimiter, database: Database[UnitOfWork]
) -> None:
    limit = RateLimit(10, 60)
    async with asyncio.TaskGroup() as group:
        cancelled = group.create_task(limiter.admit(SHOP, limit, database))
        other = group.create_task(limiter.admit(SHOP, limit, database))
        await asyncio.sleep(0)
        cancelled.cancel()
    assert other.result().is_admitted
    # What was taken for the other one is given back.
    await limiter.give_back(database)
    assert await taken(database) == 1


async def test_request_that_is_cancelled_while_it_waits_loses_nothing_of_a_lease(
    limiter: RateLimiter, database: Database[UnitOfWork]
) -> None:
    limit = RateLimit(100, 60)
    for _ in range(3):
        await admit(limiter, database, limit)
    await limiter.give_back(database, is_stopping=True)
    assert await taken(database) == 3
    async with asyncio.TaskGroup() as group:
        group.create_task(limiter.admit(SHOP, limit, database))
        # The transaction of the first one begins, and the second waits for the next.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        late = group.create_task(limiter.admit(SHOP, limit, database))
        await asyncio.sleep(0)
        late.cancel()
    await limiter.give_back(database, is_stopping=True)
    assert await taken(database) == 4


async def test_limit_is_taken_outside_the_transaction_of_the_request(
    limiter: RateLimiter, database: Database[UnitOfWork]
) -> None:
    async with database.share_transaction():
        await limiter.admit(SHOP, RateLimit(10, 60), database)
    # It was rolled back; the delivery has been taken all the same.
    assert await taken(database) == 1


async def test_absent_database_refuses_for_a_while_and_nothing_is_taken(
    limiter: RateLimiter,
    postgres: Postgres,
    database_name: str,
    database: Database[UnitOfWork],
    seconds: Seconds,
) -> None:
    limit = RateLimit(5, 60)
    server = make_url(postgres.admin_url)
    assert server.host is not None
    async with tcp_proxy(server.host, server.port or 5432) as proxy:
        url = proxy.url(postgres.url(database_name, "intake"))
        engine = connect(url, schema="intake")
        far = Database(engine, UnitOfWork, SteppedClock())
        await proxy.stop()
        failures = await asyncio.gather(
            *(limiter.admit(SHOP, limit, far) for _ in range(3)), return_exceptions=True
        )
        assert all(isinstance(each, Exception) and is_transient(each) for each in failures)
        await proxy.start()
        assert admitted(await admit(limiter, far, limit, 6)) == 5
        await engine.dispose()
    assert await taken(database) == 5


class LostCommits(Database[UnitOfWork]):
    """Its transactions are committed, and the answer to that does not come back."""

    @asynccontextmanager
    async def transaction(self, claims: Sequence[EventId] = ()) -> AsyncIterator[UnitOfWork]:
        async with super().transaction(claims) as uow:
            yield uow
        raise OSError("the connection is lost")


async def test_commit_without_an_answer_gives_back_once(
    limiter: RateLimiter, database: Database[UnitOfWork], seconds: Seconds
) -> None:
    limit = RateLimit(100, 60)
    other = RateLimiter(seconds)
    for _ in range(4):
        await admit(limiter, database, limit)
    # In the same part of the window: they stop to count at the same time.
    await admit(other, database, limit, 20)
    before = await taken(database)
    lost = LostCommits(database.engine, UnitOfWork, database.clock)
    with pytest.raises(OSError, match="lost"):
        await limiter.give_back(lost, is_stopping=True)
    assert await taken(database) == before - 2
    await limiter.give_back(database, is_stopping=True)
    assert await taken(database) == before - 2


async def test_processes_together_admit_no_more_than_the_limit(
    postgres: Postgres, database_name: str, database: Database[UnitOfWork]
) -> None:
    limit = RateLimit(30, 60)
    clock = SteppedClock()
    async with (
        open_database(postgres, database_name, "intake", UnitOfWork, clock=clock) as first,
        open_database(postgres, database_name, "intake", UnitOfWork, clock=clock) as second,
    ):
        processes = [(RateLimiter(), first), (RateLimiter(), second)]
        answers = await asyncio.gather(
            *(admit(limiter, own, limit, 50) for limiter, own in processes)
        )
    assert sum(map(admitted, answers)) == 30

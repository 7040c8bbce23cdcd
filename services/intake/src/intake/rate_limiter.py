"""Admits the deliveries of systems that have a rate limit, together with the other processes.

What the limit still leaves is decided in the database, in a short transaction of its own
(`domain/rate_limits.py`). Requests that come meanwhile wait for the next one, which they share. A
process that has many takes some deliveries ahead, and gives back what it does not use.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from common.contracts.event import SystemName
from common.core.backoff import pause
from common.core.clock import monotonic
from common.core.errors import TransientError, is_transient
from common.storage.database import Database
from intake.domain.rate_limits import Grant, RateLimit, Usage
from intake.store import UnitOfWork

# How long a process does not ask again after it was told that nothing is left. Another process may
# give something back meanwhile.
_REFUSAL: Final = timedelta(seconds=1)
_RETURN_INTERVAL_S: Final = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a delivery is within the limit, how many more are, and when there will be more."""

    limit: RateLimit
    is_admitted: bool
    remaining: int
    more_in_s: int


class RateLimiter:
    """What this process may still admit, by system. All systems in it have proved who they are."""

    def __init__(self, seconds: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._accounts: dict[SystemName, _Account] = {}

    async def admit(
        self, system: SystemName, limit: RateLimit, database: Database[UnitOfWork]
    ) -> Admission:
        """Take one delivery of the system if its limit allows it.

        Raises what the database raises: then nothing is taken.
        """
        account = self._accounts.get(system)
        if account is None:
            account = self._accounts[system] = _Account(system, limit, self._seconds)
        account.change(limit)
        admission = account.try_without_database()
        return admission or await account.wait(database)

    async def give_back(self, database: Database[UnitOfWork], *, is_stopping: bool = False) -> None:
        """Give back what was taken ahead and can't be used any more; all if the process stops."""
        for account in list(self._accounts.values()):
            account.end_lease(even_if_usable=is_stopping)
            await account.give_back(database)


class LeaseReturner:
    """Gives back, every second, what was taken ahead and was not used."""

    name = "rate limits"

    def __init__(self, limiter: RateLimiter, database: Database[UnitOfWork]) -> None:
        self._limiter = limiter
        self._database = database

    async def run(self, stopping: asyncio.Event) -> None:
        while not await pause(_RETURN_INTERVAL_S, stopping):
            await self._try()
        await self._try(is_stopping=True)

    async def _try(self, *, is_stopping: bool = False) -> None:
        try:
            await self._limiter.give_back(self._database, is_stopping=is_stopping)
        except Exception as error:
            # What is not given back counts until its window ends: too few come in, never too many.
            if is_transient(error):
                log.warning("rate_limits_backing_off", error=repr(error))
            else:
                log.exception("rate_limits_failed")


class _Account:
    """What one system may still send to this process."""

    def __init__(self, system: SystemName, limit: RateLimit, seconds: Callable[[], float]) -> None:
        self._system = system
        self._limit = limit
        self._seconds = seconds
        # Taken ahead and not used yet, and until when they may be.
        self._ahead = 0
        self._ahead_ends_at = 0.0
        # How many the next lease takes ahead: more after a busy one, fewer after an idle one.
        self._next_ahead = 0
        self._grant: Grant | None = None
        # When the grant was asked for, on the clock of this process.
        self._asked_at = 0.0
        self._refuses_until = 0.0
        self._unused: list[Usage] = []
        self._waiting: list[asyncio.Future[Admission]] = []
        self._taking: asyncio.Task[None] | None = None

    def change(self, limit: RateLimit) -> None:
        """Let another limit count from now on: what was taken ahead under the old one is not."""
        if limit != self._limit:
            self._limit = limit
            self._refuses_until = 0.0
            self.end_lease(even_if_usable=True)

    def try_without_database(self) -> Admission | None:
        now = self._seconds()
        if self._waiting or self._grant is None:
            return None
        if admission := self._admit_from_lease():
            return admission
        if now < self._refuses_until:
            return self._admission(self._grant, is_admitted=False)
        return None

    def _admit_from_lease(self) -> Admission | None:
        if self._grant is None or not self._ahead or self._is_over():
            return None
        self._ahead -= 1
        return self._admission(self._grant, is_admitted=True)

    async def wait(self, database: Database[UnitOfWork]) -> Admission:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Admission] = loop.create_future()
        self._waiting.append(answer)
        if self._taking is None:
            # In a context of its own: not in the transaction of the request that happens to begin
            # it, and it does not end with that one.
            self._taking = loop.create_task(self._take_for_all(database), context=Context())
        return await answer

    def end_lease(self, *, even_if_usable: bool = False) -> None:
        """Mark what is left of it as unused, if it may not be used any more."""
        if self._ahead and self._grant and (even_if_usable or self._is_over()):
            self._unused.append(Usage(self._grant.ahead.until, self._ahead))
            self._ahead = 0
            self._next_ahead //= 2

    async def give_back(self, database: Database[UnitOfWork]) -> None:
        if self._unused and self._taking is None:
            await self._take(0, database)

    def _is_over(self) -> bool:
        return self._seconds() >= self._ahead_ends_at

    async def _take_for_all(self, database: Database[UnitOfWork]) -> None:
        batch: Sequence[asyncio.Future[Admission]] = ()
        try:
            while self._waiting:
                # Some were taken ahead for others, while these began to wait.
                batch, self._waiting = self._answer_from_lease(self._waiting), []
                if batch:
                    self._plan_ahead()
                    await self._answer(batch, database)
        finally:
            self._taking = None
            # They wait still only if the process ends.
            _fail([*batch, *self._waiting], TransientError("the service is stopping"))

    def _answer_from_lease(
        self, waiting: Sequence[asyncio.Future[Admission]]
    ) -> list[asyncio.Future[Admission]]:
        """Admit as many as may be without the database, and return the others.

        None are left while there is a lease: the next one would take its place.
        """
        others = []
        for answer in waiting:
            if answer.done():
                # The request was cancelled.
                continue
            if admission := self._admit_from_lease():
                answer.set_result(admission)
            else:
                others.append(answer)
        return others

    def _plan_ahead(self) -> None:
        self.end_lease()
        if self._grant and not self._is_over():
            # The last lease was used up before its end.
            self._next_ahead = min(max(1, 2 * self._next_ahead), self._limit.most_ahead)

    async def _answer(
        self, batch: Sequence[asyncio.Future[Admission]], database: Database[UnitOfWork]
    ) -> None:
        limit = self._limit
        try:
            grant = await self._take(len(batch), database)
        except Exception as error:
            if not is_transient(error):
                log.exception("rate_limit_failed")
            _fail(batch, error)
            return
        self._ahead = grant.ahead.deliveries
        left = grant.needed.deliveries
        for answer in batch:
            # The request may have been cancelled.
            if not answer.done():
                is_admitted = left > 0
                left -= is_admitted
                answer.set_result(self._admission(grant, is_admitted=is_admitted, unused=left))
        if left:
            self._unused.append(Usage(grant.needed.until, left))
        if limit != self._limit:
            self.end_lease(even_if_usable=True)

    async def _take(self, needed: int, database: Database[UnitOfWork]) -> Grant:
        """Give back what was not used, and take what is needed."""
        limit, unused = self._limit, self._unused
        self._unused = []
        is_written = False
        asked_at = self._seconds()
        ahead = self._next_ahead if needed else 0
        try:
            async with database.transaction() as uow:
                window = await uow.rate_limit_windows.lock(self._system)
                window = window.give_back(unused)
                window, grant = window.take(limit, needed, ahead, uow.now)
                await uow.rate_limit_windows.save(self._system, window)
                is_written = True
        except BaseException:
            # Nobody knows whether a commit has failed: what is given back twice would let too many
            # in, and what is not counts until its window ends.
            if not is_written:
                self._unused += unused
            raise
        if needed:
            # From before the database's time was read: no lease is used for too long.
            self._grant, self._asked_at = grant, asked_at
            self._ahead_ends_at = asked_at + grant.lease_time.total_seconds()
            is_refused = grant.needed.deliveries < needed
            wait = min(grant.more_at - grant.at, _REFUSAL) if is_refused else timedelta(0)
            self._refuses_until = asked_at + wait.total_seconds()
        return grant

    def _admission(self, grant: Grant, *, is_admitted: bool, unused: int = 0) -> Admission:
        passed_s = self._seconds() - self._asked_at
        more_in_s = (grant.more_at - grant.at).total_seconds() - passed_s
        return Admission(
            limit=self._limit,
            is_admitted=is_admitted,
            remaining=grant.remaining + self._ahead + unused if is_admitted else 0,
            more_in_s=max(1, math.ceil(more_in_s)),
        )


def _fail(answers: Sequence[asyncio.Future[Admission]], error: Exception) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_exception(error)

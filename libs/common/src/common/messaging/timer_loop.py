"""Fires due timers in batches; sleeps until the next is due (ADR 0056)."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar

import structlog
from sqlalchemy import text

from common.contracts.decoding import from_json
from common.core.backoff import Backoff, pause
from common.core.clock import monotonic
from common.core.errors import is_transient
from common.core.health import Health
from common.core.metrics import Metrics
from common.messaging.dispatcher import Dispatcher, Message
from common.storage.dead_letters import (
    TIMER_ORIGIN_PREFIX,
    DeadLetter,
    FailureStreak,
    TooManyDeadLettersError,
    store_dead_letter,
)
from common.storage.timers import DueTimer
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)

_MAX_BATCH = 500
# For a backlog: while the database commits one batch, we work on the next.
_CONCURRENT_BATCHES = 2
# A replica fires the timers that it has set. This bounds how late those are that it cannot fire,
# because it died, or has halted or not started its loop.
MAX_SLEEP: Final = timedelta(milliseconds=250)
FOREVER: Final = datetime.max.replace(tzinfo=UTC)
# Before another attempt at due timers that another replica has claimed.
_RETRY_CLAIM_S = 0.005
# Longer than a consumer group takes to replace a dead member; then timers start all the same.
_CATCH_UP_TIMEOUT = timedelta(seconds=30)

log = structlog.get_logger()


class TimerLoop(Generic[U]):
    """If `caught_up` is given, the loop starts when it is set, or after `catch_up_timeout`.

    Events that arrived while the service was down may cancel a timer: a reply that came in time
    is handled before its deadline is.
    """

    name = "timers"

    def __init__(
        self,
        dispatcher: Dispatcher[U],
        metrics: Metrics,
        health: Health,
        caught_up: asyncio.Event | None = None,
        *,
        max_sleep: timedelta = MAX_SLEEP,
        catch_up_timeout: timedelta = _CATCH_UP_TIMEOUT,
    ) -> None:
        self._dispatcher = dispatcher
        self._database = dispatcher.database
        self._kinds = dispatcher.subscriptions.timers
        self._metrics = metrics
        self._health = health
        self._caught_up = caught_up
        self._max_sleep = max_sleep
        self._catch_up_timeout = catch_up_timeout
        self._failures = FailureStreak(dispatcher.dead_letter_limit)
        self._woken = asyncio.Event()
        # Until then the loop sleeps; it has seen the timers that are due later.
        self._sleeps_until = FOREVER
        self._batch_lock = asyncio.Lock()
        self._commit_lock = asyncio.Lock()
        self._backlog = False

    def wake(self, earliest: datetime | None) -> None:
        """Check again if a timer was set that is due before the loop would check."""
        if earliest is not None and earliest < self._sleeps_until:
            self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Raises TooManyDeadLettersError."""
        backoff = Backoff()
        if self._caught_up is not None:
            await self._wait_until_caught_up(self._caught_up, stopping)
        while not stopping.is_set():
            try:
                await self._step()
            except TooManyDeadLettersError:
                raise
            except Exception as error:
                self._health.report_trouble(self.name, repr(error))
                self._metrics.retries.labels(self.name).inc()
                if is_transient(error):
                    log.warning("timers_backing_off", error=repr(error))
                else:
                    log.exception("timers_failed")
                await backoff.wait(stopping)
            else:
                self._health.report_healthy(self.name)
                backoff.reset()

    async def _wait_until_caught_up(
        self, caught_up: asyncio.Event, stopping: asyncio.Event
    ) -> None:
        started_at = monotonic()
        while not (caught_up.is_set() or stopping.is_set()):
            if monotonic() - started_at > self._catch_up_timeout.total_seconds():
                log.warning("timers_started_before_catch_up")
                return
            await pause(self._max_sleep.total_seconds(), caught_up)

    async def _step(self) -> None:
        self._woken.clear()
        wait = timedelta(0) if self._backlog else await self._until_next()
        if wait > timedelta(0):
            await pause(wait.total_seconds(), self._woken)
            return
        batches = _CONCURRENT_BATCHES if self._backlog else 1
        fired = await asyncio.gather(
            *(self.fire(_MAX_BATCH) for _ in range(batches)), return_exceptions=True
        )
        counts = [_count_or_raise(result) for result in fired]
        self._backlog = max(counts) == _MAX_BATCH
        if not any(counts):
            # Another replica has claimed what is due.
            await pause(_RETRY_CLAIM_S, self._woken)

    async def _until_next(self) -> timedelta:
        # The answer may lack a timer that is committed meanwhile.
        self._sleeps_until = FOREVER
        row = await self._database.fetch_row(_NEXT, list(self._kinds))
        now: datetime = row["now"] + self._database.clock.offset
        self._sleeps_until = min(row["due_at"] or FOREVER, now + self._max_sleep)
        return self._sleeps_until - now

    async def fire(self, limit: int) -> int:
        """Handle what is due, at most `limit` timers in one transaction; return how many."""
        due: list[DueTimer] = []
        try:
            async with (
                AsyncExitStack() as turn,
                self._database.transaction() as uow,
                self._batch_lock,
            ):
                due = await uow.timers.claim(uow.now, limit, self._kinds)
                self._observe(due, uow.now)
                messages = [self._to_message(timer) for timer in due]
                await self._dispatcher.work(uow, messages)
                # Released after the commit. The next batch begins when this one has its locks and
                # commits after it: they do not deadlock, and they keep their order.
                await turn.enter_async_context(self._commit_lock)
        except Exception as error:
            if is_transient(error) or not due:
                raise
            if limit > 1:
                log.warning("batch_failed", timers=len(due), error=repr(error))
                return await self._one_by_one(len(due))
            await self._dead_letter(due[0], error)
        else:
            if due:
                self._failures.reset()
            self._dispatcher.report(messages, "fired")
        return len(due)

    async def _one_by_one(self, count: int) -> int:
        return sum([await self.fire(1) for _ in range(count)])

    def _to_message(self, timer: DueTimer) -> Message:
        return Message(
            body=from_json(self._kinds[timer.type], timer.data),
            to_dead_letter=lambda error: _to_dead_letter(timer, error),
            traceparent=timer.traceparent,
        )

    def _observe(self, due: list[DueTimer], now: datetime) -> None:
        lateness = {
            kind: self._metrics.timer_lateness_seconds.labels(kind)
            for kind in {timer.type for timer in due}
        }
        for timer in due:
            lateness[timer.type].observe((now - timer.due_at).total_seconds())

    async def _dead_letter(self, timer: DueTimer, error: BaseException) -> None:
        async with self._database.transaction() as uow:
            removed = await uow.connection.execute(_REMOVE, {"id": timer.id})
            if not removed:
                return  # another replica has handled it
            await store_dead_letter(uow.connection, _to_dead_letter(timer, error), claimed=False)
        self._metrics.dead_letters.inc()
        log.error("timer_dead_lettered", type=timer.type, timer_id=timer.id, error=repr(error))
        self._failures.record(error)


def _count_or_raise(fired: int | BaseException) -> int:
    if isinstance(fired, BaseException):
        raise fired
    return fired


def _to_dead_letter(timer: DueTimer, error: BaseException) -> DeadLetter:
    return DeadLetter(
        origin=f"{TIMER_ORIGIN_PREFIX}{timer.id}",
        error=error,
        payload=timer.data.encode(),
        key=timer.contact_id,
        type=timer.type,
        traceparent=timer.traceparent,
    )


_NEXT = """
    SELECT min(due_at) AS due_at, clock_timestamp() AS now FROM timers WHERE type = ANY($1::text[])
"""
_REMOVE = text("DELETE FROM timers WHERE id = :id RETURNING id")

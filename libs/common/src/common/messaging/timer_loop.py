"""Fires due timers: sleeps until the next one, at most 50 ms, and handles a batch at a time."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import structlog
from sqlalchemy import text

from common.core.backoff import Backoff, pause
from common.core.clock import monotonic
from common.core.errors import is_transient
from common.core.health import Health
from common.core.metrics import Metrics
from common.messaging.dispatcher import Dispatcher, Message
from common.storage.dead_letters import (
    TIMER_ORIGIN,
    DeadLetter,
    FailureStreak,
    TooManyDeadLettersError,
    store_dead_letter,
)
from common.storage.timers import DueTimer
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)

_BATCH = 500
# Of a backlog: while the database writes what one batch did, we work on the next.
_LANES = 2
# Timers that another replica adds are not announced here: this is how long one may go unseen.
_LONGEST_SLEEP = timedelta(milliseconds=50)
_MEANWHILE = timedelta(milliseconds=5)
# Longer than a group takes to give up a member that died; a topic that is away stops no timer.
_HEARS_FOR = timedelta(seconds=30)

log = structlog.get_logger()


class TimerLoop(Generic[U]):
    """`caught_up`, where given, is waited for at the start, though not for ever.

    What came while the service was away may have made a timer needless: a reply in time must be
    heard before its deadline is called broken.
    """

    def __init__(
        self,
        dispatcher: Dispatcher[U],
        metrics: Metrics,
        health: Health,
        caught_up: asyncio.Event | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._database = dispatcher.database
        self._kinds = dispatcher.subscriptions.timers
        self._metrics = metrics
        self._health = health
        self._caught_up = caught_up
        self._buried = FailureStreak(dispatcher.dead_letter_limit)
        self._woken = asyncio.Event()
        self._at_work = asyncio.Lock()
        self._at_the_end = asyncio.Lock()
        self._backlog = False

    def wake(self, earliest: datetime | None) -> None:
        """Look again: a timer was set, maybe an earlier one than the loop sleeps towards."""
        if earliest is not None:
            self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        try:
            await self._run(stopping)
        except TooManyDeadLettersError as error:
            self._health.report_trouble("timers", f"halted: {error}")
            self._metrics.halted.labels("timers").set(1)
            log.critical("timers_halted", error=str(error))
        await stopping.wait()

    async def _run(self, stopping: asyncio.Event) -> None:
        backoff = Backoff()
        if self._caught_up is not None:
            await self._hear(self._caught_up, stopping)
        while not stopping.is_set():
            try:
                await self._step()
            except Exception as error:
                if not is_transient(error):
                    raise
                self._health.report_trouble("timers", repr(error))
                self._metrics.retries.labels("timers").inc()
                log.warning("timers_wait", error=repr(error))
                await backoff.wait(stopping)
            else:
                self._health.report_well("timers")
                backoff.reset()

    async def _hear(self, caught_up: asyncio.Event, stopping: asyncio.Event) -> None:
        begun = monotonic()
        while not (caught_up.is_set() or stopping.is_set()):
            if monotonic() - begun > _HEARS_FOR.total_seconds():
                log.warning("timers_start_unheard")
                return
            await pause(_LONGEST_SLEEP.total_seconds(), caught_up)

    async def _step(self) -> None:
        self._woken.clear()
        wait = timedelta(0) if self._backlog else await self._until_next()
        if wait > timedelta(0):
            await pause(wait.total_seconds(), self._woken)
            return
        lanes = _LANES if self._backlog else 1
        fired = await asyncio.gather(
            *(self.fire(_BATCH) for _ in range(lanes)), return_exceptions=True
        )
        counts = [_count(one) for one in fired]
        self._backlog = max(counts) == _BATCH
        if not any(counts):
            # Another replica is at what is due.
            await pause(_MEANWHILE.total_seconds(), self._woken)

    async def _until_next(self) -> timedelta:
        left: timedelta | None = await self._database.fetch_value(_LEFT, list(self._kinds))
        if left is None:
            return _LONGEST_SLEEP
        return min(left - self._database.clock.ahead, _LONGEST_SLEEP)

    async def fire(self, limit: int) -> int:
        """Handle what is due, at most `limit` timers in one transaction; return how many."""
        due: list[DueTimer] = []
        try:
            async with (
                AsyncExitStack() as turn,
                self._database.transaction() as uow,
                self._at_work,
            ):
                due = await uow.timers.claim(uow.now, limit, self._kinds)
                self._observe(due, uow.now)
                messages = [self._message(timer) for timer in due]
                await self._dispatcher.work(uow, messages)
                # Left after the commit. The next batch begins when this one has its locks, and
                # commits after it: they cannot wait for each other, and keep their order.
                await turn.enter_async_context(self._at_the_end)
        except Exception as error:
            if is_transient(error) or not due:
                raise
            if limit > 1:
                log.warning("batch_failed", timers=len(due), error=repr(error))
                return await self._one_by_one(len(due))
            await self._bury(due[0], error)
        else:
            if due:
                self._buried.reset()
            self._dispatcher.report(messages, "fired")
        return len(due)

    async def _one_by_one(self, count: int) -> int:
        return sum([await self.fire(1) for _ in range(count)])

    def _message(self, timer: DueTimer) -> Message:
        return Message(
            body=self._kinds[timer.type].model_validate_json(timer.data),
            letter=lambda error: _letter(timer, error),
            traceparent=timer.traceparent,
        )

    def _observe(self, due: list[DueTimer], now: datetime) -> None:
        lateness = {
            kind: self._metrics.timer_lateness_seconds.labels(kind)
            for kind in {timer.type for timer in due}
        }
        for timer in due:
            lateness[timer.type].observe((now - timer.due_at).total_seconds())

    async def _bury(self, timer: DueTimer, error: BaseException) -> None:
        async with self._database.transaction() as uow:
            removed = await uow.connection.execute(_REMOVE, {"id": timer.id})
            if not removed.rowcount:
                return  # another replica had better luck with it
            await store_dead_letter(uow.connection, _letter(timer, error), claimed=False)
        self._metrics.dead_letters.inc()
        log.error("timer_buried", type=timer.type, timer_id=timer.id, error=repr(error))
        self._buried.record()


def _count(fired: int | BaseException) -> int:
    if isinstance(fired, BaseException):
        raise fired
    return fired


def _letter(timer: DueTimer, error: BaseException) -> DeadLetter:
    return DeadLetter(
        origin=f"{TIMER_ORIGIN}{timer.id}",
        error=error,
        payload=timer.data.encode(),
        key=timer.contact_id,
        type=timer.type,
        traceparent=timer.traceparent,
    )


_LEFT = "SELECT min(due_at) - clock_timestamp() FROM timers WHERE type = ANY($1::text[])"
_REMOVE = text("DELETE FROM timers WHERE id = :id")

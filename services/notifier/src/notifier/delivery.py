"""Carries notifications out: claim with a lease and commit, call, record."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta

import structlog

from common.contracts.notifications import Medium
from common.core import trace
from common.core.backoff import Backoff, pause
from common.core.clock import monotonic
from common.core.errors import is_transient
from common.core.health import Health
from common.storage.database import Database
from notifier import handlers
from notifier.channels import Channel
from notifier.domain.delivering import Outcome, Patience, Unknown
from notifier.handlers import Errand
from notifier.metrics import DeliveryMetrics
from notifier.store import UnitOfWork, until_next

# What another replica leaves to send is not announced here: this is how long it may go unseen.
_LONGEST_SLEEP = timedelta(milliseconds=100)
# What is due but locked by a handler is not claimed; it will be free in a moment.
_MEANWHILE = timedelta(milliseconds=5)

Ended = tuple[Errand, Outcome]

log = structlog.get_logger()


class Courier:
    """Delivers on one medium, `slots` at a time: a medium that hangs holds up no other."""

    def __init__(
        self,
        medium: Medium,
        channel: Channel,
        database: Database[UnitOfWork],
        patience: Patience,
        slots: int,
        metrics: DeliveryMetrics,
        health: Health,
    ) -> None:
        self._medium = medium
        self._channel = channel
        self._database = database
        self._patience = patience
        self._free = slots
        self._metrics = metrics
        self._health = health
        self._part = f"courier of {medium}"
        self._woken = asyncio.Event()
        self._ended: list[Ended] = []
        self._recording = asyncio.Lock()
        database.after_commit(self._wake)

    def _wake(self, uow: UnitOfWork) -> None:
        if self._medium in uow.notifications.waiting_media:
            self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        backoff = Backoff()
        try:
            async with asyncio.TaskGroup() as under_way:
                while not stopping.is_set():
                    try:
                        await self._step(under_way)
                    except Exception as error:
                        if not is_transient(error):
                            raise
                        self._health.report_trouble(self._part, repr(error))
                        log.warning("courier_waits", medium=self._medium, error=repr(error))
                        await backoff.wait(stopping)
                    else:
                        self._health.report_healthy(self._part)
                        backoff.reset()
        finally:
            await self._channel.close()

    async def _step(self, under_way: asyncio.TaskGroup) -> None:
        self._woken.clear()
        wait = await self._until_next()
        if wait > timedelta(0):
            await pause(wait.total_seconds(), self._woken)
            return
        errands = await self._claim()
        for errand in errands:
            self._free -= 1
            under_way.create_task(self._deliver(errand))
        if not errands:
            await pause(_MEANWHILE.total_seconds(), self._woken)

    async def _claim(self) -> Sequence[Errand]:
        async with self._database.transaction() as uow:
            return await handlers.take_up(self._medium, self._free, self._patience, uow)

    async def _until_next(self) -> timedelta:
        if self._free == 0:
            return _LONGEST_SLEEP
        left = await until_next(self._database, self._medium)
        if left is None:
            return _LONGEST_SLEEP
        return min(left - self._database.clock.offset, _LONGEST_SLEEP)

    async def _deliver(self, errand: Errand) -> None:
        trace.restore(errand.notification.traceparent)
        waited = errand.waited.total_seconds()
        self._metrics.lateness_seconds.labels(self._medium).observe(waited)
        try:
            begun = monotonic()
            outcome = await self._call(errand)
            self._observe(errand, outcome, monotonic() - begun)
            self._ended.append((errand, outcome))
            # Whoever comes first records for all who wait.
            async with self._recording:
                ended, self._ended = self._ended, []
                await self._record(ended)
        finally:
            self._free += 1
            self._woken.set()

    async def _call(self, errand: Errand) -> Outcome:
        timeout = self._patience.timeout.total_seconds()
        try:
            async with asyncio.timeout(timeout):
                return await self._channel.send(errand.notification, errand.attempt.started_at)
        except TimeoutError:
            return Unknown(f"no answer within {timeout:g} s")
        except Exception as error:
            log.exception("delivery_broke", notification_id=errand.notification.notification_id)
            return Unknown(f"our own mistake: {error!r}")

    async def _record(self, ended: Sequence[Ended]) -> None:
        """Keep trying while the lease lasts; then the attempts count as lost and are made again."""
        backoff, never = Backoff(), asyncio.Event()
        begun = monotonic()
        while ended and monotonic() - begun < self._patience.lease.total_seconds():
            try:
                await self._write(ended)
            except Exception as error:
                if is_transient(error):
                    log.warning("outcomes_wait", medium=self._medium, error=repr(error))
                    await backoff.wait(never)
                    continue
                log.exception("outcomes_not_recorded", attempts=[one.attempt for one, _ in ended])
                # The one that can't be recorded must not take the others along.
                for one in ended if len(ended) > 1 else ():
                    await self._record((one,))
            return

    async def _write(self, ended: Sequence[Ended]) -> None:
        async with self._database.transaction() as uow:
            await uow.prelock(sorted({errand.notification.contact_id for errand, _ in ended}))
            for errand, outcome in ended:
                trace.restore(errand.notification.traceparent)
                uow.outbox.cause = errand.notification.notification_id
                spread = random.uniform(0.5, 1)  # noqa: S311 - spread, not secrecy
                await handlers.record_attempt(errand, outcome, self._patience, spread, uow)

    def _observe(self, errand: Errand, outcome: Outcome, seconds: float) -> None:
        word = type(outcome).__name__.lower()
        self._metrics.call_seconds.labels(self._medium, word).observe(seconds)
        log.info(
            "delivery_attempted",
            medium=self._medium,
            notification_id=errand.notification.notification_id,
            contact_id=errand.notification.contact_id,
            attempt=errand.attempt.attempt,
            outcome=outcome,
        )

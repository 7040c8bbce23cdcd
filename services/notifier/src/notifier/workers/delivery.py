"""Delivers notifications: claims with a lease and commits, calls the channel, records."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

import structlog

from common.contracts.event import NotificationId
from common.core import trace
from common.core.backoff import Backoff, pause
from common.core.clock import monotonic
from common.core.errors import is_transient
from common.core.health import Health
from common.storage.database import Database
from notifier.channels.base import Channel
from notifier.domain.brake import BrakePolicy
from notifier.domain.delivery import Outcome, RetryPolicy, Sent, Unknown
from notifier.metrics import DeliveryMetrics
from notifier.store.put_aside import due_ids, put_aside
from notifier.store.unit_of_work import UnitOfWork, time_until_due
from notifier.use_cases import deliveries
from notifier.use_cases.deliveries import ClaimedDelivery

# A replica sends the pages that it has committed. Bounds the wait of those that it cannot send,
# because it died or its slots are taken, and of updates from a process without workers (ADR 0056).
_MAX_POLL = timedelta(milliseconds=250)
# A due notification that a handler has locked is not claimed; it is free again after about this.
_RETRY_CLAIM_S = 0.005

Ended = tuple[ClaimedDelivery, Outcome]

log = structlog.get_logger()


class DeliveryWorker:
    """Delivers on one channel, `slots` at a time, so that one hanging call delays no other."""

    def __init__(
        self,
        channel: Channel,
        database: Database[UnitOfWork],
        policy: RetryPolicy,
        brake_policy: BrakePolicy,
        slots: int,
        metrics: DeliveryMetrics,
        health: Health,
    ) -> None:
        self._channel = channel
        self._medium = channel.medium
        self._database = database
        self._policy = policy
        self._brake_policy = brake_policy
        self._free = slots
        self._metrics = metrics
        self._health = health
        self.name = f"delivery by {channel.medium}"
        self._woken = asyncio.Event()
        self._ended: list[Ended] = []
        self._recording = asyncio.Lock()
        database.after_commit(self._wake)

    def _wake(self, uow: UnitOfWork) -> None:
        if self._medium in uow.notifications.pending_media:
            self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        backoff = Backoff()
        try:
            async with asyncio.TaskGroup() as under_way:
                while not stopping.is_set():
                    try:
                        await self._step(under_way)
                    except Exception as error:
                        self._health.report_trouble(self.name, repr(error))
                        if is_transient(error):
                            log.warning(
                                "delivery_backing_off", medium=self._medium, error=repr(error)
                            )
                        else:
                            log.exception("delivery_failed", medium=self._medium)
                        await backoff.wait(stopping)
                    else:
                        self._health.report_healthy(self.name)
                        backoff.reset()
        finally:
            await self._channel.close()

    async def _step(self, under_way: asyncio.TaskGroup) -> None:
        self._woken.clear()
        wait = await self._until_next()
        if wait > timedelta(0):
            await pause(wait.total_seconds(), self._woken)
            return
        claimed = await self._claim()
        for delivery in claimed.deliveries:
            self._free -= 1
            under_way.create_task(self._deliver(delivery))
        for limit in claimed.held_back:
            self._metrics.held_back.labels(self._medium, limit.kind).inc()
        for notification_id, error in claimed.put_aside.items():
            self._report_put_aside(notification_id, error)
        if not claimed.deliveries and not claimed.held_back:
            await pause(_RETRY_CLAIM_S, self._woken)

    async def _claim(self) -> deliveries.Claim:
        try:
            return await self._claim_due(self._free)
        except Exception as error:
            if is_transient(error):
                raise
            log.warning("claim_failed", medium=self._medium, error=repr(error))
        return await self._claim_one_by_one()

    async def _claim_due(self, limit: int, only: NotificationId | None = None) -> deliveries.Claim:
        async with self._database.transaction() as uow:
            return await deliveries.claim(
                self._medium,
                limit,
                self._policy,
                self._brake_policy,
                uow,
                only=only,
                threaded=self._channel.threaded,
            )

    async def _claim_one_by_one(self) -> deliveries.Claim:
        """Claim each alone; one that fails is put aside, so that the others are delivered."""
        claimed = deliveries.Claim()
        async with self._database.transaction() as uow:
            due = await due_ids(self._medium, uow.now, self._free, uow)
        for notification_id in due:
            try:
                claim = await self._claim_due(1, notification_id)
            except Exception as error:
                if is_transient(error):
                    raise
                await self._put_aside(notification_id, error)
            else:
                claimed.deliveries += claim.deliveries
                claimed.held_back += claim.held_back
                claimed.put_aside |= claim.put_aside
        return claimed

    async def _put_aside(self, notification_id: NotificationId, error: Exception) -> None:
        async with self._database.transaction() as uow:
            is_new = await put_aside(notification_id, error, uow)
        if is_new:
            self._report_put_aside(notification_id, error)

    def _report_put_aside(self, notification_id: NotificationId, error: Exception) -> None:
        self._metrics.put_aside.labels(self._medium).inc()
        self._metrics.dead_letters.inc()
        log.error("notification_put_aside", notification_id=notification_id, error=repr(error))

    async def _until_next(self) -> timedelta:
        if self._free == 0:
            return _MAX_POLL
        left = await time_until_due(self._database, self._medium)
        if left is None:
            return _MAX_POLL
        return min(left - self._database.clock.offset, _MAX_POLL)

    async def _deliver(self, delivery: ClaimedDelivery) -> None:
        trace.restore(delivery.notification.traceparent)
        waited = delivery.waited.total_seconds()
        self._metrics.lateness_seconds.labels(self._medium).observe(waited)
        try:
            await self._deliver_and_record(delivery)
        except Exception:
            # Its attempt counts as lost when its lease has ended, and is repeated.
            log.exception("delivery_crashed", notification_id=delivery.notification.notification_id)
        finally:
            self._free += 1
            self._woken.set()

    async def _deliver_and_record(self, delivery: ClaimedDelivery) -> None:
        started = monotonic()
        outcome = await self._call(delivery)
        self._observe(delivery, outcome, monotonic() - started)
        self._ended.append((delivery, outcome))
        # The first to get the lock records for all that wait for it.
        async with self._recording:
            ended, self._ended = self._ended, []
            await self._record(ended)

    async def _call(self, delivery: ClaimedDelivery) -> Outcome:
        timeout = self._policy.timeout.total_seconds()
        try:
            async with asyncio.timeout(timeout):
                outcome = await self._send(delivery)
        except TimeoutError:
            return Unknown(f"no answer within {timeout:g} s")
        except Exception as error:
            log.exception("delivery_crashed", notification_id=delivery.notification.notification_id)
            return Unknown(f"error in the channel: {error!r}")
        if isinstance(outcome, Sent):
            return replace(outcome, editable=self._channel.editable)
        return outcome

    async def _send(self, delivery: ClaimedDelivery) -> Outcome:
        notification, at = delivery.notification, delivery.attempt.started_at
        match notification.kind:
            case "page" | "notice" | "summary":
                return await self._channel.send(notification, at)
            case "update":
                return await self._channel.update(notification, at)
            case _:
                assert_never(notification.kind)

    async def _record(self, ended: Sequence[Ended]) -> None:
        """Retry while the lease lasts; after it the attempts count as lost and are repeated."""
        backoff, never = Backoff(), asyncio.Event()
        started = monotonic()
        while ended and monotonic() - started < self._policy.lease.total_seconds():
            try:
                await self._write(ended)
            except Exception as error:
                if is_transient(error):
                    log.warning("delivery_results_delayed", medium=self._medium, error=repr(error))
                    await backoff.wait(never)
                    continue
                attempts = [delivery.attempt for delivery, _ in ended]
                log.exception("delivery_results_not_recorded", attempts=attempts)
                # A result that can't be recorded must not prevent the others.
                for single in ended if len(ended) > 1 else ():
                    await self._record((single,))
            return

    async def _write(self, ended: Sequence[Ended]) -> None:
        async with self._database.transaction() as uow:
            contact_ids = {
                contact_id for delivery, _ in ended for contact_id in delivery.contact_ids
            }
            await uow.prelock(sorted(contact_ids))
            for delivery, outcome in ended:
                trace.restore(delivery.notification.traceparent)
                uow.outbox.cause = delivery.notification.notification_id
                spread = random.uniform(0.5, 1)  # noqa: S311 - spread, not secrecy
                await deliveries.record_attempt(delivery, outcome, self._policy, spread, uow)

    def _observe(self, delivery: ClaimedDelivery, outcome: Outcome, seconds: float) -> None:
        label = type(outcome).__name__.lower()
        self._metrics.call_seconds.labels(self._medium, label).observe(seconds)
        log.info(
            "delivery_attempted",
            medium=self._medium,
            notification_id=delivery.notification.notification_id,
            contact_id=delivery.notification.contact_id,
            attempt=delivery.attempt.attempt,
            outcome=outcome,
        )

"""Sends statuses to the webhooks of channels: claims with a lease and commits, calls, records."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from common.contracts.event import SystemName
from common.core.backoff import pause
from common.core.clock import monotonic
from common.core.health import Health
from common.storage.database import Database
from notifier.channels.status_calls import StatusCaller, write_body
from notifier.domain.status_webhooks import CallResult, StatusDelivery, StatusPolicy, StatusWebhook
from notifier.metrics import StatusMetrics
from notifier.store.status_webhooks import has_due, oldest_waiting_s
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import status_webhooks
from notifier.workers.lease import record_within
from notifier.workers.steps import repeat

# Calls of this process at a time, to all receivers.
_MAX_CALLS: Final = 64
# What this process adds wakes it; this bounds the wait of what is tried again, or was left by a
# replica that died.
_MAX_POLL_S: Final = 1.0
_MEASURE_INTERVAL_S: Final = 15.0
# Receivers that fail together are not called again together.
_RANDOM: Final = random.SystemRandom()

log = structlog.get_logger()


class StatusDeliveryWorker:
    """Shares nothing with the delivery of pages but the database."""

    name = "status delivery"

    def __init__(
        self,
        caller: StatusCaller,
        database: Database[UnitOfWork],
        policy: StatusPolicy,
        metrics: StatusMetrics,
        health: Health,
        *,
        max_calls: int = _MAX_CALLS,
        max_poll_s: float = _MAX_POLL_S,
    ) -> None:
        self._caller = caller
        self._database = database
        self._policy = policy
        self._metrics = metrics
        self._health = health
        self._free = max_calls
        self._max_poll_s = max_poll_s
        self._woken = asyncio.Event()
        self._measured_at = -_MEASURE_INTERVAL_S
        database.after_commit(
            lambda uow: self._woken.set() if uow.status_deliveries.has_new else None
        )

    async def run(self, stopping: asyncio.Event) -> None:
        try:
            async with asyncio.TaskGroup() as calls:
                step = partial(self._step, calls, stopping)
                await repeat(step, self.name, self._health, stopping)
        finally:
            await self._caller.close()

    async def _step(self, calls: asyncio.TaskGroup, stopping: asyncio.Event) -> None:
        self._woken.clear()
        await self._measure()
        claimed: Sequence[tuple[StatusDelivery, StatusWebhook, str | None]] = ()
        if self._free and await has_due(self._database):
            async with self._database.transaction() as uow:
                claimed = await status_webhooks.claim(self._free, self._policy, uow)
        for delivery, webhook, name in claimed:
            self._free -= 1
            calls.create_task(self._deliver(delivery, webhook, name))
        if not claimed and not stopping.is_set():
            await pause(self._max_poll_s, self._woken)

    async def _measure(self) -> None:
        if monotonic() - self._measured_at >= _MEASURE_INTERVAL_S:
            self._measured_at = monotonic()
            self._metrics.oldest_waiting_seconds.set(await oldest_waiting_s(self._database))

    async def _deliver(
        self, delivery: StatusDelivery, webhook: StatusWebhook, name: str | None
    ) -> None:
        try:
            result = await self._call(delivery, webhook, name)
            outcome = "delivered" if result.is_success else "failed"
            self._metrics.calls.labels(outcome).inc()
            record = partial(self._record, delivery, webhook, result)
            await record_within(self._policy.lease, self.name, record)
        except Exception:
            # It is sent again when its lease has ended.
            log.exception("status_delivery_crashed", change_id=delivery.change_id)
        finally:
            self._free += 1
            self._woken.set()

    async def _call(
        self, delivery: StatusDelivery, webhook: StatusWebhook, name: str | None
    ) -> CallResult:
        body = write_body(delivery, name)
        at = self._database.clock.utc_now()
        limit = self._policy.timeout.total_seconds()
        try:
            async with asyncio.timeout(limit):
                return await self._caller.call(webhook, delivery.change_id, body, at)
        except TimeoutError:
            return CallResult(None, f"no answer within {limit:g} s")

    async def _record(
        self, delivery: StatusDelivery, webhook: StatusWebhook, result: CallResult
    ) -> None:
        spread = _RANDOM.uniform(0.5, 1)
        async with self._database.transaction() as uow:
            recorded = await status_webhooks.record_call(
                delivery, webhook, result, self._policy, spread, uow
            )
        if recorded.given_up:
            self._metrics.given_up.inc(recorded.given_up)
        if recorded.is_disabled:
            self._metrics.disabled.inc()
            log.error("status_webhook_disabled", source=delivery.source, detail=result.detail)
        elif not result.is_success:
            self._log_failure(delivery.source, delivery, result)

    def _log_failure(
        self, source: SystemName, delivery: StatusDelivery, result: CallResult
    ) -> None:
        waited: timedelta = self._database.clock.utc_now() - delivery.added_at
        log.warning(
            "status_not_delivered",
            source=source,
            change_id=delivery.change_id,
            attempt=delivery.attempts,
            detail=result.detail,
            waited_s=round(waited.total_seconds()),
        )

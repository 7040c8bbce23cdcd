"""Sends statuses to the webhooks of channels: claims with a lease and commits, calls, records.

One transaction records the calls that have ended and claims those that are next.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from common.contracts.event import SystemName
from common.core.backoff import pause, spread
from common.core.clock import monotonic
from common.core.health import Health
from common.storage.database import Database
from notifier.channels.status_calls import StatusCaller, write_body
from notifier.domain.status_webhooks import CallResult, StatusDelivery, StatusPolicy, StatusWebhook
from notifier.metrics import StatusMetrics
from notifier.store.status_webhooks import has_due, oldest_waiting_s
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import status_webhooks
from notifier.use_cases.status_webhooks import EndedCall, RecordedCall
from notifier.workers.lease import record_within
from notifier.workers.steps import repeat

# Calls of this process at a time, to all receivers.
_MAX_CALLS: Final = 64
# What this process adds wakes it; this bounds the wait of what is tried again, or was left by a
# replica that died.
_MAX_POLL_S: Final = 1.0
_MEASURE_INTERVAL_S: Final = 15.0

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
        self._ended: list[EndedCall] = []
        # Who has it records and claims for all.
        self._turn = asyncio.Lock()
        self._calls: asyncio.TaskGroup | None = None
        self._is_stopping = False
        self._woken = asyncio.Event()
        self._measured_at = -_MEASURE_INTERVAL_S
        database.after_commit(
            lambda uow: self._woken.set() if uow.status_deliveries.has_new else None
        )

    async def run(self, stopping: asyncio.Event) -> None:
        try:
            async with asyncio.TaskGroup() as self._calls:
                await repeat(partial(self._step, stopping), self.name, self._health, stopping)
                self._is_stopping = True
        finally:
            self._calls = None
            await self._caller.close()

    async def _step(self, stopping: asyncio.Event) -> None:
        self._woken.clear()
        await self._measure()
        if self._free and await has_due(self._database):
            async with self._turn:
                has_claimed = await self._exchange((), self._free)
            if has_claimed:
                return
        if not stopping.is_set():
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
        except Exception:
            # It is sent again when its lease has ended.
            log.exception("status_delivery_crashed", change_id=delivery.change_id)
            self._free += 1
            self._woken.set()
            return
        self._metrics.calls.labels("delivered" if result.is_success else "failed").inc()
        self._ended.append(EndedCall(delivery, webhook, result))
        async with self._turn:
            if self._ended:
                await self._finish()

    async def _finish(self) -> None:
        """Record all calls that have ended, and let others begin in their place."""
        ended, self._ended = self._ended, []
        free = 0 if self._is_stopping else self._free + len(ended)
        self._free += len(ended)
        try:
            exchange = partial(self._exchange, ended, free)
            await record_within(self._policy.lease, self.name, exchange)
        except Exception:
            log.exception("status_results_not_recorded", calls=len(ended))
            for each in ended:
                await self._record_alone(each)
            self._woken.set()

    async def _record_alone(self, ended: EndedCall) -> None:
        """A result that can't be recorded must not prevent the others."""
        try:
            exchange = partial(self._exchange, (ended,), 0)
            await record_within(self._policy.lease, self.name, exchange)
        except Exception:
            # It is sent again when its lease has ended.
            log.exception("status_delivery_crashed", change_id=ended.delivery.change_id)

    async def _exchange(self, ended: Sequence[EndedCall], free: int) -> bool:
        """Record these calls and begin as many as are free; return whether any has begun."""
        recorded: Sequence[RecordedCall] = ()
        claimed: Sequence[tuple[StatusDelivery, StatusWebhook, str | None]] = ()
        async with self._database.transaction() as uow:
            if ended:
                recorded = await status_webhooks.record_calls(ended, self._policy, spread, uow)
            if free:
                claimed = await status_webhooks.claim(free, self._policy, uow)
        for call, result in zip(ended, recorded, strict=True):
            self._report(call, result)
        for delivery, webhook, name in claimed:
            # Without a group this worker was killed, and the calls are lost.
            if self._calls is not None:
                self._free -= 1
                self._calls.create_task(self._deliver(delivery, webhook, name))
        return bool(claimed)

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

    def _report(self, call: EndedCall, recorded: RecordedCall) -> None:
        source, detail = call.delivery.source, call.result.detail
        if recorded.given_up:
            self._metrics.given_up.inc(recorded.given_up)
        if recorded.is_disabled:
            self._metrics.disabled.inc()
            log.error("status_webhook_disabled", source=source, detail=detail)
        elif not call.result.is_success:
            self._log_failure(source, call.delivery, call.result)

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

"""Delivers notifications: claims with a lease and commits, calls the channel, records."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import assert_never

import structlog

from common.contracts.event import NotificationId
from common.contracts.notifications import Medium
from common.core import trace
from common.core.backoff import pause, spread
from common.core.clock import monotonic
from common.core.errors import is_transient
from common.core.health import Health
from common.storage.database import Database, OnEnd
from notifier.channels.base import Channel
from notifier.domain.delivery import Outcome, Sent, Unknown
from notifier.domain.maintenance import KNOWN_WITHIN
from notifier.metrics import DeliveryMetrics
from notifier.store.notifications import Slots, time_until_due
from notifier.store.put_aside import due_ids, put_aside
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import attempts, deliveries, failover
from notifier.use_cases.delivery_claims import Claim, ClaimedDelivery, DeliveryRules
from notifier.verification_codes import VerificationCodes
from notifier.workers.circuits import Circuits
from notifier.workers.lease import record_within
from notifier.workers.steps import repeat

# A transaction that adds something to send also claims it. The polls bound the wait of what a
# replica cannot send, because it died or its slots are taken, and of updates from a process
# without workers (ADR 0056).
_MAX_POLL = timedelta(milliseconds=250)
# A due notification that a handler has locked is not claimed; it is free again after about this.
_RETRY_CLAIM_S = 0.005
# On a medium on which more is due than has a slot, a claim waits so long for more of them.
_CLAIM_LINGER_S = 0.01
# The first outcome waits so long for others, to be recorded with them: those of all media of a page
# and of pages of the same moment.
_RECORD_LINGER_S = 0.05
# In one transaction; it has the locks of so many contacts at most.
_MAX_DIVERTED = 100

Ended = tuple[ClaimedDelivery, Outcome]

log = structlog.get_logger()


class DeliveryWorker:
    """Delivers on all channels, `slots` at a time on each: a call that hangs delays no other."""

    name = "delivery"

    def __init__(
        self,
        channels: Sequence[Channel],
        database: Database[UnitOfWork],
        rules: DeliveryRules,
        slots: int,
        metrics: DeliveryMetrics,
        health: Health,
        codes: VerificationCodes,
    ) -> None:
        self._codes = codes
        self._channels = {channel.medium: channel for channel in channels}
        self._database = database
        self._rules = rules
        self._all_slots = slots
        self._free = dict.fromkeys(self._channels, slots)
        # Media on which something is due and not claimed: what is new waits for it.
        self._behind: set[Medium] = set()
        # Media on which the last claim had too few slots, as after an outage: the most urgent goes
        # first. That a new page found no slot is not enough.
        self._crowded: set[Medium] = set()
        self._maintenance_read_at: float | None = None
        self._circuits = Circuits(
            list(self._channels), rules.circuit, database.clock, metrics, health
        )
        self._metrics = metrics
        self._health = health
        self._woken = asyncio.Event()
        self._calls: asyncio.TaskGroup | None = None
        self._is_stopping = False
        # Transactions that have claimed and not ended.
        self._open_claims = 0
        self._ended: list[Ended] = []
        self._recording = asyncio.Lock()
        database.before_commit(self._claim_new)
        # What a transaction has not claimed, as one that is shared never does.
        database.after_commit(lambda uow: self._woken.set() if uow.notifications.pending else None)

    async def run(self, stopping: asyncio.Event) -> None:
        try:
            async with asyncio.TaskGroup() as self._calls:
                await repeat(self._step, self.name, self._health, stopping)
                self._is_stopping = True
                while self._open_claims:
                    self._woken.clear()
                    await self._woken.wait()
        finally:
            self._calls = None
            for channel in self._channels.values():
                await channel.close()

    async def _step(self) -> None:
        self._woken.clear()
        if not self._knows_maintenance():
            async with self._database.transaction() as uow:
                await self._read_maintenance(uow)
        if delays := self._circuits.delays:
            await self._divert(delays)
        slots = self._slots()
        if self._behind and not self._can_claim_many():
            # What waits anyway is claimed together.
            await asyncio.sleep(_CLAIM_LINGER_S)
            slots = self._slots()
        if self._behind.isdisjoint(slots):
            wait = await self._until_next(slots)
            if wait > timedelta(0):
                await pause(wait.total_seconds(), self._woken)
                return
        # Until this is claimed, what is new waits.
        self._behind |= slots.keys()
        claim = await self._claim(slots)
        self._behind -= slots.keys() - claim.behind
        self._crowded = (self._crowded - slots.keys()) | claim.behind
        if not claim.deliveries and not claim.held_back:
            await pause(_RETRY_CLAIM_S, self._woken)

    def _can_claim_many(self) -> bool:
        return any(2 * self._free[medium] >= self._all_slots for medium in self._behind)

    def _knows_maintenance(self) -> bool:
        read_at = self._maintenance_read_at
        return read_at is not None and monotonic() - read_at < KNOWN_WITHIN.total_seconds()

    async def _read_maintenance(self, uow: UnitOfWork) -> None:
        read_at = monotonic()
        self._rules = replace(self._rules, maintenance=await uow.maintenance.unfinished(uow.now))
        self._maintenance_read_at = read_at

    def _slots(self) -> Slots:
        allowed = {name: self._circuits.slots(name, free) for name, free in self._free.items()}
        return {medium: free for medium, free in allowed.items() if free > 0}

    async def _divert(self, delays: Mapping[Medium, str]) -> None:
        async with self._database.transaction() as uow:
            longest_wait = self._rules.circuit.longest_wait
            diversion = await failover.divert(delays, longest_wait, _MAX_DIVERTED, uow)
        for medium in diversion.media:
            self._metrics.failovers.labels(medium, "down").inc()
        self._report_put_aside(diversion.put_aside)

    async def _until_next(self, slots: Slots) -> timedelta:
        left = await time_until_due(self._database, list(slots)) if slots else None
        if left is None:
            return _MAX_POLL
        return min(left - self._database.clock.offset, _MAX_POLL)

    async def _claim_new(self, uow: UnitOfWork) -> OnEnd:
        """Claim what a transaction of this process adds, so that it costs no other transaction.

        What waits longer has the slots first.
        """
        if not uow.notifications.pending or self._calls is None or self._is_stopping:
            return _ignore_end
        if not self._knows_maintenance():
            await self._read_maintenance(uow)
        wanted = Counter(each.medium for each in uow.notifications.pending if each.medium)
        slots = self._take({name: wanted[name] for name in self._open_media() - self._behind})
        try:
            claim = await deliveries.claim_new(slots, self._rules, uow)
        except BaseException:
            self._give_back(slots)
            raise
        self._open_claims += 1
        self._give_back(_unused(slots, claim))
        return partial(self._end_claim, claim)

    def _open_media(self) -> set[Medium]:
        return {name for name in self._free if not self._circuits.is_open(name)}

    def _end_claim(self, claim: Claim, *, committed: bool) -> None:
        self._open_claims -= 1
        if committed:
            self._behind |= claim.behind
            self._start(claim)
        else:
            for delivery in claim.deliveries:
                self._vacate(delivery.medium)
        if claim.behind or self._is_stopping:
            self._woken.set()

    def _take(self, wanted: Slots) -> Slots:
        """Take so many slots, or what is free of them, before anything else can."""
        slots = {name: min(count, self._free[name]) for name, count in wanted.items()}
        slots = {name: count for name, count in slots.items() if count > 0}
        for name, count in slots.items():
            self._free[name] -= count
        return slots

    def _give_back(self, slots: Slots) -> None:
        for name, count in slots.items():
            self._free[name] += count

    def _vacate(self, medium: Medium) -> None:
        self._give_back({medium: 1})
        if medium in self._behind:
            self._woken.set()

    def _start(self, claim: Claim) -> None:
        """Make the calls of a claim that is committed and has its slots."""
        for delivery in claim.deliveries:
            # Without a group this worker was killed, and the attempts are lost.
            if self._calls is not None:
                self._circuits.begin(delivery.medium)
                self._calls.create_task(self._deliver(delivery))
        for medium, budget in claim.held_back:
            self._metrics.held_back.labels(medium, budget).inc()
        self._report_put_aside(claim.put_aside)

    async def _claim(self, slots: Slots) -> Claim:
        try:
            return await self._claim_due(slots)
        except Exception as error:
            if is_transient(error):
                raise
            log.warning("claim_failed", error=repr(error))
        return await self._claim_one_by_one(slots)

    async def _claim_due(self, slots: Slots, only: NotificationId | None = None) -> Claim:
        taken = self._take(slots)
        try:
            async with self._database.transaction() as uow:
                claim = await deliveries.claim(
                    taken, self._rules, uow, only=only, by_urgency=self._is_crowded(taken)
                )
        except BaseException:
            self._give_back(taken)
            raise
        self._give_back(_unused(taken, claim))
        # A transaction may have taken a slot first.
        claim.behind |= slots.keys() - taken.keys()
        self._start(claim)
        if claim.hopeless:
            async with self._database.transaction() as uow:
                await failover.fail_hopeless(claim.hopeless, self._rules.retry, uow)
        return claim

    def _is_crowded(self, slots: Slots) -> bool:
        """Tell whether the most urgent must go first; otherwise order costs more than it helps."""
        return any(name in self._crowded or self._circuits.is_open(name) for name in slots)

    async def _claim_one_by_one(self, slots: Slots) -> Claim:
        """Claim each alone; one that fails is put aside, so that the others are delivered."""
        total = Claim()
        for medium, free in slots.items():
            async with self._database.transaction() as uow:
                due = await due_ids(medium, uow.now, free, uow)
            for notification_id in due:
                try:
                    claim = await self._claim_due({medium: 1}, notification_id)
                except Exception as error:
                    if is_transient(error):
                        raise
                    await self._put_aside(medium, notification_id, error)
                else:
                    total.deliveries += claim.deliveries
                    total.held_back += claim.held_back
                    total.behind |= claim.behind
        return total

    async def _put_aside(
        self, medium: Medium, notification_id: NotificationId, error: Exception
    ) -> None:
        async with self._database.transaction() as uow:
            is_new = await put_aside(notification_id, error, uow)
        if is_new:
            self._report_put_aside([(medium, notification_id, error)])

    def _report_put_aside(
        self, put_aside: Sequence[tuple[Medium | None, NotificationId, Exception]]
    ) -> None:
        for medium, notification_id, error in put_aside:
            self._metrics.put_aside.labels(medium).inc()
            self._metrics.dead_letters.inc()
            log.error("notification_put_aside", notification_id=notification_id, error=repr(error))

    async def _deliver(self, delivery: ClaimedDelivery) -> None:
        trace.restore(delivery.notification.traceparent)
        waited = delivery.waited.total_seconds()
        self._metrics.lateness_seconds.labels(delivery.medium).observe(waited)
        try:
            await self._deliver_and_record(delivery)
        except Exception:
            # Its attempt counts as lost when its lease has ended, and is repeated.
            log.exception("delivery_crashed", notification_id=delivery.notification.notification_id)

    async def _deliver_and_record(self, delivery: ClaimedDelivery) -> None:
        started = monotonic()
        try:
            outcome = await self._call(delivery)
        finally:
            self._vacate(delivery.medium)
        self._observe(delivery, outcome, monotonic() - started)
        notification_id = delivery.notification.notification_id
        if self._circuits.record(delivery.medium, notification_id, outcome, spread()):
            self._crowded.add(delivery.medium)
            self._woken.set()
        self._ended.append((delivery, outcome))
        # The first to get the lock records for all that wait for it.
        async with self._recording:
            if self._ended:
                await asyncio.sleep(_RECORD_LINGER_S)
                ended, self._ended = self._ended, []
                await self._record(ended)

    async def _call(self, delivery: ClaimedDelivery) -> Outcome:
        timeout = self._rules.retry.timeout.total_seconds()
        channel = self._channels[delivery.medium]
        try:
            async with asyncio.timeout(timeout):
                outcome = await self._send(delivery, channel)
        except TimeoutError:
            return Unknown(f"no answer within {timeout:g} s")
        except Exception as error:
            log.exception("delivery_crashed", notification_id=delivery.notification.notification_id)
            return Unknown(f"error in the channel: {error!r}")
        if isinstance(outcome, Sent):
            within = channel.wait_for_receipt(self._rules.receipt_within)
            note = channel.templates.take_failure(delivery.notification.notification_id)
            receipt = {**outcome.receipt, **({"template": note} if note else {})}
            return replace(
                outcome, editable=channel.editable, receipt=receipt, receipt_within=within
            )
        return outcome

    async def _send(self, delivery: ClaimedDelivery, channel: Channel) -> Outcome:
        notification = self._rules.content.shown(self._codes.fill(delivery.notification))
        at = delivery.written_at
        match notification.kind:
            case "page" | "notice" | "summary":
                return await channel.send(notification, at)
            case "update":
                return await channel.update(notification, at)
            case _:
                assert_never(notification.kind)

    async def _record(self, ended: Sequence[Ended]) -> None:
        try:
            await record_within(self._rules.retry.lease, self.name, partial(self._write, ended))
        except Exception:
            attempts = [delivery.attempt for delivery, _ in ended]
            log.exception("delivery_results_not_recorded", attempts=attempts)
            # A result that can't be recorded must not prevent the others.
            for single in ended if len(ended) > 1 else ():
                await self._record((single,))

    async def _write(self, ended: Sequence[Ended]) -> None:
        async with self._database.transaction() as uow:
            contact_ids = {
                contact_id for delivery, _ in ended for contact_id in delivery.contact_ids
            }
            if storms := [each.notification.notification_id for each, _ in ended if each.is_storm]:
                contact_ids |= await uow.notifications.contacts_of_summaries(storms)
            people = {delivery.notification.person_id for delivery, _ in ended}
            await uow.lock_messages(sorted(contact_ids), people)
            for delivery, outcome in ended:
                trace.restore(delivery.notification.traceparent)
                uow.outbox.cause = delivery.notification.notification_id
                await attempts.record_attempt(delivery, outcome, self._rules.retry, spread(), uow)

    def _observe(self, delivery: ClaimedDelivery, outcome: Outcome, seconds: float) -> None:
        label = type(outcome).__name__.lower()
        self._metrics.call_seconds.labels(delivery.medium, label).observe(seconds)
        log.info(
            "delivery_attempted",
            medium=delivery.medium,
            notification_id=delivery.notification.notification_id,
            contact_id=delivery.notification.contact_id,
            attempt=delivery.attempt.attempt,
            outcome=outcome,
        )


def _unused(slots: Slots, claim: Claim) -> Slots:
    used = Counter(delivery.medium for delivery in claim.deliveries)
    return {name: count - used[name] for name, count in slots.items()}


def _ignore_end(*, committed: bool) -> None:
    """Nothing was claimed."""

"""Writes to cases of helpdesks and CRMs: claims with a lease and commits, calls, records.

It has connections and calls of its own, so that a system that hangs delays no page.
"""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from aiohttp import ClientSession

from common.contracts.event import SystemName
from common.core import trace
from common.core.backoff import pause, spread
from common.core.clock import monotonic
from common.core.health import Health
from common.core.sealed_secrets import UnknownEncryptionKeyError
from common.storage.database import Database
from notifier.case_systems.base import CaseSystem
from notifier.case_systems.http import WriteFailedError
from notifier.case_systems.registry import CaseSystemFactory
from notifier.channels.http_client import open_client
from notifier.domain.errors import WriteBacksOffError
from notifier.domain.write_backs.settings import WriteBack, split_system
from notifier.domain.write_backs.writes import (
    CredentialsRefused,
    Uncertain,
    WriteOutcome,
    WritePolicy,
)
from notifier.links import Links
from notifier.metrics import CaseWriteMetrics
from notifier.store import write_backs as store
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import case_writes
from notifier.use_cases.case_writes import ClaimedWrite
from notifier.workers.calls import Calls
from notifier.workers.lease import record_within
from notifier.workers.steps import repeat

_POLL_S: Final = 1.0
_EXPIRE_EVERY: Final = timedelta(minutes=1)

log = structlog.get_logger()


class CaseWriter:
    """Writes to all systems, `slots` at a time to each."""

    name = "case_writer"

    def __init__(
        self,
        factory: CaseSystemFactory,
        database: Database[UnitOfWork],
        links: Links,
        policy: WritePolicy,
        slots: int,
        metrics: CaseWriteMetrics,
        health: Health,
    ) -> None:
        self._factory = factory
        self._database = database
        self._links = links
        self._policy = policy
        self._slots = slots
        self._metrics = metrics
        self._health = health
        self._woken = asyncio.Event()
        self._under_way: Counter[SystemName] = Counter()
        # One for each system, with the edition of the settings that it was made from.
        self._systems: dict[SystemName, tuple[tuple[int, datetime], CaseSystem]] = {}
        self._session: ClientSession | None = None
        self._calls = Calls()
        self._expired_at = float("-inf")
        database.after_commit(
            lambda uow: self._woken.set() if uow.case_writes.has_pending else None
        )

    async def run(self, stopping: asyncio.Event) -> None:
        timeout_s = self._factory.call_timeout_s
        async with open_client(timeout_s) as self._session, self._calls.open():
            await repeat(self._step, self.name, self._health, stopping)

    async def _step(self) -> None:
        self._woken.clear()
        await self._expire()
        claimed = await self._claim()
        for each in claimed:
            self._under_way[each.write.system] += 1
            self._calls.start(self._write_and_record(each))
        if not claimed:
            await pause(_POLL_S, self._woken)

    async def _expire(self) -> None:
        if monotonic() - self._expired_at < _EXPIRE_EVERY.total_seconds():
            return
        async with self._database.transaction() as uow:
            expired = await store.expire(uow.now, uow)
            self._metrics.halted.set(await store.count_halted(uow))
        for write_id, system in expired:
            self._metrics.writes.labels(split_system(system)[0], "expired").inc()
            log.error("case_write_failed", system=system, write_id=write_id, reason="gave up")
        self._expired_at = monotonic()

    async def _claim(self) -> list[ClaimedWrite]:
        claimed: list[ClaimedWrite] = []
        async with self._database.transaction() as uow:
            for system in await store.due_systems(uow.now, uow):
                free = self._slots - self._under_way[system]
                if free > 0:
                    claimed += await case_writes.claim(system, free, self._policy, uow)
        return claimed

    async def _write_and_record(self, claimed: ClaimedWrite) -> None:
        trace.restore(claimed.write.traceparent)
        try:
            outcome = await self._write(claimed)
            record = partial(self._record, claimed, outcome)
            await record_within(self._policy.lease, self.name, record)
        except Exception:
            # Its attempt counts as lost when its lease has ended, and is repeated.
            log.exception("case_write_crashed", write_id=claimed.write.write_id)
        finally:
            self._under_way[claimed.write.system] -= 1
            self._woken.set()

    async def _write(self, claimed: ClaimedWrite) -> WriteOutcome:
        timeout_s = self._policy.timeout.total_seconds()
        started = monotonic()
        outcome: WriteOutcome
        try:
            async with asyncio.timeout(timeout_s):
                system = self._system_of(claimed.write_back)
                outcome = await system.write(case_writes.change_of(claimed, self._links))
        except WriteFailedError as error:
            outcome = error.outcome
        except (UnknownEncryptionKeyError, WriteBacksOffError) as error:
            outcome = CredentialsRefused(str(error.__doc__))
        except TimeoutError:
            outcome = Uncertain(f"no answer within {timeout_s:g} s")
        except Exception as error:
            log.exception("case_write_crashed", write_id=claimed.write.write_id)
            outcome = Uncertain(f"error in Upstairs: {type(error).__name__}")
        self._observe(claimed, outcome, monotonic() - started)
        return outcome

    def _system_of(self, write_back: WriteBack) -> CaseSystem:
        """Return the client of a connection, whose access token is kept for further writes."""
        edition, system = self._systems.get(write_back.system, (None, None))
        if system is None or edition != write_back.edition:
            if self._session is None:
                raise RuntimeError("the worker does not run")
            system = self._factory.make_for(write_back, self._session, self._database.clock)
            self._systems[write_back.system] = (write_back.edition, system)
        return system

    async def _record(self, claimed: ClaimedWrite, outcome: WriteOutcome) -> None:
        async with self._database.transaction() as uow:
            await case_writes.record_attempt(claimed, outcome, self._policy, spread(), uow)

    def _observe(self, claimed: ClaimedWrite, outcome: WriteOutcome, seconds: float) -> None:
        label = type(outcome).__name__.lower()
        kind = claimed.write_back.kind
        self._metrics.writes.labels(kind, label).inc()
        self._metrics.seconds.labels(kind, label).observe(seconds)
        log.info(
            "case_write_attempted",
            system=claimed.write.system,
            write_id=claimed.write.write_id,
            contact_id=claimed.write.contact_id,
            attempt=claimed.write.attempts,
            outcome=outcome,
        )

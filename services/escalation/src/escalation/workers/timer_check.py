"""Checks periodically that every open clock and escalation has its timer.

It restores and reports missing timers. Every replica runs it: one elected by lock would silence
the check if it hung. A timer that one replica reported is not reported again by another.

A contact that had all its timers is not read again before one of its rows has changed.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

import structlog

from common.contracts.event import ContactId
from common.core.backoff import pause
from common.core.errors import is_transient
from common.storage.database import Database, open_session
from escalation import use_cases
from escalation.domain.timer_check import TimerSnapshot, find_missing
from escalation.metrics import TimerCheckMetrics
from escalation.store.timer_check import TimerSnapshots
from escalation.store.unit_of_work import UnitOfWork

_INTERVAL = timedelta(seconds=10)
# A page takes at most about 5 ms, so the check uses 1 % of a core: 10,000 open contacts take two
# minutes, a million three hours.
_CONTACTS_PER_PAGE = 50
_PAUSE_BETWEEN_PAGES = timedelta(milliseconds=500)
# Contacts whose row versions are remembered: bounds the memory, at about 300 bytes each.
_MAX_REMEMBERED = 20_000
_LOWEST_ID = ContactId("00000000-0000-0000-0000-000000000000")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Page:
    """Contacts to check, with the versions of their rows, and how many are as checked before."""

    snapshots: list[TimerSnapshot]
    versions: Mapping[ContactId, str]
    unchanged: int


class TimerChecker:
    name = "timer check"

    def __init__(
        self,
        database: Database[UnitOfWork],
        metrics: TimerCheckMetrics,
        *,
        interval: timedelta = _INTERVAL,
        contacts_per_page: int = _CONTACTS_PER_PAGE,
        pause_between_pages: timedelta = _PAUSE_BETWEEN_PAGES,
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._interval_s = interval.total_seconds()
        self._contacts_per_page = contacts_per_page
        self._pause_s = pause_between_pages.total_seconds()
        self._failed = 0
        # Row versions of contacts that had all timers in the last round, and in this one.
        self._complete: dict[ContactId, str] = {}
        self._complete_now: dict[ContactId, str] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await self.check_all(stopping)
            except Exception as error:
                # A failure must not stop the timers; the age of `finished` shows it.
                if is_transient(error):
                    log.warning("timer_check_backing_off", error=repr(error))
                else:
                    log.exception("timer_check_failed")
            await pause(self._interval_s, stopping)

    async def check_all(self, stopping: asyncio.Event) -> None:
        started = self._database.clock.utc_now()
        contacts = missing = 0
        self._failed = 0
        self._complete_now = {}
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                contacts += page.unchanged + len(page.snapshots)
                missing += sum([await self._check(snapshot, page) for snapshot in page.snapshots])
                if await pause(self._pause_s, stopping):
                    return
        self._complete = self._complete_now
        self._metrics.failed.set(self._failed)
        if self._failed:
            return
        self._metrics.contacts.set(contacts)
        self._metrics.missing.set(missing)
        self._metrics.started.set(started.timestamp())
        self._metrics.finished.set(self._database.clock.utc_now().timestamp())

    async def _pages(self) -> AsyncGenerator[Page, None]:
        last = _LOWEST_ID
        while True:
            # No transaction stays open while the page is checked.
            async with open_session(self._database.engine) as connection:
                store = TimerSnapshots(connection)
                self._metrics.unanswered.set(await store.count_unanswered())
                contacts = await store.open_after(last, self._contacts_per_page)
                if not contacts:
                    return
                page = await self._read(contacts, store)
            yield page
            last = contacts[-1]

    async def _read(self, contact_ids: Sequence[ContactId], store: TimerSnapshots) -> Page:
        # Before the snapshots: if a row changes in between, they are newer than the versions, which
        # never come back.
        versions = await store.row_versions(contact_ids)
        changed = []
        for contact_id in contact_ids:
            version = versions.get(contact_id)
            if version is not None and self._complete.get(contact_id) == version:
                self._remember(contact_id, version)
            else:
                changed.append(contact_id)
        snapshots = await self._snapshots(changed, store) if changed else []
        return Page(snapshots, versions, len(contact_ids) - len(changed))

    def _remember(self, contact_id: ContactId, versions: str) -> None:
        if len(self._complete_now) < _MAX_REMEMBERED:
            self._complete_now[contact_id] = versions

    async def _check(self, snapshot: TimerSnapshot, page: Page) -> int:
        """Check, and again under the contact's lock; return how many timers are missing."""
        contact_id = snapshot.contact_id
        try:
            if not find_missing(snapshot):
                if contact_id in page.versions:
                    self._remember(contact_id, page.versions[contact_id])
                return 0
            async with self._database.transaction() as uow:
                result = await use_cases.check_timers(contact_id, uow)
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("timer_check_failed", contact_id=contact_id)
            self._failed += 1
            return 0
        self._metrics.reported.inc(result.newly_missing)
        return result.missing

    async def _snapshots(
        self, contact_ids: Sequence[ContactId], store: TimerSnapshots
    ) -> list[TimerSnapshot]:
        """Read a page; if it can't be read, each contact alone, without those that fail."""
        try:
            return await store.snapshots(contact_ids)
        except Exception as error:
            if is_transient(error):
                raise
            if len(contact_ids) == 1:
                log.exception("timer_check_failed", contact_id=contact_ids[0])
                self._failed += 1
                return []
        return [
            snapshot
            for contact_id in contact_ids
            for snapshot in await self._snapshots([contact_id], store)
        ]

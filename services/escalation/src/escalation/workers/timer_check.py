"""Checks periodically that every open clock and escalation has its timer.

It restores and reports missing timers. Every replica runs it: one elected by lock would silence
the check if it hung. A timer that one replica reported is not reported again by another.

The database says which contacts lack a timer; only those are read, under their lock.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

import structlog

from common.contracts.event import ContactId
from common.core.backoff import pause
from common.core.errors import is_transient
from common.storage.database import Database, open_session
from escalation import use_cases
from escalation.metrics import TimerCheckMetrics
from escalation.store.timer_check import TimerSnapshots
from escalation.store.unit_of_work import UnitOfWork

_INTERVAL = timedelta(seconds=10)
# 200 contacts a second, so 100,000 take eight minutes. Each takes about 17 us of the database and
# 5 us here: together 0.4 % of a core.
_CONTACTS_PER_PAGE = 400
_PAUSE_BETWEEN_PAGES = timedelta(seconds=2)
_LOWEST_ID = ContactId("00000000-0000-0000-0000-000000000000")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Page:
    """The next open contacts, and those of them that lack a timer or can't be read."""

    contacts: Sequence[ContactId]
    incomplete: Sequence[ContactId]


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
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                contacts += len(page.contacts)
                missing += sum([await self._check(contact_id) for contact_id in page.incomplete])
                if await pause(self._pause_s, stopping):
                    return
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
                incomplete = await self._find_incomplete(contacts, store)
            yield Page(contacts, incomplete)
            last = contacts[-1]

    async def _find_incomplete(
        self, contact_ids: Sequence[ContactId], store: TimerSnapshots
    ) -> Sequence[ContactId]:
        """Ask which contacts lack a timer; all of them if the database can't read one of them."""
        try:
            return await store.incomplete(contact_ids)
        except Exception as error:
            if is_transient(error):
                raise
            log.warning("timer_check_reads_each_contact", error=repr(error))
            return contact_ids

    async def _check(self, contact_id: ContactId) -> int:
        """Check it under its lock, and repair it; return how many timers are missing."""
        try:
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

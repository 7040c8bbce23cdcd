"""The dead man's switch: goes over all that is open, again and again, and misses what is missing.

Every replica does so on its own. A lock that let one do it for all would be a thing that a hung
process holds, and then nobody watches; a look costs little and disturbs nobody, and an alarm that
another has raised is not raised again.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta

import structlog

from common.contracts.event import ContactId
from common.core.backoff import pause
from common.core.errors import is_transient
from common.storage.database import Database
from escalation import handlers
from escalation.domain.timer_check import Books, missing
from escalation.metrics import AuditMetrics
from escalation.store.timer_check import Audits
from escalation.store.unit_of_work import UnitOfWork

_EVERY = timedelta(seconds=10)
# A page takes some 5 ms, so all of this takes a hundredth of a core: ten thousand open contacts
# are gone over in two minutes, a million in three hours.
_PAGE = 50
_BETWEEN = timedelta(milliseconds=500)
_BEFORE_ALL = ContactId("00000000-0000-0000-0000-000000000000")

log = structlog.get_logger()


class Auditor:
    def __init__(self, database: Database[UnitOfWork], metrics: AuditMetrics) -> None:
        self._database = database
        self._metrics = metrics

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await self.go_over_all(stopping)
            except Exception as error:
                # It must not end what it watches. That it no longer finishes is seen.
                if is_transient(error):
                    log.warning("audit_waits", error=repr(error))
                else:
                    log.exception("audit_failed")
            await pause(_EVERY.total_seconds(), stopping)

    async def go_over_all(self, stopping: asyncio.Event) -> None:
        began = self._database.clock.utc_now()
        contacts = lost = 0
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                contacts += len(page)
                lost += sum([await self._check(one.contact_id) for one in page if missing(one)])
                if await pause(_BETWEEN.total_seconds(), stopping):
                    return
        self._metrics.contacts.set(contacts)
        self._metrics.missing.set(lost)
        self._metrics.oldest.set(began.timestamp())
        self._metrics.finished.set(self._database.clock.utc_now().timestamp())

    async def _pages(self) -> AsyncGenerator[list[Books], None]:
        last = _BEFORE_ALL
        while True:
            async with self._database.engine.connect() as pooled:
                # No transaction stays open, and one statement needs none to see one moment.
                connection = await pooled.execution_options(isolation_level="AUTOCOMMIT")
                audits = Audits(connection)
                self._metrics.unanswered.set(await audits.unanswered())
                contacts = await audits.open_after(last, _PAGE)
                if not contacts:
                    return
                books = await audits.books(contacts)
            yield books
            last = contacts[-1]

    async def _check(self, contact_id: ContactId) -> int:
        """Look again under the contact's lock, and act on it."""
        async with self._database.transaction() as uow:
            findings = await handlers.check_timers(contact_id, uow)
        self._metrics.alarms.inc(findings.news)
        return findings.missing

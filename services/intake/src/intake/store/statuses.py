"""Which systems want the statuses of their contacts, and what a transaction tells them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import text

from common.contracts.event import ContactId, SystemName
from common.contracts.statuses import ContactStatusChanged
from common.core import trace
from common.core.clock import monotonic
from common.storage.connection import Connection
from common.storage.outbox import Outbox

# How long a process goes by what it has read. Until then a new webhook gets nothing.
_MAX_AGE_S: Final = 2.0


class StatusSources:
    """The systems with a status webhook, as this process has read them last."""

    def __init__(self, max_age_s: float = _MAX_AGE_S) -> None:
        self._max_age_s = max_age_s
        self._names: frozenset[SystemName] = frozenset()
        self._read_at: float | None = None

    def may_want(self, source: SystemName) -> bool:
        """Tell without a query whether to ask `read`."""
        return source in self._names or not self._is_fresh

    async def read(self, connection: Connection) -> frozenset[SystemName]:
        if not self._is_fresh:
            rows = await connection.execute(_ACTIVE)
            self._names = frozenset(SystemName(row.source) for row in rows)
            self._read_at = monotonic()
        return self._names

    @property
    def _is_fresh(self) -> bool:
        return self._read_at is not None and monotonic() - self._read_at < self._max_age_s


class _Noted(NamedTuple):
    source: SystemName
    statuses: Callable[[], Iterable[ContactStatusChanged]]
    cause: str | None
    traceparent: str | None


class StatusChanges:
    """What a transaction tells of statuses: published at its end, to those who want it alone."""

    def __init__(self, connection: Connection, sources: StatusSources, outbox: Outbox) -> None:
        self._connection = connection
        self._sources = sources
        self._outbox = outbox
        self._noted: list[_Noted] = []

    def note(
        self, source: SystemName, statuses: Callable[[], Iterable[ContactStatusChanged]]
    ) -> None:
        """Publish these if the source wants them; else they are not even made."""
        if self._sources.may_want(source):
            cause = self._outbox.cause
            self._noted.append(_Noted(source, statuses, cause, trace.current()))

    async def publish(self) -> None:
        noted, self._noted = self._noted, []
        if not noted:
            return
        wanted = await self._sources.read(self._connection)
        for each in noted:
            if each.source in wanted:
                trace.restore(each.traceparent)
                self._outbox.cause = each.cause
                self._outbox.add(each.statuses())

    async def wanted_of(self, contact_ids: Sequence[ContactId]) -> list[ContactId]:
        """Return those of the contacts whose system wants their statuses."""
        names = await self._sources.read(self._connection)
        if not names:
            return []
        values = {"contact_ids": contact_ids, "sources": list(names)}
        rows = await self._connection.execute(_OF_SOURCES, values)
        return [ContactId(row.contact_id) for row in rows]

    async def set_source(self, source: SystemName, at: datetime, *, is_active: bool) -> None:
        """Keep whether a system wants statuses, unless something newer is known."""
        values = {"source": source, "is_active": is_active, "at": at}
        await self._connection.execute(_SET_SOURCE, values)


_ACTIVE = text("SELECT source FROM status_sources WHERE is_active")
_OF_SOURCES = text("""
    SELECT contact_id FROM contacts
    WHERE contact_id = ANY (CAST(:contact_ids AS uuid[]))
        AND received_from = ANY (CAST(:sources AS text[]))
""")
_SET_SOURCE = text("""
    INSERT INTO status_sources AS known (source, is_active, changed_at)
    VALUES (:source, :is_active, :at)
    ON CONFLICT (source) DO UPDATE
    SET is_active = excluded.is_active, changed_at = excluded.changed_at
    WHERE known.changed_at <= excluded.changed_at
""")

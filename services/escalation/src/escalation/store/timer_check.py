"""What the audit reads; it locks nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.event import ContactId, PageId
from common.messages import Schedule
from escalation.domain.timer_check import TIMERS, Books
from escalation.tables import IS_OPEN


class Audits:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open_after(self, contact_id: ContactId, limit: int) -> list[ContactId]:
        """Return the next contacts, by their ids, that have anything open."""
        rows = await self._connection.execute(_OPEN, {"after": contact_id, "limit": limit})
        return [ContactId(str(row.contact_id)) for row in rows]

    async def books(self, contact_ids: Sequence[ContactId]) -> list[Books]:
        """Return state and timers as one statement sees them: as committed at one moment.

        State and timers change in one transaction, so of one in flight we see neither. A timer
        that is being fired is deleted in the transaction that changes the state: until that
        commits we see both as before, however locked the row is.
        """
        rows = await self._connection.execute(_BOOKS_OF, {"contacts": contact_ids})
        return [_books(row) for row in rows.mappings()]

    async def unanswered(self) -> int:
        """Count the escalations for which a whole ladder was of no avail."""
        return int((await self._connection.execute(_UNANSWERED)).scalar_one())

    async def has_told(self, contact_id: ContactId, page_id: PageId) -> bool:
        told = await self._connection.execute(_TOLD, {"contact": contact_id, "page": page_id})
        return bool(told.scalar_one())


_BOOKS: TypeAdapter[Books] = TypeAdapter(Books)


def _books(row: Mapping[Any, Any]) -> Books:
    known = [one for one in row["timers"] if one["type"] in TIMERS]
    foreign = [one["slot"] for one in row["timers"] if one["type"] not in TIMERS]
    return _BOOKS.validate_python(
        {**row, "standing": [_schedule(one) for one in known], "foreign": foreign}
    )


def _schedule(row: Mapping[str, Any]) -> Schedule:
    # As models, so that a field that came later has its default in an old row.
    timer = TIMERS[row["type"]].model_validate(row["data"])
    return Schedule(timer, datetime.fromisoformat(row["due_at"]))


# By its key, so that it costs the same however many contacts there have been.
_OPEN = text(f"""
    (SELECT contact_id FROM watches
     WHERE resolved_at IS NULL AND contact_id > :after ORDER BY contact_id LIMIT :limit)
    UNION
    (SELECT contact_id FROM escalations
     WHERE {IS_OPEN} AND contact_id > :after
     ORDER BY contact_id LIMIT :limit)
    ORDER BY contact_id LIMIT :limit
""")
_BOOKS_OF = text(f"""
    SELECT CAST(w.contact_id AS text), w.clocks, to_jsonb(e) AS escalation, coalesce((
        SELECT jsonb_agg(to_jsonb(timers))
        FROM timers WHERE timers.contact_id = w.contact_id
    ), '[]') AS timers
    FROM watches w LEFT JOIN escalations e ON e.contact_id = w.contact_id
        AND e.{IS_OPEN}
    WHERE w.contact_id = ANY(CAST(:contacts AS uuid[])) ORDER BY w.contact_id
""").columns(clocks=JSONB, escalation=JSONB, timers=JSONB)
_TOLD = text("""
    SELECT EXISTS (SELECT FROM published_events WHERE key = :contact
        AND type = 'upstairs.timer_missing.v1' AND data->>'page_id' = :page)
""")
_UNANSWERED = text(
    "SELECT count(*) FROM escalations WHERE alarm_since IS NOT NULL AND closed_at IS NULL"
)

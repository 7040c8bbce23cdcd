"""The SQL of escalations."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.event import ContactId, EscalationId
from common.storage.rows import LockedTable
from escalation import tables
from escalation.domain.model import Escalation


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    id: int
    type: str
    at: datetime
    data: dict[str, Any]
    cause: str | None


class Escalations(LockedTable[EscalationId, Escalation]):
    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, tables.escalations, Escalation)

    def has_changed(self, escalation: Escalation) -> bool:
        return self._rows.get(escalation.escalation_id) is not escalation

    def save(self, escalation: Escalation) -> None:
        """Write an escalation that was locked and has changed, or was raised just now."""
        if escalation.escalation_id not in self._rows:
            self.mark_absent(escalation.escalation_id)
        if self._rows[escalation.escalation_id] is not escalation:
            self.put(escalation)

    async def lock_of_contact(self, contact_id: ContactId) -> list[Escalation]:
        """Return all escalations of a contact whose row is locked, the closed ones too."""
        escalations = self.table
        query = select(escalations).where(escalations.c.contact_id == contact_id)
        ordered = query.order_by(escalations.c.escalation_id).with_for_update()
        return self.adopt(await self.connection.execute(ordered))

    async def published_events(
        self, escalation: Escalation, after: int, limit: int
    ) -> list[PublishedEvent]:
        rows = await self.connection.execute(
            _PUBLISHED_EVENTS,
            {
                "contact": escalation.contact_id,
                "escalation": escalation.escalation_id,
                "after": after,
                "limit": limit,
            },
        )
        return [PublishedEvent(*row) for row in rows]


_PUBLISHED_EVENTS = text("""
    SELECT id, type, at, data, cause FROM published_events
    WHERE key = :contact AND data->>'escalation_id' = :escalation AND id > :after
    ORDER BY id LIMIT :limit
""")

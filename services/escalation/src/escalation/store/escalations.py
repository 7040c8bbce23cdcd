"""The SQL of escalations."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text

from common.contracts.event import ContactId, EscalationId, PersonId
from common.storage.connection import Connection
from common.storage.rows import LockedTable
from escalation import tables
from escalation.domain.model import Escalation
from escalation.domain.visibility import Viewer


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    id: int
    type: str
    at: datetime
    data: dict[str, Any]
    cause: str | None


class Escalations(LockedTable[EscalationId, Escalation]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.escalations, Escalation)

    def has_changed(self, escalation: Escalation) -> bool:
        return self._rows.get(escalation.escalation_id) is not escalation

    def save(self, escalation: Escalation) -> None:
        """Write an escalation that was locked and has changed, or was raised just now."""
        if escalation.escalation_id not in self._rows:
            self.mark_absent(escalation.escalation_id)
        if self._rows[escalation.escalation_id] is not escalation:
            self.put(escalation)

    async def participants(self, contact_id: ContactId) -> frozenset[PersonId]:
        """Return who took part in an escalation of the contact."""
        stored = await self.connection.execute(_PARTICIPANTS, {"contact": contact_id})
        in_batch = (
            person
            for escalation in self.loaded()
            if escalation.contact_id == contact_id
            for person in escalation.participants
        )
        return frozenset((*stored.scalars(), *in_batch))

    async def hidden_from(self, viewer: Viewer, contact_id: ContactId) -> dict[str, datetime]:
        """Return the contact's escalations that name the viewer, and when each was raised.

        Without those that the viewer raised too: see `Viewer.sees`.
        """
        if not viewer.is_representative:
            return {}
        rows = await self.connection.execute(
            _HIDDEN, {"contact": contact_id, "person": viewer.person}
        )
        return {row.escalation_id: row.raised_at for row in rows}

    async def concern(self, person: PersonId, contact_id: ContactId) -> bool:
        """Tell whether an escalation of the contact concerns the person: see `is_concerned`."""
        rows = await self.connection.execute(_CONCERN, {"contact": contact_id, "viewer": person})
        return rows.first() is not None

    async def lock_of_contact(self, contact_id: ContactId) -> list[Escalation]:
        """Return all escalations of a contact whose row is locked: closed and new ones too."""
        escalations = self.table
        query = select(escalations).where(escalations.c.contact_id == contact_id)
        ordered = query.order_by(escalations.c.escalation_id).with_for_update()
        self.adopt(await self.connection.execute(ordered))
        return [escalation for escalation in self.loaded() if escalation.contact_id == contact_id]

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


# As `is_concerned` says.
CONCERNS_VIEWER = """
    (awaited @> to_jsonb(CAST(:viewer AS text)) OR responders @> to_jsonb(CAST(:viewer AS text))
     OR participants @> to_jsonb(CAST(:viewer AS text)))
"""
_CONCERN = text(f"""
    SELECT FROM escalations WHERE contact_id = CAST(:contact AS uuid) AND {CONCERNS_VIEWER} LIMIT 1
""")
_HIDDEN = text("""
    SELECT CAST(escalation_id AS text) AS escalation_id, raised_at
    FROM escalations WHERE contact_id = CAST(:contact AS uuid)
    AND complaints @> jsonb_build_array(jsonb_build_object('about', CAST(:person AS text)))
    AND NOT causes @> jsonb_build_array(jsonb_build_object('by', CAST(:person AS text)))
""")
_PARTICIPANTS = text("""
    SELECT DISTINCT jsonb_array_elements_text(participants)
    FROM escalations WHERE contact_id = CAST(:contact AS uuid)
""")
_PUBLISHED_EVENTS = text("""
    SELECT id, type, at, data, cause FROM published_events
    WHERE key = :contact AND data->>'escalation_id' = :escalation AND id > :after
    ORDER BY id LIMIT :limit
""")

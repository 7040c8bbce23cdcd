"""The SQL of drafts: one for each person, escalation and action."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, select
from sqlalchemy.dialects.postgresql import insert

from common.storage.connection import Connection
from console import tables
from console.domain.draft import Draft

_TABLE = tables.drafts


class Drafts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, person: str, escalation_id: str, action: str) -> Draft | None:
        row = (
            await self._connection.execute(
                select(_TABLE.c.fields, _TABLE.c.saved_at).where(
                    _is_of(person, escalation_id, action)
                )
            )
        ).first()
        return None if row is None else Draft(row.fields, row.saved_at)

    async def save(
        self,
        person: str,
        escalation_id: str,
        action: str,
        fields: Mapping[str, str],
        at: datetime,
    ) -> None:
        """Save it in place of the last one; a form without words has none."""
        if not fields:
            await self.delete(person, escalation_id, action)
            return
        values = {"fields": dict(fields), "saved_at": at}
        keys = {"person_id": person, "escalation_id": escalation_id, "action": action}
        await self._connection.execute(
            insert(_TABLE)
            .values(**keys, **values)
            .on_conflict_do_update(index_elements=[*keys], set_=values)
        )

    async def delete(self, person: str, escalation_id: str, action: str) -> None:
        await self._connection.execute(delete(_TABLE).where(_is_of(person, escalation_id, action)))


def _is_of(person: str, escalation_id: str, action: str) -> ColumnElement[bool]:
    return and_(
        _TABLE.c.person_id == person,
        _TABLE.c.escalation_id == escalation_id,
        _TABLE.c.action == action,
    )

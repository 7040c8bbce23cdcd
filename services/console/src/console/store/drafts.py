"""The SQL of drafts: what a person has begun to write in a form."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from common.storage.connection import Connection
from console import tables

_TABLE = tables.drafts


class Drafts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, person: str, place: str) -> Mapping[str, str]:
        """Return the fields by name; none if there is no draft."""
        rows = await self._connection.execute(
            select(_TABLE.c.fields).where(_TABLE.c.person_id == person, _TABLE.c.place == place)
        )
        return dict(rows.scalar_one_or_none() or {})

    async def put(self, person: str, place: str, fields: Mapping[str, str], at: datetime) -> None:
        statement = insert(_TABLE)
        await self._connection.execute(
            statement.values(
                person_id=person, place=place, fields=dict(fields), changed_at=at
            ).on_conflict_do_update(
                index_elements=["person_id", "place"],
                set_={
                    "fields": statement.excluded.fields,
                    "changed_at": statement.excluded.changed_at,
                },
            )
        )

    async def delete(self, person: str, place: str) -> None:
        await self._connection.execute(
            delete(_TABLE).where(_TABLE.c.person_id == person, _TABLE.c.place == place)
        )

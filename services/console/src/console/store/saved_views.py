"""The SQL of saved views: filters of Now that a person has named."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, text, update

from common.storage.connection import Connection
from console import tables
from console.domain.saved_view import SavedView

_TABLE = tables.saved_views
_LOCK = text("SELECT pg_advisory_xact_lock(lock_key('saved-views ' || CAST(:person AS text)))")


class SavedViews:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list_of(self, person: str) -> Sequence[SavedView]:
        """Return the person's views by name."""
        columns = (_TABLE.c.view_id, _TABLE.c.name, _TABLE.c.address, _TABLE.c.is_default)
        rows = await self._connection.execute(
            select(*columns).where(_TABLE.c.person_id == person).order_by(_TABLE.c.name)
        )
        return [SavedView(**dict(row)) for row in rows]

    async def lock(self, person: str) -> None:
        """Let nobody else change the person's views until this transaction ends."""
        await self._connection.execute(_LOCK, {"person": person})

    async def put(self, person: str, view: SavedView, at: datetime) -> None:
        """Add it, in place of the person's view of the same name."""
        await self._connection.execute(
            delete(_TABLE).where(_TABLE.c.person_id == person, _TABLE.c.name == view.name)
        )
        values = {
            "view_id": view.view_id,
            "person_id": person,
            "name": view.name,
            "address": view.address,
            "is_default": False,
            "used_at": at,
        }
        await self._connection.execute(insert(_TABLE), values)

    async def delete(self, person: str, view_id: str) -> None:
        await self._connection.execute(
            delete(_TABLE).where(_TABLE.c.person_id == person, _TABLE.c.view_id == view_id)
        )

    async def set_default(self, person: str, view_id: str | None) -> None:
        """Let this view be the one that opens first; None: no view does."""
        own = _TABLE.c.person_id == person
        await self._connection.execute(
            update(_TABLE).where(own, _TABLE.c.is_default).values(is_default=False)
        )
        if view_id is not None:
            await self._connection.execute(
                update(_TABLE).where(own, _TABLE.c.view_id == view_id).values(is_default=True)
            )

    async def mark_used(self, person: str, at: datetime, before: datetime) -> None:
        """Keep the views of who works here; those used since `before` are marked already."""
        await self._connection.execute(
            update(_TABLE)
            .where(_TABLE.c.person_id == person, _TABLE.c.used_at < before)
            .values(used_at=at)
        )

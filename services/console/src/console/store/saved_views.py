"""The SQL of saved views: filters of a screen, each with a name that its person gave."""

from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from common.storage.connection import Connection
from console import tables

MAX_VIEWS: Final = 50
_TABLE = tables.saved_views


class TooManyViewsError(Exception):
    """The person has as many saved views of this screen as they may have."""


class SavedView(NamedTuple):
    name: str
    query: str


class SavedViews:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list_of(self, person: str, screen: str) -> list[SavedView]:
        """Return them by name."""
        rows = await self._connection.execute(
            select(_TABLE.c.name, _TABLE.c.query)
            .where(_TABLE.c.person_id == person, _TABLE.c.screen == screen)
            .order_by(_TABLE.c.name)
        )
        return [SavedView(row.name, row.query) for row in rows]

    async def put(self, person: str, screen: str, view: SavedView, at: datetime) -> None:
        """Save the view, in place of one with this name; raises TooManyViewsError."""
        others = await self._connection.execute(
            select(func.count()).where(
                _TABLE.c.person_id == person,
                _TABLE.c.screen == screen,
                _TABLE.c.name != view.name,
            )
        )
        if others.scalar_one() >= MAX_VIEWS:
            raise TooManyViewsError(TooManyViewsError.__doc__)
        statement = insert(_TABLE)
        await self._connection.execute(
            statement.values(
                person_id=person, screen=screen, name=view.name, query=view.query, saved_at=at
            ).on_conflict_do_update(
                index_elements=["person_id", "screen", "name"],
                set_={
                    "query": statement.excluded.query,
                    "saved_at": statement.excluded.saved_at,
                },
            )
        )

    async def delete(self, person: str, screen: str, name: str) -> None:
        await self._connection.execute(
            delete(_TABLE).where(
                _TABLE.c.person_id == person, _TABLE.c.screen == screen, _TABLE.c.name == name
            )
        )

"""The SQL of sessions. A row is deleted when its session ends before its time."""

from datetime import datetime

from sqlalchemy import delete, insert, select, update

from common.storage.connection import Connection
from console import tables
from console.domain.session import Session

_TABLE = tables.sessions
_COLUMNS = [column for column in _TABLE.columns if column.name != "digest"]


class Sessions:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, session: Session, digest: bytes) -> None:
        await self._connection.execute(insert(_TABLE), {**session.row, "digest": digest})

    async def find(self, digest: bytes) -> Session | None:
        """Return the session, also one whose time is over."""
        row = (
            await self._connection.execute(select(*_COLUMNS).where(_TABLE.c.digest == digest))
        ).first()
        return None if row is None else Session(**dict(row))

    async def get(self, session_id: str) -> Session | None:
        """Return the session, also one whose time is over."""
        row = (
            await self._connection.execute(
                select(*_COLUMNS).where(_TABLE.c.session_id == session_id)
            )
        ).first()
        return None if row is None else Session(**dict(row))

    async def list_of(self, person: str) -> list[Session]:
        """Return the person's sessions, newest first, also those whose time is over."""
        rows = await self._connection.execute(
            select(*_COLUMNS)
            .where(_TABLE.c.person_id == person)
            .order_by(_TABLE.c.created_at.desc())
        )
        return [Session(**dict(row)) for row in rows]

    async def mark_seen(self, session_id: str, at: datetime) -> None:
        await self._connection.execute(
            update(_TABLE).where(_TABLE.c.session_id == session_id).values(seen_at=at)
        )

    async def delete(self, session_id: str, person: str) -> bool:
        """Delete a session of this person; return whether there was one."""
        rows = await self._connection.execute(
            delete(_TABLE)
            .where(_TABLE.c.session_id == session_id, _TABLE.c.person_id == person)
            .returning(_TABLE.c.session_id)
        )
        return bool(rows)

    async def delete_all_of(self, person: str) -> int:
        rows = await self._connection.execute(
            delete(_TABLE).where(_TABLE.c.person_id == person).returning(_TABLE.c.session_id)
        )
        return len(rows)

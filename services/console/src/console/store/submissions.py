"""The SQL of submissions: which forms a person has sent, so that each acts once."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from common.storage.connection import Connection
from console import tables

_TABLE = tables.submissions


class Submissions:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def claim(self, person: str, submission: str, at: datetime) -> bool:
        """Return whether the person sends this for the first time."""
        rows = await self._connection.execute(
            insert(_TABLE)
            .values(person_id=person, submission=submission, sent_at=at)
            .on_conflict_do_nothing()
            .returning(_TABLE.c.submission)
        )
        return rows.scalar_one_or_none() is not None

    async def release(self, person: str, submission: str) -> None:
        await self._connection.execute(
            delete(_TABLE).where(_TABLE.c.person_id == person, _TABLE.c.submission == submission)
        )

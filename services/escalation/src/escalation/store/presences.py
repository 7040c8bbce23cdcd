"""The SQL of presences: who is at work, as router says."""

from collections.abc import Collection

from sqlalchemy import select, text

from common.contracts.event import PersonId
from common.contracts.people import PresenceChanged
from common.storage.connection import Connection
from escalation import tables


class Presences:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def put(self, event: PresenceChanged) -> None:
        """Record it, unless something newer is recorded."""
        values = {"person": event.person_id, "presence": event.presence, "since": event.since}
        await self._connection.execute(_PUT, values)

    async def offline(self, people: Collection[PersonId]) -> frozenset[PersonId]:
        """Return which of these people are offline; of whom nothing is known is not."""
        presences = tables.presences.c
        rows = await self._connection.execute(
            select(presences.person_id).where(
                presences.person_id.in_(people), presences.presence == "offline"
            )
        )
        return frozenset(PersonId(row.person_id) for row in rows)


_PUT = text("""
    INSERT INTO presences (person_id, presence, since) VALUES (:person, :presence, :since)
    ON CONFLICT (person_id) DO UPDATE SET presence = excluded.presence, since = excluded.since
    WHERE presences.since <= excluded.since
""")

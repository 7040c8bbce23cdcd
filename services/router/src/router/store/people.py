"""The SQL of people."""

from datetime import datetime

from sqlalchemy import func, select, text

from common.contracts.event import PersonId, TeamId
from common.contracts.people import ContactMethodsChanged
from common.storage.connection import Connection
from common.storage.rows import LockedTable
from common.storage.tables import published_events
from router import tables
from router.domain.staffing.people import Person


class People(LockedTable[PersonId, Person]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.people, Person)

    async def lock_lines(self) -> None:
        """Block other changes of people, so that no two of them make a cycle."""
        await self.connection.execute(_LOCK_PEOPLE)

    async def line_above(self, person_id: PersonId) -> tuple[PersonId, ...]:
        """Return the person's superior, that person's superior, and so on to the top."""
        rows = await self.connection.execute(_LINE, {"person": person_id})
        return tuple(PersonId(row.reports_to) for row in rows)

    async def subordinates_of(self, person_id: PersonId) -> tuple[PersonId, ...]:
        """Return who reports to the person directly and has not left."""
        people = tables.people.c
        query = select(people.person_id).where(people.reports_to == person_id, people.active)
        rows = await self.connection.execute(query.order_by(people.person_id))
        return tuple(PersonId(row.person_id) for row in rows)

    async def members_not_below(self, manager: PersonId, team_id: TeamId) -> tuple[PersonId, ...]:
        """Return who works in the team, is not the manager and not below, the first few."""
        rows = await self.connection.execute(_NOT_BELOW, {"manager": manager, "team": team_id})
        return tuple(PersonId(row.person_id) for row in rows)

    async def count_contact_changes(self, person_id: PersonId, since: datetime) -> int:
        """Count how often contact methods were put with the person since then."""
        events = published_events.c
        query = select(func.count()).where(
            events.key == person_id,
            events.type == ContactMethodsChanged.type,
            events.at > since,
        )
        return int((await self.connection.execute(query)).scalar_one())

    async def list_after(
        self, person_id: str | None, limit: int, *, active: bool | None
    ) -> list[Person]:
        """Return the next people by id: all, or only those who have left or have not."""
        people = tables.people
        query = select(people).order_by(people.c.person_id).limit(limit)
        if person_id is not None:
            query = query.where(people.c.person_id > person_id)
        if active is not None:
            query = query.where(people.c.active == active)
        rows = await self.connection.execute(query)
        return [self.read(dict(row)) for row in rows]


_LOCK_PEOPLE = text("SELECT pg_advisory_xact_lock(lock_key('people'))")
_NOT_BELOW = text("""
    WITH RECURSIVE below AS (
        SELECT CAST(:manager AS text) AS person_id
        UNION
        SELECT people.person_id FROM people JOIN below ON people.reports_to = below.person_id
    )
    SELECT person_id FROM people
    WHERE team_id = :team AND active AND person_id NOT IN (SELECT person_id FROM below)
    ORDER BY person_id LIMIT 5
""")
_LINE = text("""
    WITH RECURSIVE line AS (
        SELECT reports_to, 1 AS steps FROM people WHERE person_id = :person
        UNION ALL
        SELECT people.reports_to, steps + 1 FROM people JOIN line
            ON people.person_id = line.reports_to
    )
    SELECT reports_to FROM line WHERE reports_to IS NOT NULL ORDER BY steps
""")

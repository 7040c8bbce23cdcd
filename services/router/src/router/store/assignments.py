"""The SQL of assignments."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import TextClause, select, text

from common.contracts import BY_TYPE
from common.contracts.assignments import ContactAssigned, ContactOffered
from common.contracts.decoding import from_data
from common.contracts.event import ContactId, Event, PersonId
from common.storage.connection import Connection
from common.storage.rows import LockedTable
from common.storage.tables import published_events
from router import tables
from router.domain.assignments import HELD, Assignment, State
from router.domain.needs import Need
from router.store.queues import needs_to_arrays


class Assignments(LockedTable[ContactId, Assignment]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.assignments, Assignment)

    async def take_turn(self, contact_ids: Sequence[ContactId]) -> int:
        """Wait until no other transaction may match; lock the contacts; return the turn's number.

        What another transaction has inserted during the wait looks absent, so to insert it fails.
        """
        missing = [contact_id for contact_id in contact_ids if contact_id not in self._rows]
        rows = await self.connection.execute(_TAKE_TURN, {"contact_ids": missing})
        self._rows.update(dict.fromkeys(missing))
        self.adopt(row for row in rows if row.contact_id)
        return int(rows[0].turn)

    async def lock_held_by(self, representative_id: PersonId) -> list[Assignment]:
        """Lock what is assigned or offered to the representative, in order of contact."""
        await self.lock_all(await self._ids(_HELD, representative_id=representative_id))
        return sorted(
            (
                contact
                for contact in self.loaded()
                if contact.representative_id == representative_id
            ),
            key=lambda contact: contact.contact_id,
        )

    async def lock_unserved(self, needs: Iterable[Need]) -> list[Assignment]:
        """Lock the queued contacts with these needs, and all whose own need nobody serves."""
        wanted = list(needs)
        contact_ids = await self._ids(_UNSERVED, **needs_to_arrays(wanted))
        await self.lock_all(contact_ids)
        return [
            contact
            for contact in self.loaded()
            if contact.state == "queued" and (contact.unserved_need or contact.need in wanted)
        ]

    async def _ids(self, query: TextClause, **values: object) -> list[ContactId]:
        rows = await self.connection.execute(query, values)
        return [ContactId(str(row.contact_id)) for row in rows]

    async def lock_waiting(
        self, free_slots: Mapping[Need, int], previous: Sequence[PersonId]
    ) -> None:
        """Lock the first waiting contacts of these queues, at least as many as have free slots.

        And those that wait for a team, but had one of `previous`, who may get them again.
        """
        if not free_slots and not previous:
            return
        contact_ids = await self._ids(
            _WAITING,
            **needs_to_arrays(free_slots),
            free_slots=list(free_slots.values()),
            previous=previous,
            loaded=[assignment.contact_id for assignment in self.loaded()],
        )
        await self.lock_all(contact_ids)

    async def list_before(
        self,
        contact_id: ContactId | None,
        limit: int,
        *,
        states: Sequence[State],
        representative_id: PersonId | None,
    ) -> list[Assignment]:
        """Return the next assignments with a need, newest contact first.

        Contact ids are UUIDs version 7, so their order is the order of arrival.
        """
        table = tables.assignments
        query = (
            select(table)
            .where(table.c.skill.is_not(None), table.c.language.is_not(None))
            .order_by(table.c.contact_id.desc())
            .limit(limit)
        )
        if contact_id is not None:
            query = query.where(table.c.contact_id < contact_id)
        if states:
            query = query.where(table.c.state.in_(states))
        if representative_id is not None:
            query = query.where(
                table.c.state.in_(HELD), table.c.representative_id == representative_id
            )
        rows = await self.connection.execute(query)
        return [self.read(dict(row)) for row in rows]

    async def history(
        self, contact_id: ContactId, after: int, limit: int
    ) -> list[tuple[int, Event]]:
        """Return what router published about the contact, in order, with the number of its row."""
        rows = await self.connection.execute(
            select(published_events.c.id, published_events.c.type, published_events.c.data)
            .where(
                published_events.c.key == contact_id,
                published_events.c.topic == "assignments",
                published_events.c.id > after,
            )
            .order_by(published_events.c.id)
            .limit(limit)
        )
        return [(row.id, from_data(BY_TYPE[row.type], row.data)) for row in rows]

    async def was_offered(self, assignment: Assignment, person_id: PersonId) -> bool:
        """Return whether the contact is or was offered or assigned to the person."""
        if assignment.representative_id == person_id:
            return True
        rows = await self.connection.execute(
            select(published_events.c.id)
            .where(
                published_events.c.key == assignment.contact_id,
                published_events.c.topic == "assignments",
                published_events.c.type.in_((ContactAssigned.type, ContactOffered.type)),
                published_events.c.data["representative_id"].astext == person_id,
            )
            .limit(1)
        )
        return rows.first() is not None


# The lock is held until the transaction ends, so turns are in the order of the commits.
_columns = ", ".join(column.name for column in tables.assignments.columns)
_TAKE_TURN = text(f"""
    WITH turn AS MATERIALIZED (
        SELECT nextval('representative_turns') AS turn
        FROM pg_advisory_xact_lock(lock_key('match'))
    )
    SELECT turn, locked.* FROM turn LEFT JOIN LATERAL (
        SELECT {_columns} FROM assignments WHERE contact_id = ANY(CAST(:contact_ids AS uuid[]))
        ORDER BY contact_id FOR UPDATE
    ) AS locked ON true
""")

# Contacts that somebody declined are added to the number: the only free slot may belong to the
# representative who declined them, and they must not hide the contacts behind them.
_WAITING = text("""
    SELECT waiting.contact_id
    FROM unnest(
        CAST(:skills AS text[]), CAST(:languages AS text[]), CAST(:teams AS text[]),
        CAST(:free_slots AS integer[])
    ) AS need(skill, language, queue_team, free_slots)
    CROSS JOIN LATERAL (
        (SELECT contact_id FROM assignments a
         WHERE state = 'queued' AND a.skill = need.skill AND a.language = need.language
           AND a.queue_team = need.queue_team AND declined_by = '{}'
           AND contact_id <> ALL (CAST(:loaded AS uuid[]))
         ORDER BY priority_rank DESC, waiting_since, contact_id
         LIMIT need.free_slots)
        UNION ALL
        (SELECT contact_id FROM assignments a
         WHERE state = 'queued' AND a.skill = need.skill AND a.language = need.language
           AND a.queue_team = need.queue_team AND declined_by <> '{}'
           AND contact_id <> ALL (CAST(:loaded AS uuid[])))
    ) AS waiting
    UNION ALL
    SELECT contact_id FROM assignments
    WHERE state = 'queued' AND waits_for_team AND preferred_id = ANY (CAST(:previous AS text[]))
        AND contact_id <> ALL (CAST(:loaded AS uuid[]))
""")

_HELD = text("SELECT contact_id FROM assignments WHERE representative_id = :representative_id")

_UNSERVED = text("""
    SELECT contact_id FROM assignments
    WHERE state = 'queued' AND unserved_skill IS NOT NULL
    UNION
    SELECT contact_id FROM assignments
    JOIN unnest(CAST(:skills AS text[]), CAST(:languages AS text[]), CAST(:teams AS text[]))
        AS need(skill, language, queue_team) USING (skill, language, queue_team)
    WHERE state = 'queued'
""")

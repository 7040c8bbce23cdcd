"""All SQL of router, and its unit of work."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts import BY_TYPE
from common.contracts.event import ContactId, Event, PersonId
from common.core import trace
from common.storage.rows import LockedTable
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from router import tables
from router.domain.assignments import WAITING, Assignment, Decision
from router.domain.matching import match
from router.domain.representatives import Need, Representative


@dataclass(frozen=True, slots=True)
class Queue:
    """How one need stands. A place counts in every queue that its representative serves."""

    queue: str
    waiting: int
    oldest_waiting_s: float | None
    available_representatives: int
    free_places: int


class Representatives(LockedTable[PersonId, Representative]):
    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, tables.representatives, Representative)

    async def lock_free(self) -> None:
        """Lock all who may be given a contact."""
        table = tables.representatives
        free = (table.c.presence == "available") & (table.c.load < table.c.capacity)
        self.adopt(
            await self.connection.execute(
                select(table).where(free).order_by(table.c.representative_id).with_for_update()
            )
        )

    async def look(self, representative_id: PersonId) -> Representative | None:
        table = tables.representatives
        rows = await self.connection.execute(
            select(table).where(table.c.representative_id == representative_id)
        )
        row = rows.mappings().first()
        return self.read(dict(row)) if row else None

    async def look_all(self) -> list[Representative]:
        table = tables.representatives
        rows = await self.connection.execute(select(table).order_by(table.c.representative_id))
        return [self.read(dict(row)) for row in rows.mappings()]


class Assignments(LockedTable[ContactId, Assignment]):
    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, tables.assignments, Assignment)

    async def lock_waiting(self, places: Mapping[Need, int]) -> None:
        """Lock those who wait for these needs, as many as there are places, and some to spare."""
        held = [assignment.contact_id for assignment in self.loaded()]
        rows = await self.connection.execute(
            _WAITING,
            {
                "skills": [need.skill for need in places],
                "languages": [need.language for need in places],
                "places": list(places.values()),
                "held": held,
            },
        )
        await self.lock_all(ContactId(str(row.contact_id)) for row in rows)

    async def look(self, contact_id: ContactId) -> Assignment | None:
        table = tables.assignments
        rows = await self.connection.execute(select(table).where(table.c.contact_id == contact_id))
        row = rows.mappings().first()
        return self.read(dict(row)) if row else None

    async def history(self, contact_id: ContactId) -> list[Event]:
        journal = tables.journal
        rows = await self.connection.execute(
            select(journal.c.type, journal.c.data)
            .where(journal.c.contact_id == contact_id)
            .order_by(journal.c.sequence)
        )
        return [BY_TYPE[row.type].model_validate(row.data) for row in rows]

    async def queues(self, at: datetime) -> list[Queue]:
        rows = await self.connection.execute(_QUEUES, {"at": at})
        return [Queue(**row) for row in rows.mappings()]


class Origin(NamedTuple):
    """The message that a change comes from: its id, and the trace that it belongs to."""

    cause: str | None
    traceparent: str | None


class UnitOfWork(BaseUnitOfWork):
    """Matches once, when all messages of the batch have had their say.

    So the most urgent of them all goes first, and the free are read once.
    """

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        super().__init__(connection, now)
        self.representatives = Representatives(connection)
        self.assignments = Assignments(connection)
        self._origins: dict[str, Origin] = {}

    @property
    def rows(self) -> Sequence[LockedTable[Any, Any]]:
        return (self.representatives, self.assignments)

    async def prelock(self, contact_ids: Sequence[ContactId]) -> None:
        # Before any row lock: two that match at once could wait for each other's rows, and each
        # would give away places that the other has given.
        await self.connection.execute(_ONE_MATCHER)
        await self.assignments.lock_all(contact_ids)
        held_by = (one.representative_id for one in self.assignments.loaded())
        await self.representatives.lock_all(person for person in held_by if person)

    async def holding(
        self, contact_id: ContactId
    ) -> tuple[Assignment | None, Representative | None]:
        """Return the assignment, and who has it or is offered it."""
        assignment = await self.assignments.lock(contact_id)
        if assignment is None or assignment.representative_id is None:
            return assignment, None
        return assignment, await self.representatives.lock(assignment.representative_id)

    def record(self, decision: Decision) -> None:
        """Take up a decision; what it frees or sends back is matched at the end."""
        origin = Origin(self.outbox.cause, trace.current())
        for key in _keys(decision):
            self._origins[key] = origin
        self._write(decision)

    async def match(self) -> None:
        """Give what waits to whoever is free, as far as this transaction changed either."""
        if not self._origins:
            return
        origins, self._origins = self._origins, {}
        freed = _places(
            one for one in self.representatives.loaded() if one.representative_id in origins
        )
        if freed:
            await self.assignments.lock_waiting(freed)
        waiting = [one for one in self.assignments.loaded() if one.state in WAITING]
        if any(one.contact_id in origins for one in waiting):
            await self.representatives.lock_free()
        last = Origin(self.outbox.cause, trace.current())
        for decision in match(waiting, self.representatives.loaded(), at=self.now):
            known = (origins[key] for key in _keys(decision) if key in origins)
            self._resume(next(known, last))
            self._write(decision)
        self._resume(last)

    async def flush(self) -> None:
        await self.match()
        await super().flush()

    def _write(self, decision: Decision) -> None:
        for assignment in decision.assignments:
            self.assignments.put(assignment)
        for representative in decision.representatives:
            self.representatives.put(representative)
        self.outbox.add(decision.events)
        self.timers.set(decision.timers)

    def _resume(self, origin: Origin) -> None:
        self.outbox.cause = origin.cause
        trace.restore(origin.traceparent)


def _keys(decision: Decision) -> list[str]:
    return [
        *(assignment.contact_id for assignment in decision.assignments),
        *(representative.representative_id for representative in decision.representatives),
    ]


def _places(representatives: Iterable[Representative]) -> Counter[Need]:
    places: Counter[Need] = Counter()
    for one in representatives:
        if one.places:
            places.update(dict.fromkeys(one.needs, one.places))
    return places


_ONE_MATCHER = text("SELECT pg_advisory_xact_lock(hashtext('match ' || current_schema()))")

# Those that somebody let pass come on top of the number: the free place may be the one place
# where they may not go, and must not hide who stands behind them.
_WAITING = text("""
    SELECT waiting.contact_id
    FROM unnest(CAST(:skills AS text[]), CAST(:languages AS text[]), CAST(:places AS integer[]))
        AS need(skill, language, places)
    CROSS JOIN LATERAL (
        (SELECT contact_id FROM assignments a
         WHERE state = 'queued' AND a.skill = need.skill AND a.language = need.language
           AND passed = '{}' AND contact_id <> ALL (CAST(:held AS uuid[]))
         ORDER BY urgency DESC, waiting_since, contact_id
         LIMIT need.places)
        UNION ALL
        (SELECT contact_id FROM assignments a
         WHERE state = 'queued' AND a.skill = need.skill AND a.language = need.language
           AND passed <> '{}' AND contact_id <> ALL (CAST(:held AS uuid[])))
    ) AS waiting
""")

_QUEUES = text("""
    WITH waiting AS (
        SELECT skill, language, count(*) AS waiting, min(waiting_since) AS oldest
        FROM assignments WHERE state = 'queued' GROUP BY skill, language
    ), staff AS (
        SELECT skill, language, count(*) FILTER (WHERE presence = 'available') AS available,
            sum(greatest(capacity - load, 0)) FILTER (WHERE presence = 'available') AS places
        FROM representatives, unnest(skills) AS skill, unnest(languages) AS language
        GROUP BY skill, language
    )
    SELECT skill || '/' || language AS queue,
        coalesce(waiting, 0) AS waiting,
        CAST(extract(epoch FROM :at - oldest) AS float) AS oldest_waiting_s,
        coalesce(available, 0) AS available_representatives,
        coalesce(places, 0) AS free_places
    FROM waiting FULL JOIN staff USING (skill, language)
    ORDER BY skill, language
""")

"""All SQL of router, and its unit of work."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts import BY_TYPE
from common.contracts.event import ContactId, Event, PersonId
from common.contracts.people import ContactMethodsChanged
from common.core import trace
from common.storage.erasure import erase_words
from common.storage.rows import LockedTable
from common.storage.tables import published_events
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from router import tables
from router.domain.assignments import HELD, WAITING, Assignment, Decision, State
from router.domain.needs import Need
from router.domain.routing.matching import match
from router.domain.routing.strategies import RoutingPolicy
from router.domain.staffing.people import Person
from router.domain.staffing.representatives import Representative


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The contacts of one queue, and who could take them.

    A free slot counts in every queue that its representative serves.
    """

    need: Need
    waiting: int
    oldest_waiting_s: float | None
    available_representatives: int
    free_slots: int

    @property
    def queue(self) -> str:
        return self.need.queue


class People(LockedTable[PersonId, Person]):
    def __init__(self, connection: AsyncConnection) -> None:
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

    async def count_contact_changes(self, person_id: PersonId, since: datetime) -> int:
        """Count how often contact methods were put with the person since then."""
        events = published_events.c
        query = select(func.count()).where(
            events.key == person_id,
            events.type == ContactMethodsChanged.type,
            events.at > since,
        )
        return (await self.connection.execute(query)).scalar_one()

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
        return [self.read(dict(row)) for row in rows.mappings()]


class StaffGroup(NamedTuple):
    """The active representatives with one skill who speak the same languages."""

    skill: str
    languages: Sequence[str]
    available: int
    free_slots: int

    def fits(self, need: Need) -> bool:
        return need.distance((self.skill,), self.languages) is not None


class Representatives(LockedTable[PersonId, Representative]):
    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, tables.representatives, Representative)

    async def lock_available(self) -> None:
        """Lock all who may get a contact."""
        table = tables.representatives
        available = (
            table.c.active & (table.c.presence == "available") & (table.c.load < table.c.capacity)
        )
        self.adopt(
            await self.connection.execute(
                select(table).where(available).order_by(table.c.representative_id).with_for_update()
            )
        )

    async def list_after(self, representative_id: str | None, limit: int) -> list[Representative]:
        """Return the next representatives by id."""
        table = tables.representatives
        query = select(table).order_by(table.c.representative_id).limit(limit)
        if representative_id is not None:
            query = query.where(table.c.representative_id > representative_id)
        rows = await self.connection.execute(query)
        return [self.read(dict(row)) for row in rows.mappings()]


class Assignments(LockedTable[ContactId, Assignment]):
    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, tables.assignments, Assignment)

    async def waiting_needs(self) -> list[Need]:
        """Return the needs with waiting contacts, each once."""
        return [Need(*row) for row in await self.connection.execute(_WAITING_NEEDS)]

    async def lock_waiting(self, free_slots: Mapping[Need, int]) -> None:
        """Lock the first waiting contacts of these queues, at least as many as have free slots."""
        loaded = [assignment.contact_id for assignment in self.loaded()]
        rows = await self.connection.execute(
            _WAITING,
            {
                "skills": [need.skill for need in free_slots],
                "languages": [need.language for need in free_slots],
                "free_slots": list(free_slots.values()),
                "loaded": loaded,
            },
        )
        await self.lock_all(ContactId(str(row.contact_id)) for row in rows)

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
        return [self.read(dict(row)) for row in rows.mappings()]

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
        return [(row.id, BY_TYPE[row.type].model_validate(row.data)) for row in rows]

    async def queues_after(
        self, need: Need | None, limit: int, *, at: datetime
    ) -> list[QueueStatus]:
        """Return the next queues, by skill and language, that have contacts or representatives."""
        rows = await self.connection.execute(
            _QUEUES,
            {
                "at": at,
                "skill": need.skill if need else "",
                "language": need.language if need else "",
                "limit": limit,
            },
        )
        waiting = [(Need(row.skill, row.language), row) for row in rows]
        staff = await self.staff({need.skill for need, _ in waiting})
        return [
            QueueStatus(need, row.waiting, row.oldest_waiting_s, *_staffing(need, staff))
            for need, row in waiting
        ]

    async def staff(self, skills: Iterable[str]) -> list[StaffGroup]:
        """Return who is active and has these skills, whatever their presence."""
        rows = await self.connection.execute(_STAFF, {"skills": list(skills)})
        return [StaffGroup(*row) for row in rows]


class Origin(NamedTuple):
    """The message that caused a change: its id and its trace."""

    cause: str | None
    traceparent: str | None


class UnitOfWork(BaseUnitOfWork):
    """Matches once, after all messages of the batch.

    So the contact with the highest priority of the batch is first, and the available
    representatives are read once.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        now: datetime,
        policy: RoutingPolicy = RoutingPolicy(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__(connection, now)
        self.people = People(connection)
        self.representatives = Representatives(connection)
        self.assignments = Assignments(connection)
        self._policy = policy
        self._origins: dict[str, Origin] = {}

    @property
    def rows(self) -> Sequence[LockedTable[Any, Any]]:
        return (self.people, self.representatives, self.assignments)

    async def prelock(self, contact_ids: Sequence[ContactId]) -> None:
        # Before any row lock: two transactions that match at once could wait for each other's
        # rows, and both could give away the same slot.
        await self.connection.execute(_LOCK_MATCHING)
        await self.assignments.lock_all(contact_ids)
        holders = (assignment.representative_id for assignment in self.assignments.loaded())
        await self.representatives.lock_all(holder for holder in holders if holder)

    async def erase_published_words(self, contact_id: ContactId) -> None:
        events = published_events.c
        about_contact = (events.key == contact_id) & (events.topic == "assignments")
        await erase_words(self.connection, published_events, about_contact)

    async def lock_with_holder(
        self, contact_id: ContactId
    ) -> tuple[Assignment | None, Representative | None]:
        """Lock the assignment, and the representative who has it or its offer."""
        assignment = await self.assignments.lock(contact_id)
        if assignment is None or assignment.representative_id is None:
            return assignment, None
        return assignment, await self.representatives.lock(assignment.representative_id)

    def record(self, decision: Decision) -> None:
        """Apply a decision. What it frees or sends back is matched when the transaction ends."""
        origin = Origin(self.outbox.cause, trace.current())
        for key in _keys(decision):
            self._origins[key] = origin
        self._write(decision)

    async def match(self) -> None:
        """Match the contacts and representatives that this transaction changed."""
        if not self._origins:
            return
        origins, self._origins = self._origins, {}
        freed = [
            person
            for person in self.representatives.loaded()
            if person.representative_id in origins and person.free_slots
        ]
        if freed:
            await self.assignments.lock_waiting(
                _free_slots(freed, await self.assignments.waiting_needs())
            )
        waiting = [
            assignment for assignment in self.assignments.loaded() if assignment.state in WAITING
        ]
        if any(assignment.contact_id in origins for assignment in waiting):
            await self.representatives.lock_available()
        last = Origin(self.outbox.cause, trace.current())
        people = self.representatives.loaded()
        for decision in match(waiting, people, self._policy, at=self.now):
            causes = (origins[key] for key in _keys(decision) if key in origins)
            self._restore(next(causes, last))
            self._write(decision)
        self._restore(last)

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

    def _restore(self, origin: Origin) -> None:
        self.outbox.cause = origin.cause
        trace.restore(origin.traceparent)


def _staffing(need: Need, staff: Iterable[StaffGroup]) -> tuple[int, int]:
    """Return how many representatives are available, and their free slots."""
    groups = [group for group in staff if group.fits(need)]
    return sum(group.available for group in groups), sum(group.free_slots for group in groups)


def _keys(decision: Decision) -> list[str]:
    return [
        *(assignment.contact_id for assignment in decision.assignments),
        *(representative.representative_id for representative in decision.representatives),
    ]


def _free_slots(representatives: Iterable[Representative], needs: Iterable[Need]) -> Counter[Need]:
    people = list(representatives)
    free_slots = {
        need: sum(person.free_slots for person in people if person.fits(need)) for need in needs
    }
    return +Counter(free_slots)


_LOCK_PEOPLE = text("SELECT pg_advisory_xact_lock(lock_key('people'))")
_LINE = text("""
    WITH RECURSIVE line AS (
        SELECT reports_to, 1 AS steps FROM people WHERE person_id = :person
        UNION ALL
        SELECT people.reports_to, steps + 1 FROM people JOIN line
            ON people.person_id = line.reports_to
    )
    SELECT reports_to FROM line WHERE reports_to IS NOT NULL ORDER BY steps
""")
_LOCK_MATCHING = text("SELECT pg_advisory_xact_lock(lock_key('match'))")

# Each step finds the next need in the index `assignments_waiting`, however many contacts wait.
_WAITING_NEEDS = text("""
    WITH RECURSIVE needs AS (
        (SELECT skill, language FROM assignments WHERE state = 'queued'
         ORDER BY skill, language LIMIT 1)
        UNION ALL
        SELECT next.skill, next.language FROM needs CROSS JOIN LATERAL (
            SELECT a.skill, a.language FROM assignments a
            WHERE state = 'queued' AND (a.skill, a.language) > (needs.skill, needs.language)
            ORDER BY a.skill, a.language LIMIT 1) AS next
    )
    SELECT skill, language FROM needs
""")

# Contacts that somebody declined are added to the number: the only free slot may belong to the
# representative who declined them, and they must not hide the contacts behind them.
_WAITING = text("""
    SELECT waiting.contact_id
    FROM unnest(
        CAST(:skills AS text[]), CAST(:languages AS text[]), CAST(:free_slots AS integer[])
    ) AS need(skill, language, free_slots)
    CROSS JOIN LATERAL (
        (SELECT contact_id FROM assignments a
         WHERE state = 'queued' AND a.skill = need.skill AND a.language = need.language
           AND declined_by = '{}' AND contact_id <> ALL (CAST(:loaded AS uuid[]))
         ORDER BY priority_rank DESC, waiting_since, contact_id
         LIMIT need.free_slots)
        UNION ALL
        (SELECT contact_id FROM assignments a
         WHERE state = 'queued' AND a.skill = need.skill AND a.language = need.language
           AND declined_by <> '{}' AND contact_id <> ALL (CAST(:loaded AS uuid[])))
    ) AS waiting
""")

_QUEUES = text("""
    WITH waiting AS (
        SELECT skill, language, count(*) AS waiting, min(waiting_since) AS oldest
        FROM assignments WHERE state = 'queued' GROUP BY skill, language
    ), staff AS (
        SELECT DISTINCT skill, language
        FROM representatives, unnest(skills) AS skill, unnest(languages) AS language
        WHERE active
    )
    SELECT skill, language,
        coalesce(waiting, 0) AS waiting,
        CAST(extract(epoch FROM :at - oldest) AS float) AS oldest_waiting_s
    FROM waiting FULL JOIN staff USING (skill, language)
    WHERE (skill, language) > (:skill, :language)
    ORDER BY skill, language
    LIMIT :limit
""")

# A group has the same languages, so that Python compares each of them once.
_STAFF = text("""
    SELECT skill, languages,
        count(*) FILTER (WHERE presence = 'available') AS available,
        coalesce(sum(greatest(capacity - load, 0)) FILTER (WHERE presence = 'available'), 0)
            AS free_slots
    FROM representatives
    JOIN unnest(CAST(:skills AS text[])) AS skill ON skills @> ARRAY[skill]
    WHERE active
    GROUP BY skill, languages
""")

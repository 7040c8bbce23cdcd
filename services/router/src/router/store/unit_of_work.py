"""The SQL of assignments, and the unit of work of router."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import TextClause, select, text

from common.contracts import BY_TYPE
from common.contracts.assignments import ContactAssigned, ContactOffered
from common.contracts.decoding import from_data
from common.contracts.event import ContactId, Event, PersonId
from common.core import trace
from common.storage.connection import Connection
from common.storage.erasure import erase_published, erase_unwritten
from common.storage.rows import LockedTable
from common.storage.tables import published_events
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from router import tables
from router.domain.assignments import HELD, WAITING, Assignment, Decision, State
from router.domain.needs import Need
from router.domain.routing.fallback import place_in_queue
from router.domain.routing.matching import match
from router.domain.routing.pool import AvailabilityPool
from router.domain.routing.strategies import RoutingPolicy
from router.domain.staffing.adjustments import Adjustment, timer_of
from router.domain.staffing.representatives import Representative, StaffingChange
from router.store.adjustments import Adjustments
from router.store.entry_versions import EntryVersions
from router.store.people import People
from router.store.pool_cache import CachedPool, PoolCache
from router.store.queues import Queues, needs_to_arrays
from router.store.representatives import Representatives
from router.store.staffing import Staffing


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

    async def lock_waiting(self, free_slots: Mapping[Need, int]) -> None:
        """Lock the first waiting contacts of these queues, at least as many as have free slots."""
        if not free_slots:
            return
        contact_ids = await self._ids(
            _WAITING,
            **needs_to_arrays(free_slots),
            free_slots=list(free_slots.values()),
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


class Origin(NamedTuple):
    """The message that caused a change: its id and its trace."""

    cause: str | None
    traceparent: str | None


class UnitOfWork(BaseUnitOfWork):
    """Matches once, after all messages of the batch.

    So the contact with the highest priority of the batch is first. `pool_cache` is that of the
    process; without one each transaction that matches reads all representatives.
    """

    rows_lock_keys = True

    def __init__(
        self,
        connection: Connection,
        now: datetime,
        policy: RoutingPolicy = RoutingPolicy(),  # noqa: B008 - frozen
        pool_cache: PoolCache | None = None,
    ) -> None:
        super().__init__(connection, now)
        self.people = People(connection)
        self.representatives = Representatives(connection)
        self.assignments = Assignments(connection)
        self.adjustments = Adjustments(connection)
        self.entry_versions = EntryVersions(connection)
        self.queues = Queues(connection)
        self.staffing = Staffing(connection)
        self.policy = policy
        self._pool_cache = pool_cache or PoolCache()
        self._cached: CachedPool | None = None
        self._origins: dict[str, Origin] = {}

    @property
    def rows(self) -> Sequence[LockedTable[Any, Any]]:
        return (self.people, self.representatives, self.assignments, self.adjustments)

    @property
    def new_contacts(self) -> Collection[ContactId]:
        return self.assignments.new_keys

    async def prelock(self, contact_ids: Sequence[ContactId]) -> None:
        # Before any row lock: two transactions that match at once could wait for each other's
        # rows, and both could give away the same slot.
        self.representatives.turn = await self.assignments.take_turn(contact_ids)
        holders = (assignment.representative_id for assignment in self.assignments.loaded())
        await self.representatives.lock_all(holder for holder in holders if holder)

    async def erase_words_of(self, contact_id: ContactId) -> None:
        """Erase the words in published events, and the stored answers that show the contact."""
        of_contacts = published_events.c.topic == "assignments"
        await erase_published(self.connection, [contact_id], of_contacts)
        erase_unwritten(self.outbox, contact_id)

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

    def record_staffing(self, change: StaffingChange) -> None:
        """Apply a change of the profile or the presence, which may free slots."""
        person = change.representative
        self._origins[person.representative_id] = Origin(self.outbox.cause, trace.current())
        self.representatives.put(person)
        self.outbox.add(change.events)

    def record_adjustment(self, adjustment: Adjustment) -> None:
        """Write it, and set or cancel the timer that ends it."""
        self.adjustments.put(adjustment)
        self.timers.set((timer_of(adjustment),))

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
            free_slots = _free_slots(freed, await self.queues.waiting_needs())
            await self.assignments.lock_waiting(free_slots)
        if self._in_states(*WAITING):
            pool = await self._load_pool()
            last = Origin(self.outbox.cause, trace.current())
            self._write_all(self._place(self._in_states("seeking"), pool), origins, last)
            waiting = self._in_states(*WAITING)
            self._write_all(match(waiting, pool, self.policy, at=self.now), origins, last)
            self._restore(last)

    async def place_waiting(self, before: Representative | None, after: Representative) -> None:
        """Choose the queues again that depend on what the representative serves."""
        if before and before.serves_the_same_as(after):
            return
        lost = [
            need
            for need in await self.queues.waiting_needs()
            if before and before.serves(need) and not after.serves(need)
        ]
        contacts = await self.assignments.lock_unserved(lost)
        if contacts:
            for decision in self._place(contacts, await self._load_pool()):
                self.record(decision)

    def _place(self, contacts: Iterable[Assignment], pool: AvailabilityPool) -> Iterator[Decision]:
        """Decide in which queue each contact waits that may be in the wrong one."""
        for contact in contacts:
            need = contact.need
            if contact.unserved_need or contact.team_id or (need and not pool.serves(need)):
                yield place_in_queue(contact, pool.serves, self.policy, at=self.now)

    async def _load_pool(self) -> AvailabilityPool:
        """Return the representatives as this transaction sees them."""
        if self._cached is None:
            self._cached = self._pool_cache.take(self.now) or CachedPool.empty(
                self.policy, self.now
            )
            if self._cached.turn + 1 != self.representatives.turn:
                changed = await self.representatives.changed_since(self._cached.turn)
                self._cached.pool.put_all(changed)
        self._cached.pool.put_all(self.representatives.loaded())
        return self._cached.pool

    def after_commit(self) -> None:
        turn = self.representatives.turn
        if turn is None:
            return
        if self._cached is None:
            self._pool_cache.follow(turn, self.representatives.loaded())
        else:
            self._cached.follow(turn, self.representatives.loaded())
            self._pool_cache.put_back(self._cached)

    def _in_states(self, *states: State) -> list[Assignment]:
        return [contact for contact in self.assignments.loaded() if contact.state in states]

    def _write_all(
        self, decisions: Iterable[Decision], origins: Mapping[str, Origin], last: Origin
    ) -> None:
        for decision in decisions:
            causes = (origins[key] for key in _keys(decision) if key in origins)
            self._restore(next(causes, last))
            self._write(decision)

    async def flush(self) -> None:
        await self.match()
        # A statement writes a row once.
        await self.representatives.flush_profiles()
        await super().flush()

    def _write(self, decision: Decision) -> None:
        for assignment in decision.assignments:
            self.assignments.put(assignment)
        for representative in decision.representatives:
            self.representatives.put_load(representative)
        self.outbox.add(decision.events)
        self.timers.set(decision.timers)

    def _restore(self, origin: Origin) -> None:
        self.outbox.cause = origin.cause
        trace.restore(origin.traceparent)


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

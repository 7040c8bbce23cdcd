"""The unit of work of router."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from common.contracts.event import ContactId
from common.core import trace
from common.storage.connection import Connection
from common.storage.erasure import erase_published, erase_unwritten
from common.storage.rows import LockedTable
from common.storage.tables import published_events
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from router.domain.assignments import WAITING, Assignment, Decision, State
from router.domain.needs import Need
from router.domain.routing.fallback import place_in_queue
from router.domain.routing.matching import match
from router.domain.routing.pool import AvailabilityPool
from router.domain.routing.strategies import RoutingPolicy
from router.domain.staffing.adjustments import Adjustment, timer_of
from router.domain.staffing.representatives import Representative, StaffingChange
from router.store.adjustments import Adjustments
from router.store.assignments import Assignments
from router.store.entry_versions import EntryVersions
from router.store.people import People
from router.store.pool_cache import CachedPool, PoolCache
from router.store.queues import Queues
from router.store.representatives import Representatives
from router.store.staffing import Staffing


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
            needs = await self.queues.waiting_needs()
            previous = [person.representative_id for person in freed if _may_return(person, needs)]
            await self.assignments.lock_waiting(_free_slots(freed, needs), previous)
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


def _may_return(person: Representative, needs: Iterable[Need]) -> bool:
    """Tell whether contacts wait for other teams that the person fits and may have had before."""
    return any(person.fits(need.of_all_teams) for need in needs if need.team_id)

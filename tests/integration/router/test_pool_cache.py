"""A pool that lives from batch to batch matches as a pool that is read each time."""

import asyncio
from copy import deepcopy
from datetime import timedelta
from functools import partial
from itertools import product
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from common.contracts.contacts import ContactErased, ContactResolved
from common.contracts.event import ContactId, PersonId, TeamId
from common.contracts.people import Presence
from common.core.errors import TransientError
from common.storage.database import Database
from common.storage.engine import Engine
from integration.router.conftest import ADMIN, RouterHarness
from integration.router.examples import LATER, received
from router import handlers, use_cases
from router.domain.assignments import Assignment, Decision
from router.domain.needs import Need
from router.domain.routing.matching import match
from router.domain.routing.pool import AvailabilityPool
from router.domain.staffing.adjustments import AdjustmentEntry
from router.store import PoolCache, UnitOfWork
from router.store.pool_cache import MAX_AGE
from support.databases import SteppedClock
from support.service_harness import make_dispatcher

PEOPLE = ("rita", "sam", "tom")
TEAMS = (TeamId("front"), TeamId("vip"))
NEEDS = tuple(Need(*each) for each in product(("billing", "orders"), ("en", "de"), (None, *TEAMS)))
# More than everybody has slots.
CONTACTS_OF_A_NEED = 5
_WAITS_THOUGH_SOMEBODY_IS_FREE = """
    SELECT contact_id FROM assignments
    JOIN representatives ON skills @> ARRAY[skill] AND languages @> ARRAY[language]
        AND queue_team IN ('', representatives.team_id)
    WHERE state = 'queued' AND active AND presence = 'available' AND load < capacity
"""
_WAITS_FOR_A_TEAM_WITHOUT_END = """
    SELECT contact_id FROM assignments
    WHERE state = 'queued' AND waits_for_team AND NOT EXISTS (
        SELECT FROM timers WHERE timers.contact_id = assignments.contact_id)
"""


class CheckedUnitOfWork(UnitOfWork):
    """Compares the pool with one that is read from the database, whenever it matches."""

    async def _load_pool(self) -> AvailabilityPool:
        pool = await super()._load_pool()
        stored = await self.representatives.changed_since(-1)
        expected = AvailabilityPool(self.policy, [*stored, *self.representatives.loaded()])
        assert self._give_everything(deepcopy(pool)) == self._give_everything(expected)
        return pool

    async def check_pool(self) -> None:
        await self.prelock(())
        await self._load_pool()

    def _give_everything(self, pool: AvailabilityPool) -> list[Decision]:
        contacts = [
            Assignment(
                ContactId(f"{need.wording} {n}"),
                state="seeking",
                since=self.now,
                skill=need.skill,
                language=need.language,
                team_id=need.team_id,
                waits_for_team=need.team_id is not None,
                waiting_since=self.now,
                preferred_id=PersonId(PEOPLE[n % len(PEOPLE)]),
            )
            for need, n in product(NEEDS, range(CONTACTS_OF_A_NEED))
        ]
        return list(match(contacts, pool, self.policy, at=self.now))


class StepError(Exception):
    """A transaction fails after it has matched and written."""


class Replicas:
    """Two processes on one database, and what happens in one of them."""

    def __init__(self, harnesses: list[RouterHarness]) -> None:
        self.harnesses = harnesses
        self.contacts: list[ContactId] = []

    async def take(self, replica: int, step: tuple[Any, ...]) -> None:
        name, *values = step
        await getattr(self, name)(self.harnesses[replica], *values)

    async def receive(self, harness: RouterHarness, needs: list[Need]) -> None:
        await harness.handle_events(*self._received(needs))

    async def receive_in_both(self, _harness: RouterHarness, needs: list[Need]) -> None:
        await asyncio.gather(
            *(each.handle_events(*self._received(needs)) for each in self.harnesses)
        )

    async def resolve(self, harness: RouterHarness, n: int) -> None:
        if event := self._about(ContactResolved, n):
            await harness.handle_events(event)

    async def erase(self, harness: RouterHarness, n: int) -> None:
        if event := self._about(ContactErased, n):
            await harness.handle_events(event)

    async def set_presence(self, harness: RouterHarness, name: str, presence: Presence) -> None:
        async with harness.database.transaction() as uow:
            await uow.prelock(())
            await handlers.set_presence(PersonId(name), presence, None, uow)

    async def change(
        self,
        harness: RouterHarness,
        name: str,
        capacity: int,
        skills: tuple[str, ...],
        team: TeamId,
    ) -> None:
        await harness.hire(
            name, capacity=capacity, skills=skills, languages=("de", "en"), team_id=team
        )

    async def adjust(
        self, harness: RouterHarness, name: str, capacity: int | None, skill: str
    ) -> None:
        async with harness.database.transaction() as uow:
            await uow.prelock(())
            entry = AdjustmentEntry(
                "today", uow.now + timedelta(minutes=1), capacity, added_skills=(skill,)
            )
            await use_cases.adjust(ADMIN, PersonId(name), entry, uow)

    async def fail(self, harness: RouterHarness, needs: list[Need], n: int) -> None:
        with pytest.raises(StepError):
            await self._do_much_and_fail(harness, needs, n)

    async def fail_in_part(
        self, harness: RouterHarness, needs: list[Need], n: int, commits: Literal["yes", "no"]
    ) -> None:
        """A request with two units of work, of which the second fails or the whole does."""
        async with harness.database.share_transaction() as shared:
            async with harness.database.transaction() as uow:
                await self._do_much(uow, needs, n)
            with pytest.raises(StepError):
                await self._do_much_and_fail(harness, needs, n + 1)
            async with harness.database.transaction() as uow:
                await self._do_much(uow, needs, n + 2)
            if commits == "yes":
                await shared.commit()

    async def let_time_pass(self, harness: RouterHarness, seconds: int) -> None:
        await harness.advance_time(seconds)
        for each in self.harnesses:
            each.database.clock.offset = harness.database.clock.offset

    async def _do_much_and_fail(self, harness: RouterHarness, needs: list[Need], n: int) -> None:
        async with harness.database.transaction() as uow:
            await self._do_much(uow, needs, n)
            raise StepError

    async def _do_much(self, uow: UnitOfWork, needs: list[Need], n: int) -> None:
        await uow.prelock(self.contacts)
        for event in self._received(needs):
            await handlers.receive(event, uow)
        if event := self._about(ContactResolved, n):
            await handlers.resolve(event, uow)
        await handlers.set_presence(PersonId("tom"), "away", str(n), uow)
        await uow.flush()

    def _received(self, needs: list[Need]) -> list[Any]:
        at = self.harnesses[0].database.clock.utc_now()
        events = [
            received(
                topic_of_contact=need.skill,
                language=need.language,
                team=need.team_id,
                occurred_at=at,
            )
            for need in needs
        ]
        self.contacts += [event.contact_id for event in events]
        return events

    def _about(self, kind: type[ContactResolved | ContactErased], n: int) -> Any:
        if not self.contacts:
            return None
        contact_id = self.contacts[n % len(self.contacts)]
        return kind(contact_id=contact_id, occurred_at=LATER)


needs = st.lists(st.sampled_from(NEEDS), min_size=1, max_size=4)
names = st.sampled_from(PEOPLE)
numbers = st.integers(0, 20)
steps = st.one_of(
    st.tuples(st.just("receive"), needs),
    st.tuples(st.just("receive_in_both"), needs),
    st.tuples(st.just("resolve"), numbers),
    st.tuples(st.just("erase"), numbers),
    st.tuples(st.just("set_presence"), names, st.sampled_from(["available", "away", "offline"])),
    st.tuples(
        st.just("change"),
        names,
        st.integers(1, 3),
        st.sampled_from([("billing",), ("orders",), ("billing", "orders")]),
        st.sampled_from(TEAMS),
    ),
    st.tuples(
        st.just("adjust"),
        names,
        st.none() | st.integers(1, 4),
        st.sampled_from(["billing", "chat"]),
    ),
    st.tuples(st.just("fail"), needs, numbers),
    st.tuples(st.just("fail_in_part"), needs, numbers, st.sampled_from(["yes", "no"])),
    st.tuples(st.just("let_time_pass"), st.sampled_from([1, 30, 90])),
)


async def open_replicas(engine: Engine) -> Replicas:
    """Forget what was before, and hire everybody."""
    harnesses = []
    for _ in range(2):
        unit_of_work = partial(CheckedUnitOfWork, pool_cache=PoolCache())
        database = Database[UnitOfWork](engine, unit_of_work, SteppedClock())
        dispatcher = make_dispatcher(database, handlers.SUBSCRIPTIONS)
        harnesses.append(RouterHarness(database, dispatcher))
    async with harnesses[0].database.transaction() as uow:
        for table in (
            "timers",
            "assignments",
            "adjustments",
            "representatives",
            "entry_versions",
            "people",
        ):
            await uow.connection.execute(text(f"DELETE FROM {table}"))
    for name in PEOPLE:
        await harnesses[0].hire(name, capacity=2, skills=("billing", "orders"))
    return Replicas(harnesses)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 1), steps), min_size=4, max_size=25))
async def test_pool_is_right_after_any_changes_in_two_replicas(
    database: Database[UnitOfWork], steps: list[tuple[int, tuple[Any, ...]]]
) -> None:
    replicas = await open_replicas(database.engine)

    for replica, step in steps:
        await replicas.take(replica, step)

    for harness in replicas.harnesses:
        async with harness.database.transaction() as uow:
            assert isinstance(uow, CheckedUnitOfWork)
            await uow.check_pool()
    # A lowered capacity may be below the load.
    assert not await replicas.harnesses[0].rows(
        "SELECT representative_id FROM representatives"
        " LEFT JOIN assignments USING (representative_id)"
        " GROUP BY representative_id HAVING load <> count(contact_id)"
    )
    assert not await replicas.harnesses[0].rows(_WAITS_THOUGH_SOMEBODY_IS_FREE)
    assert not await replicas.harnesses[0].rows(_WAITS_FOR_A_TEAM_WITHOUT_END)


async def test_representative_changed_by_hand_gets_nothing(
    harness: RouterHarness, database: Database[UnitOfWork]
) -> None:
    """Or a fail-over has lost a change that this process remembers."""
    await harness.hire("rita", capacity=3)
    await harness.handle_events(received())
    async with database.transaction() as uow:
        await uow.connection.execute(text("UPDATE representatives SET presence = 'away'"))
    contact = received()

    with pytest.raises(TransientError):
        await harness.handle_events(contact)
    await harness.handle_events(contact)

    assert (await harness.assignment(contact.contact_id)).state == "queued"


async def test_change_by_hand_is_seen_within_a_minute(
    harness: RouterHarness, database: Database[UnitOfWork]
) -> None:
    await harness.hire("rita", presence="away")
    await harness.handle_events(received())
    async with database.transaction() as uow:
        await uow.connection.execute(text("UPDATE representatives SET presence = 'available'"))
    contact = received()

    await harness.advance_time(MAX_AGE.total_seconds())
    await harness.handle_events(contact)

    assert (await harness.assignment(contact.contact_id)).representative_id == "rita"

"""No queued contact is forgotten: a plain model, which looks at everybody, has nothing to give."""

from datetime import datetime
from itertools import product
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from common.contracts.contacts import (
    ContactAbandoned,
    ContactPrioritized,
    ContactReopened,
    ContactResolved,
)
from common.contracts.escalations import EscalationHandedBack, EscalationTakenOver
from common.contracts.event import ContactId, EscalationId, PersonId
from common.contracts.people import Presence
from integration.router.conftest import RouterHarness
from integration.router.examples import accept, complete, decline, received
from router import handlers
from router.domain.routing.strategies import ABSENCE_GRACE, TEAM_WAIT
from unit.router.plain_matching import match_plainly

PEOPLE = ("rita", "sam", "tom")
NEEDS = tuple(product(("billing", "orders"), ("en", "de"), (None, "vip", "nobody")))
MIA = PersonId("mia")
_TABLES = ("timers", "assignments", "adjustments", "representatives", "entry_versions", "people")


class Centre:
    """What happens to contacts and representatives, each in a transaction of its own."""

    def __init__(self, harness: RouterHarness) -> None:
        self.harness = harness
        self.contacts: list[ContactId] = []

    @property
    def at(self) -> datetime:
        return self.harness.database.clock.utc_now()

    async def open(self) -> None:
        """Forget what was before, and hire everybody."""
        async with self.harness.database.transaction() as uow:
            for table in _TABLES:
                await uow.connection.execute(text(f"DELETE FROM {table}"))
        for name, team in zip(PEOPLE, ("front", "vip", "vip"), strict=True):
            await self.harness.hire(
                name, skills=("billing", "orders"), team_id=team, auto_accept=name != "tom"
            )

    async def receive(self, needs: list[tuple[str, str, str | None]], priority: str) -> None:
        events = [
            received(
                topic_of_contact=skill,
                language=language,
                team=team,
                priority=priority,
                occurred_at=self.at,
            )
            for skill, language, team in needs
        ]
        self.contacts += [event.contact_id for event in events]
        await self.harness.handle_events(*events)

    async def end(self, n: int, kind: type[ContactResolved | ContactAbandoned]) -> None:
        await self._handle(kind, n)

    async def reopen(self, n: int) -> None:
        await self._handle(ContactReopened, n, reason="again")

    async def prioritize(self, n: int, priority: str) -> None:
        await self._handle(ContactPrioritized, n, priority=priority, reason="asked")

    async def take_over(self, n: int) -> None:
        await self._handle(EscalationTakenOver, n, escalation_id=EscalationId("e1"), by=MIA)

    async def hand_back(self, n: int) -> None:
        about = {"escalation_id": EscalationId("e1"), "by": MIA, "guidance": "Do it so."}
        await self._handle(EscalationHandedBack, n, **about)

    async def answer(self, n: int, answer: str) -> None:
        """Let the representative do what the state of the contact allows."""
        if not self.contacts:
            return
        contact_id = self._contact(n)
        assignment = await self.harness.assignment(contact_id)
        if assignment.state == "offered" and assignment.representative_id:
            if answer == "yes":
                await accept(self.harness, contact_id, assignment.representative_id)
            else:
                await decline(self.harness, contact_id)
        elif assignment.state == "assigned" and answer == "yes":
            await complete(self.harness, contact_id)
        elif assignment.state == "assigned":
            async with self.harness.database.transaction() as uow:
                await uow.prelock([contact_id])
                await handlers.release(contact_id, None, "elsewhere", uow)

    async def set_presence(self, name: str, presence: Presence) -> None:
        async with self.harness.database.transaction() as uow:
            await uow.prelock(())
            await handlers.set_presence(PersonId(name), presence, None, uow)

    async def change(self, name: str, **changes: Any) -> None:
        await self.harness.hire(name, **changes)

    async def let_time_pass(self, seconds: float) -> None:
        await self.harness.advance_time(seconds)

    async def assert_nobody_is_forgotten(self) -> None:
        async with self.harness.database.transaction() as uow:
            people = await uow.representatives.changed_since(-1)
            queued = await uow.assignments.list_before(
                None, 1000, states=["queued"], representative_id=None
            )
        staff = {person.representative_id: person for person in people}
        holders = match_plainly(queued, staff, at=self.at)
        forgotten = [contact for contact in queued if holders[contact.contact_id]]
        assert not forgotten, [holders[contact.contact_id] for contact in forgotten]

    def _contact(self, n: int) -> ContactId:
        return self.contacts[n % len(self.contacts)]

    async def _handle(self, kind: type[Any], n: int, **fields: Any) -> None:
        if self.contacts:
            event = kind(contact_id=self._contact(n), occurred_at=self.at, **fields)
            await self.harness.handle_events(event)


names = st.sampled_from(PEOPLE)
numbers = st.integers(0, 4)
priorities = st.sampled_from(("low", "normal", "urgent"))
presences = st.sampled_from(("available", "away", "offline"))


def step(name: str, /, **values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.just(name), st.fixed_dictionaries(values))


steps = st.one_of(
    step(
        "receive",
        needs=st.lists(st.sampled_from(NEEDS), min_size=1, max_size=3),
        priority=priorities,
    ),
    step("end", n=numbers, kind=st.sampled_from((ContactResolved, ContactAbandoned))),
    step("reopen", n=numbers),
    step("prioritize", n=numbers, priority=priorities),
    step("take_over", n=numbers),
    step("hand_back", n=numbers),
    step("answer", n=numbers, answer=st.sampled_from(("yes", "no"))),
    step("set_presence", name=names, presence=presences),
    step(
        "change",
        name=names,
        capacity=st.integers(1, 3),
        auto_accept=st.booleans(),
        active=st.booleans(),
        presence=presences,
        skills=st.sampled_from((("billing",), ("orders",), ("billing", "orders"))),
        languages=st.sampled_from((("en",), ("de", "en"))),
        team_id=st.sampled_from(("front", "vip")),
    ),
    step(
        "let_time_pass",
        seconds=st.sampled_from(
            (1, 31, TEAM_WAIT.total_seconds() + 1, ABSENCE_GRACE.total_seconds() + 1)
        ),
    ),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(steps, min_size=4, max_size=25))
async def test_no_queued_contact_is_forgotten_whatever_happens(
    harness: RouterHarness, steps: list[tuple[str, dict[str, Any]]]
) -> None:
    centre = Centre(harness)
    await centre.open()

    for name, values in steps:
        await getattr(centre, name)(**values)
        await centre.assert_nobody_is_forgotten()

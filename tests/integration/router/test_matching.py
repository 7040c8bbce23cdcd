"""Contacts meet representatives on a real database, whoever comes first and however many."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from common.contracts.contacts import ContactReopened, ContactResolved
from common.contracts.escalations import (
    EscalationHandedBack,
    EscalationResolved,
    EscalationTakenOver,
)
from common.contracts.event import ContactId, EscalationId, PersonId
from common.database import Database
from common.ids import new_id
from integration.router.conftest import Floor, received
from integration.router.examples import LATER, complete
from router import handlers
from router.domain.assignments import ROUND
from router.store import UnitOfWork

_SOMEBODY_WAITS_TO_MATCH = (
    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


async def decline(floor: Floor, contact_id: ContactId) -> None:
    async with floor.database.transaction() as uow:
        await uow.hold([contact_id])
        await handlers.decline(contact_id, None, "busy", uow)


async def assert_nothing_is_out_of_step(floor: Floor) -> None:
    """Every load is what its representative holds, and within its capacity."""
    wrong = await floor.rows(
        "SELECT representative_id, load, capacity, count(contact_id) AS held"
        " FROM representatives LEFT JOIN assignments USING (representative_id)"
        " GROUP BY representative_id HAVING load <> count(contact_id) OR load > capacity"
    )
    assert wrong == []


async def test_a_contact_goes_to_a_free_representative_at_once(floor: Floor) -> None:
    await floor.hire("rita")
    contact = received()

    (event_id,) = await floor.tell(contact)

    assignment = await floor.assignment(contact.contact_id)
    assert (assignment.state, assignment.representative_id) == ("assigned", "rita")
    (row,) = await floor.rows("SELECT type, cause, data FROM journal")
    assert (row.type, row.cause) == ("upstairs.contact_assigned.v1", event_id)
    await assert_nothing_is_out_of_step(floor)


async def test_whoever_comes_takes_what_waits_most_urgent_first(floor: Floor) -> None:
    early = received()
    late = received(occurred_at=LATER)
    urgent = received(occurred_at=LATER, priority="urgent")
    german = received(language="de", priority="urgent")
    await floor.tell(early, late, urgent, german)

    await floor.hire("rita", capacity=2)

    states = [
        (await floor.assignment(one.contact_id)).state for one in (early, late, urgent, german)
    ]
    assert states == ["assigned", "queued", "assigned", "queued"]
    assert await floor.published(late.contact_id) == ["ContactQueued"]
    await assert_nothing_is_out_of_step(floor)


async def test_who_completes_takes_the_next(floor: Floor) -> None:
    await floor.hire("rita")
    first, second = received(), received(occurred_at=LATER)
    await floor.tell(first, second)

    await complete(floor, first.contact_id)

    assert (await floor.assignment(second.contact_id)).representative_id == "rita"
    assert (await floor.assignment(first.contact_id)).state == "completed"
    await assert_nothing_is_out_of_step(floor)


async def test_a_batch_larger_than_the_floor_fills_it_exactly(floor: Floor) -> None:
    for n in range(10):
        await floor.hire(f"r{n}", capacity=3)

    await floor.tell(*(received() for _ in range(50)))

    counted = await floor.rows("SELECT state, count(*) FROM assignments GROUP BY state ORDER BY 1")
    assert [tuple(row) for row in counted] == [("assigned", 30), ("queued", 20)]
    await assert_nothing_is_out_of_step(floor)


async def test_each_decision_of_a_batch_names_the_event_it_comes_from(floor: Floor) -> None:
    await floor.hire("rita")
    first, second = received(), received(occurred_at=LATER)
    told = await floor.tell(first, second)

    resolved = ContactResolved(contact_id=first.contact_id, occurred_at=LATER)
    told += await floor.tell(resolved, received(language="de"))

    rows = await floor.rows("SELECT contact_id::text, type, cause FROM journal ORDER BY at, type")
    causes = {(row.contact_id, row.type.split(".")[1]): row.cause for row in rows}
    assert causes[first.contact_id, "contact_assigned"] == told[0]
    assert causes[second.contact_id, "contact_queued"] == told[1]
    # It was the end of the first that gave the second its place.
    assert causes[second.contact_id, "contact_assigned"] == told[2]


async def test_two_replicas_never_give_one_place_away_twice(floor: Floor) -> None:
    for n in range(5):
        await floor.hire(f"r{n}", capacity=2)

    await asyncio.gather(*(floor.tell(*(received() for _ in range(4))) for _ in range(6)))

    counted = await floor.rows("SELECT state, count(*) FROM assignments GROUP BY state ORDER BY 1")
    assert [tuple(row) for row in counted] == [("assigned", 10), ("queued", 14)]
    await assert_nothing_is_out_of_step(floor)


async def test_a_contact_and_a_place_that_come_at_the_same_time_meet(
    floor: Floor, database: Database[UnitOfWork]
) -> None:
    await floor.hire("rita")
    first, second = received(), received()
    await floor.tell(first)

    async with database.transaction() as uow:
        await uow.hold([first.contact_id])
        await handlers.complete(first.contact_id, None, uow)
        await uow.match()
        # The place is free, which nobody else can see yet, and nobody was found to wait for it.
        telling = asyncio.create_task(floor.tell(second))  # noqa: TID251 - a test has no group
        while not (telling.done() or await floor.rows(_SOMEBODY_WAITS_TO_MATCH)):
            continue
    await telling

    assert (await floor.assignment(second.contact_id)).representative_id == "rita"


async def test_an_event_told_twice_is_handled_once(floor: Floor) -> None:
    await floor.hire("rita", capacity=2)
    contact = received()

    await floor.tell(contact)
    await floor.tell(contact)

    assert await floor.published(contact.contact_id) == ["ContactAssigned"]
    await assert_nothing_is_out_of_step(floor)


async def test_an_offer_nobody_answers_goes_on_and_comes_round_again(floor: Floor) -> None:
    await floor.hire("rita", auto_accept=False, offer_s=20)
    contact = received()
    await floor.tell(contact)
    assert (await floor.assignment(contact.contact_id)).state == "offered"

    await floor.after(seconds=20)

    waits = await floor.assignment(contact.contact_id)
    assert (waits.state, waits.passed) == ("queued", ("rita",))
    assert (await floor.person("rita")).presence == "available"

    await floor.after(seconds=int(ROUND.total_seconds()))

    again = await floor.assignment(contact.contact_id)
    assert (again.state, again.representative_id, again.offer) == ("offered", "rita", 2)
    assert await floor.published(contact.contact_id) == [
        "ContactOffered",
        "OfferExpired",
        "ContactQueued",
        "ContactOffered",
    ]
    await assert_nothing_is_out_of_step(floor)


async def test_an_offer_that_is_answered_has_no_timer_left(floor: Floor) -> None:
    await floor.hire("rita", auto_accept=False)
    contact = received()
    await floor.tell(contact)

    async with floor.database.transaction() as uow:
        await uow.hold([contact.contact_id])
        await handlers.accept(contact.contact_id, PersonId("rita"), uow)

    assert await floor.rows("SELECT 1 FROM timers") == []
    assert (await floor.assignment(contact.contact_id)).state == "assigned"


async def test_what_one_let_pass_does_not_hide_what_stands_behind(floor: Floor) -> None:
    await floor.hire("rita", auto_accept=False)
    first, second, third = (received(occurred_at=LATER + n * ROUND) for n in range(3))
    await floor.tell(first)
    await decline(floor, first.contact_id)
    await floor.tell(second)
    await floor.tell(third)

    await decline(floor, second.contact_id)

    # Two who wait longer are not for rita in this round, and she has one place.
    assert (await floor.assignment(third.contact_id)).representative_id == "rita"
    assert (await floor.assignment(first.contact_id)).state == "queued"


async def test_who_leaves_the_queue_in_the_same_batch_does_not_use_up_a_place(
    floor: Floor,
) -> None:
    await floor.hire("rita")
    at_work, leaving, waiting = received(), received(), received(occurred_at=LATER)
    await floor.tell(at_work)
    await floor.tell(leaving, waiting)

    await floor.tell(
        *(
            ContactResolved(contact_id=one.contact_id, occurred_at=LATER)
            for one in (leaving, at_work)
        )
    )

    assert (await floor.assignment(waiting.contact_id)).representative_id == "rita"
    assert await floor.published(leaving.contact_id) == ["ContactQueued", "AssignmentCompleted"]
    await assert_nothing_is_out_of_step(floor)


async def test_upstairs_and_back_again(floor: Floor) -> None:
    await floor.hire("rita")
    contact, other = received(), received(occurred_at=LATER)
    await floor.tell(contact, other)
    escalation = {"contact_id": contact.contact_id, "escalation_id": EscalationId(new_id())}

    await floor.tell(EscalationTakenOver(**escalation, occurred_at=LATER, by=PersonId("mia")))

    assert (await floor.assignment(contact.contact_id)).state == "with_supervisor"
    assert (await floor.assignment(other.contact_id)).representative_id == "rita"
    await complete(floor, other.contact_id)
    await floor.hire("idle-longer")

    await floor.tell(
        EscalationHandedBack(
            **escalation, occurred_at=LATER, by=PersonId("mia"), guidance="Refund it."
        )
    )

    assert (await floor.assignment(contact.contact_id)).representative_id == "rita"
    assert await floor.published(contact.contact_id) == [
        "ContactAssigned",
        "AssignmentReleased",
        "ContactAssigned",
    ]
    await assert_nothing_is_out_of_step(floor)


async def test_what_was_taken_over_before_it_was_received_is_never_queued(floor: Floor) -> None:
    await floor.hire("rita")
    contact = received()

    await floor.tell(
        EscalationTakenOver(
            contact_id=contact.contact_id,
            occurred_at=LATER,
            escalation_id=EscalationId(new_id()),
            by=PersonId("mia"),
        )
    )
    await floor.tell(contact)

    assert (await floor.assignment(contact.contact_id)).state == "with_supervisor"
    assert await floor.published(contact.contact_id) == []


async def test_a_reopened_contact_goes_back_to_whoever_had_it(floor: Floor) -> None:
    await floor.hire("rita", capacity=2)
    contact = received()
    await floor.tell(contact)
    await floor.hire("sam", capacity=2)
    await floor.tell(ContactResolved(contact_id=contact.contact_id, occurred_at=LATER))

    await floor.tell(
        ContactReopened(contact_id=contact.contact_id, occurred_at=LATER, reason="Not paid.")
    )

    assert (await floor.assignment(contact.contact_id)).representative_id == "rita"


async def test_a_capacity_below_the_load_gives_no_more_until_there_is_room(floor: Floor) -> None:
    await floor.hire("rita", capacity=2)
    first, second, third = received(), received(), received(occurred_at=LATER)
    await floor.tell(first, second)

    await floor.hire("rita", capacity=1)
    await floor.tell(third)
    await complete(floor, first.contact_id)
    assert (await floor.assignment(third.contact_id)).state == "queued"
    await complete(floor, second.contact_id)

    assert (await floor.assignment(third.contact_id)).representative_id == "rita"
    assert (await floor.person("rita")).load_limit == 1


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE representatives SET load = load + 1",
        "UPDATE representatives SET load = -1",
        "UPDATE assignments SET state = 'seeking'",
        "UPDATE assignments SET state = 'queued'",
        "UPDATE assignments SET representative_id = NULL",
        "UPDATE assignments SET representative_id = 'nobody'",
        "UPDATE assignments SET skill = NULL",
    ],
)
async def test_the_database_refuses_what_must_never_be(
    floor: Floor, database: Database[UnitOfWork], wrong: str
) -> None:
    await floor.hire("rita")
    await floor.tell(received())

    with pytest.raises(IntegrityError):
        async with database.transaction() as uow:
            await uow.connection.execute(text(wrong))


async def test_what_is_settled_upstairs_stays_there_until_its_resolution_comes(
    floor: Floor,
) -> None:
    await floor.hire("rita")
    contact = received()
    escalation = {"contact_id": contact.contact_id, "escalation_id": EscalationId(new_id())}
    await floor.tell(contact)
    await floor.tell(EscalationTakenOver(**escalation, occurred_at=LATER, by=PersonId("mia")))
    done = {"by": PersonId("mia"), "outcome": "refund", "note": "all of it"}

    await floor.tell(EscalationResolved(**escalation, occurred_at=LATER, **done))

    assignment = await floor.assignment(contact.contact_id)
    assert (assignment.state, assignment.supervisor_id) == ("with_supervisor", "mia")
    await floor.tell(ContactResolved(contact_id=contact.contact_id, occurred_at=LATER))
    assignment = await floor.assignment(contact.contact_id)
    assert (assignment.state, assignment.supervisor_id) == ("completed", None)

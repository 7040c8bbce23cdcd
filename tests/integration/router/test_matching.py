"""Matching of contacts and representatives on a real database."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from common.contracts.contacts import (
    ContactReopened,
    ContactResolved,
)
from common.contracts.escalations import (
    EscalationHandedBack,
    EscalationResolved,
    EscalationTakenOver,
)
from common.contracts.event import EscalationId, PersonId
from common.core.ids import new_id
from common.storage.connection import IntegrityError
from common.storage.database import Database
from integration.router.conftest import RouterHarness
from integration.router.examples import (
    LATER,
    accept,
    assert_loads_are_consistent,
    complete,
    decline,
    received,
)
from router import handlers
from router.domain.routing.strategies import EXCLUSION
from router.store import UnitOfWork

_TRANSACTION_WAITS_TO_MATCH = (
    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event = 'advisory'"
    " AND datname = current_database()"
)


async def test_contact_goes_to_an_available_representative_at_once(harness: RouterHarness) -> None:
    await harness.hire("rita")
    contact = received()

    (event_id,) = await harness.handle_events(contact)

    assignment = await harness.assignment(contact.contact_id)
    assert (assignment.state, assignment.representative_id) == ("assigned", "rita")
    (row,) = await harness.rows(
        "SELECT type, cause, data FROM published_events WHERE topic = 'assignments'"
    )
    assert (row.type, row.cause) == ("upstairs.contact_assigned.v1", event_id)
    await assert_loads_are_consistent(harness)


async def test_new_representative_gets_the_most_urgent_waiting_contacts(
    harness: RouterHarness,
) -> None:
    early = received()
    late = received(occurred_at=LATER)
    urgent = received(occurred_at=LATER, priority="urgent")
    german = received(topic_of_contact="orders", language="de", priority="urgent")
    await harness.handle_events(early, late, urgent, german)

    await harness.hire("rita", capacity=2)

    states = [
        (await harness.assignment(contact.contact_id)).state
        for contact in (early, late, urgent, german)
    ]
    assert states == ["assigned", "queued", "assigned", "queued"]
    assert await harness.published(late.contact_id) == ["ContactUnserved", "ContactQueued"]
    await assert_loads_are_consistent(harness)


async def test_completion_gives_the_slot_to_the_next_contact(harness: RouterHarness) -> None:
    await harness.hire("rita")
    first, second = received(), received(occurred_at=LATER)
    await harness.handle_events(first, second)

    await complete(harness, first.contact_id)

    assert (await harness.assignment(second.contact_id)).representative_id == "rita"
    assert (await harness.assignment(first.contact_id)).state == "completed"
    await assert_loads_are_consistent(harness)


async def test_batch_above_the_capacity_fills_every_slot(harness: RouterHarness) -> None:
    for n in range(10):
        await harness.hire(f"r{n}", capacity=3)

    await harness.handle_events(*(received() for _ in range(50)))

    counted = await harness.rows(
        "SELECT state, count(*) FROM assignments GROUP BY state ORDER BY 1"
    )
    assert [tuple(row) for row in counted] == [("assigned", 30), ("queued", 20)]
    await assert_loads_are_consistent(harness)


async def test_decisions_of_a_batch_name_the_event_that_caused_them(harness: RouterHarness) -> None:
    await harness.hire("rita")
    first, second = received(), received(occurred_at=LATER)
    event_ids = await harness.handle_events(first, second)

    resolved = ContactResolved(contact_id=first.contact_id, occurred_at=LATER)
    event_ids += await harness.handle_events(
        resolved, received(topic_of_contact="orders", language="de")
    )

    rows = await harness.rows("SELECT key, type, cause FROM published_events ORDER BY id")
    causes = {(row.key, row.type.split(".")[1]): row.cause for row in rows}
    assert causes[first.contact_id, "contact_assigned"] == event_ids[0]
    assert causes[second.contact_id, "contact_queued"] == event_ids[1]
    # The end of the first contact gave its slot to the second.
    assert causes[second.contact_id, "contact_assigned"] == event_ids[2]


async def test_two_replicas_never_give_the_same_slot_twice(harness: RouterHarness) -> None:
    for n in range(5):
        await harness.hire(f"r{n}", capacity=2)

    await asyncio.gather(
        *(harness.handle_events(*(received() for _ in range(4))) for _ in range(6))
    )

    counted = await harness.rows(
        "SELECT state, count(*) FROM assignments GROUP BY state ORDER BY 1"
    )
    assert [tuple(row) for row in counted] == [("assigned", 10), ("queued", 14)]
    await assert_loads_are_consistent(harness)


async def test_contact_and_slot_of_concurrent_transactions_are_matched(
    harness: RouterHarness, database: Database[UnitOfWork]
) -> None:
    await harness.hire("rita")
    first, second = received(), received()
    await harness.handle_events(first)

    async with database.transaction() as uow:
        await uow.prelock([first.contact_id])
        await handlers.complete(first.contact_id, None, uow)
        await uow.match()
        # The slot is free; no other transaction sees that yet, and no contact waited for it.
        telling = asyncio.create_task(harness.handle_events(second))  # noqa: TID251 - a test has no group
        while not (telling.done() or await harness.rows(_TRANSACTION_WAITS_TO_MATCH)):
            continue
    await telling

    assert (await harness.assignment(second.contact_id)).representative_id == "rita"


async def test_event_delivered_twice_is_handled_once(harness: RouterHarness) -> None:
    await harness.hire("rita", capacity=2)
    contact = received()

    await harness.handle_events(contact)
    await harness.handle_events(contact)

    assert await harness.published(contact.contact_id) == ["ContactAssigned"]
    await assert_loads_are_consistent(harness)


async def test_unanswered_offer_expires_and_is_offered_again_after_the_exclusion(
    harness: RouterHarness,
) -> None:
    await harness.hire("rita", auto_accept=False, offer_s=20)
    contact = received()
    await harness.handle_events(contact)
    assert (await harness.assignment(contact.contact_id)).state == "offered"

    await harness.advance_time(seconds=20)

    waits = await harness.assignment(contact.contact_id)
    assert (waits.state, waits.declined_by) == ("queued", ("rita",))
    assert (await harness.person("rita")).presence == "available"

    await harness.advance_time(seconds=int(EXCLUSION.total_seconds()))

    again = await harness.assignment(contact.contact_id)
    assert (again.state, again.representative_id, again.offer) == ("offered", "rita", 2)
    assert await harness.published(contact.contact_id) == [
        "ContactOffered",
        "OfferExpired",
        "ContactQueued",
        "ContactOffered",
    ]
    await assert_loads_are_consistent(harness)


async def test_answered_offer_has_no_timer(harness: RouterHarness) -> None:
    await harness.hire("rita", auto_accept=False)
    contact = received()
    await harness.handle_events(contact)

    await accept(harness, contact.contact_id, "rita")

    assert await harness.rows("SELECT 1 FROM timers") == []
    assert (await harness.assignment(contact.contact_id)).state == "assigned"


async def test_declined_contacts_do_not_hide_the_contacts_behind_them(
    harness: RouterHarness,
) -> None:
    await harness.hire("rita", auto_accept=False)
    first, second, third = (received(occurred_at=LATER + n * EXCLUSION) for n in range(3))
    await harness.handle_events(first)
    await decline(harness, first.contact_id)
    await harness.handle_events(second)
    await harness.handle_events(third)

    await decline(harness, second.contact_id)

    # Rita declined the two contacts that wait longer, and she has one slot.
    assert (await harness.assignment(third.contact_id)).representative_id == "rita"
    assert (await harness.assignment(first.contact_id)).state == "queued"


async def test_contact_resolved_in_the_same_batch_takes_no_slot(
    harness: RouterHarness,
) -> None:
    await harness.hire("rita")
    at_work, leaving, waiting = received(), received(), received(occurred_at=LATER)
    await harness.handle_events(at_work)
    await harness.handle_events(leaving, waiting)

    await harness.handle_events(
        *(
            ContactResolved(contact_id=contact.contact_id, occurred_at=LATER)
            for contact in (leaving, at_work)
        )
    )

    assert (await harness.assignment(waiting.contact_id)).representative_id == "rita"
    assert await harness.published(leaving.contact_id) == ["ContactQueued", "AssignmentCompleted"]
    await assert_loads_are_consistent(harness)


async def test_contact_taken_over_and_handed_back_returns_to_its_representative(
    harness: RouterHarness,
) -> None:
    await harness.hire("rita")
    contact, other = received(), received(occurred_at=LATER)
    await harness.handle_events(contact, other)
    escalation: dict[str, Any] = {
        "contact_id": contact.contact_id,
        "escalation_id": EscalationId(new_id()),
    }

    await harness.handle_events(
        EscalationTakenOver(**escalation, occurred_at=LATER, by=PersonId("mia"))
    )

    assert (await harness.assignment(contact.contact_id)).state == "with_supervisor"
    assert (await harness.assignment(other.contact_id)).representative_id == "rita"
    await complete(harness, other.contact_id)
    await harness.hire("idle-longer")

    await harness.handle_events(
        EscalationHandedBack(
            **escalation, occurred_at=LATER, by=PersonId("mia"), guidance="Refund it."
        )
    )

    assert (await harness.assignment(contact.contact_id)).representative_id == "rita"
    assert await harness.published(contact.contact_id) == [
        "ContactAssigned",
        "AssignmentReleased",
        "ContactAssigned",
    ]
    await assert_loads_are_consistent(harness)


async def test_contact_taken_over_before_it_was_received_is_never_queued(
    harness: RouterHarness,
) -> None:
    await harness.hire("rita")
    contact = received()

    await harness.handle_events(
        EscalationTakenOver(
            contact_id=contact.contact_id,
            occurred_at=LATER,
            escalation_id=EscalationId(new_id()),
            by=PersonId("mia"),
        )
    )
    await harness.handle_events(contact)

    assert (await harness.assignment(contact.contact_id)).state == "with_supervisor"
    assert await harness.published(contact.contact_id) == []


async def test_reopened_contact_goes_back_to_its_representative(harness: RouterHarness) -> None:
    await harness.hire("rita", capacity=2)
    contact = received()
    await harness.handle_events(contact)
    await harness.hire("sam", capacity=2)
    await harness.handle_events(ContactResolved(contact_id=contact.contact_id, occurred_at=LATER))

    await harness.handle_events(
        ContactReopened(contact_id=contact.contact_id, occurred_at=LATER, reason="Not paid.")
    )

    assert (await harness.assignment(contact.contact_id)).representative_id == "rita"


async def test_capacity_below_the_load_gives_no_contact_until_a_slot_is_free(
    harness: RouterHarness,
) -> None:
    await harness.hire("rita", capacity=2)
    first, second, third = received(), received(), received(occurred_at=LATER)
    await harness.handle_events(first, second)

    await harness.hire("rita", capacity=1)
    await harness.handle_events(third)
    await complete(harness, first.contact_id)
    assert (await harness.assignment(third.contact_id)).state == "queued"
    await complete(harness, second.contact_id)

    assert (await harness.assignment(third.contact_id)).representative_id == "rita"
    assert (await harness.person("rita")).load_limit == 1


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
async def test_database_refuses_impossible_rows(
    harness: RouterHarness, database: Database[UnitOfWork], wrong: str
) -> None:
    await harness.hire("rita")
    await harness.handle_events(received())

    with pytest.raises(IntegrityError):
        async with database.transaction() as uow:
            await uow.connection.execute(text(wrong))


async def test_resolved_escalation_keeps_the_contact_until_its_resolution_comes(
    harness: RouterHarness,
) -> None:
    await harness.hire("rita")
    contact = received()
    escalation: dict[str, Any] = {
        "contact_id": contact.contact_id,
        "escalation_id": EscalationId(new_id()),
    }
    await harness.handle_events(contact)
    await harness.handle_events(
        EscalationTakenOver(**escalation, occurred_at=LATER, by=PersonId("mia"))
    )
    done: dict[str, Any] = {"by": PersonId("mia"), "outcome": "refund", "note": "all of it"}

    await harness.handle_events(
        EscalationResolved(**escalation, occurred_at=LATER, level=1, **done)
    )

    assignment = await harness.assignment(contact.contact_id)
    assert (assignment.state, assignment.supervisor_id) == ("with_supervisor", "mia")
    await harness.handle_events(ContactResolved(contact_id=contact.contact_id, occurred_at=LATER))
    assignment = await harness.assignment(contact.contact_id)
    assert (assignment.state, assignment.supervisor_id) == ("completed", None)

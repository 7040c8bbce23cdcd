"""A changed priority changes the place in the queue, and nothing for the holder."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from common.contracts.contacts import ContactPrioritized
from common.contracts.event import ContactId
from router.domain import actions, reactions
from router.domain.assignments import Decision, State
from router.domain.routing.matching import match
from router.domain.routing.pool import AvailabilityPool
from router.domain.routing.strategies import RoutingPolicy
from unit.router.examples import C1, HOLDER, NOW, RESOLVED, assignment, only

URGENT = ContactPrioritized(contact_id=C1, occurred_at=NOW, priority="urgent", reason="medicine")


def test_urgent_contact_is_matched_before_longer_waiting_one() -> None:
    longer = replace(
        assignment("queued"), contact_id=ContactId("c2"), waiting_since=NOW - timedelta(hours=1)
    )
    available = replace(HOLDER, capacity=HOLDER.load + 1)

    urgent = only(reactions.prioritize(assignment("queued"), URGENT))

    pool = AvailabilityPool(RoutingPolicy(), [available])
    (assigned_first,) = match([longer, urgent], pool, RoutingPolicy(), at=NOW)
    assert only(assigned_first).contact_id == C1
    assert urgent.waiting_since == assignment("queued").waiting_since


@pytest.mark.parametrize("state", ["offered", "assigned", "with_supervisor", "completed"])
def test_contact_with_a_holder_stays_and_is_urgent_when_it_waits_again(state: State) -> None:
    decision = reactions.prioritize(assignment(state), URGENT)

    assert decision == Decision((assignment(state, priority_rank=3),))


def test_same_priority_or_unknown_contact_changes_nothing() -> None:
    assert reactions.prioritize(assignment("queued", priority_rank=3), URGENT) == Decision()
    assert reactions.prioritize(None, URGENT) == Decision()


def test_released_contact_waits_by_its_new_priority() -> None:
    urgent = only(reactions.prioritize(assignment("assigned"), URGENT))

    back = only(actions.release(urgent, HOLDER, "returned", "My shift ends.", at=NOW))

    assert (back.state, back.priority_rank) == ("seeking", 3)
    assert only(reactions.resolve(urgent, HOLDER, RESOLVED, at=NOW)).priority_rank == 3

"""Another priority is another turn in the queue, and nothing to whoever has the contact."""

from dataclasses import replace
from datetime import timedelta

import pytest

from common.contracts.contacts import ContactPrioritized
from common.contracts.event import ContactId
from router.domain import assignments
from router.domain.assignments import Decision
from router.domain.matching import match
from unit.router.examples import C1, HOLDER, NOW, RESOLVED, assignment, only

URGENT = ContactPrioritized(contact_id=C1, occurred_at=NOW, priority="urgent", because="medicine")


def test_what_waits_is_given_before_what_waits_longer() -> None:
    longer = replace(
        assignment("queued"), contact_id=ContactId("c2"), waiting_since=NOW - timedelta(hours=1)
    )
    free = replace(HOLDER, capacity=HOLDER.load + 1)

    urgent = only(assignments.prioritize(assignment("queued"), URGENT))

    (given,) = match([longer, urgent], [free], at=NOW)
    assert only(given).contact_id == C1
    assert urgent.waiting_since == assignment("queued").waiting_since


@pytest.mark.parametrize("state", ["offered", "assigned", "with_supervisor", "completed"])
def test_what_somebody_has_stays_there_and_is_urgent_when_it_waits_again(
    state: assignments.State,
) -> None:
    decision = assignments.prioritize(assignment(state), URGENT)

    assert decision == Decision((assignment(state, urgency=3),))


def test_the_same_priority_or_an_unknown_contact_is_nothing() -> None:
    assert assignments.prioritize(assignment("queued", urgency=3), URGENT) == Decision()
    assert assignments.prioritize(None, URGENT) == Decision()


def test_a_contact_that_was_given_back_waits_by_its_new_priority() -> None:
    urgent = only(assignments.prioritize(assignment("assigned"), URGENT))

    back = only(assignments.release(urgent, HOLDER, "My shift ends.", at=NOW))

    assert (back.state, back.urgency) == ("seeking", 3)
    assert only(assignments.resolve(urgent, HOLDER, RESOLVED, at=NOW)).urgency == 3

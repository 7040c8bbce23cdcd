"""What a representative does with a contact, and when it is refused."""

from datetime import timedelta

import pytest

from common.contracts.assignments import (
    AssignmentReleased,
    ContactAssigned,
    ContactReferred,
    OfferDeclined,
)
from common.contracts.event import PersonId
from common.messages import Cancel
from router.domain import actions
from router.domain.assignments import State
from router.domain.errors import AssignmentNotFoundError, NotHolderError, WrongStateError
from unit.router.examples import C1, HOLDER, NOW, RITA, assignment, freed, only


def test_accepted_offer_is_assigned_and_keeps_its_reason() -> None:
    decision = actions.accept(assignment("offered"), HOLDER, at=NOW)

    assert only(decision).state == "assigned"
    (assigned,) = decision.events
    assert isinstance(assigned, ContactAssigned)
    assert assigned.reason == "Rita: billing, en; the only one free; accepted after 5 s"
    assert decision.timers == (Cancel(C1, "OfferExpires"),)
    assert decision.representatives == ()  # the offer had the slot already


def test_accepted_offer_carries_its_queue_and_times() -> None:
    (assigned,) = actions.accept(assignment("offered"), HOLDER, at=NOW).events

    assert isinstance(assigned, ContactAssigned)
    assert assigned.queue == "billing/en"
    assert assigned.waiting_since == NOW - timedelta(minutes=1)
    assert assigned.offered_at == NOW - timedelta(seconds=5)


def test_declined_offer_frees_the_slot_and_excludes_the_representative() -> None:
    decision = actions.decline(assignment("offered"), HOLDER, "I know her.", at=NOW)

    assert only(decision).state == "seeking"
    assert only(decision).declined_by == (RITA,)
    assert only(decision).waiting_since == NOW - timedelta(minutes=1)
    assert freed(decision).load == 0
    assert decision.events == (
        OfferDeclined(contact_id=C1, occurred_at=NOW, representative_id=RITA, reason="I know her."),
    )


def test_referred_contact_stays_until_a_supervisor_takes_it() -> None:
    decision = actions.refer(assignment("assigned"), HOLDER, "Very angry.", at=NOW)

    assert (only(decision).state, only(decision).representative_id) == ("assigned", RITA)
    assert decision.events == (
        ContactReferred(
            contact_id=C1, occurred_at=NOW, representative_id=RITA, reason="Very angry."
        ),
    )
    with pytest.raises(WrongStateError, match="asked already"):
        actions.refer(only(decision), HOLDER, "Still angry.", at=NOW)


def test_released_contact_goes_to_another_representative() -> None:
    decision = actions.release(assignment("assigned"), HOLDER, "returned", "My shift ends.", at=NOW)

    state = only(decision)
    assert (state.state, state.declined_by, state.preferred_id) == ("seeking", (RITA,), None)
    assert freed(decision).load == 0
    assert decision.events == (
        AssignmentReleased(
            contact_id=C1,
            occurred_at=NOW,
            representative_id=RITA,
            kind="returned",
            reason="My shift ends.",
        ),
    )


def test_action_in_a_wrong_state_is_refused() -> None:
    with pytest.raises(WrongStateError) as refused:
        actions.accept(assignment("assigned"), HOLDER, at=NOW)
    assert refused.value.state == "assigned"
    states: tuple[State, ...] = ("queued", "with_supervisor", "completed", "abandoned")
    for state in states:
        with pytest.raises(WrongStateError):
            actions.complete(assignment(state), None, at=NOW)
    with pytest.raises(AssignmentNotFoundError):
        actions.complete(None, None, at=NOW)


def test_representative_acts_on_own_contacts_only() -> None:
    actions.check_holder(assignment("assigned"), RITA, was_offered=False)
    sam = PersonId("sam")
    # It is in the queue again: the state refuses the action, not the holder.
    actions.check_holder(assignment("queued"), sam, was_offered=True)
    with pytest.raises(NotHolderError):
        actions.check_holder(assignment("assigned"), sam, was_offered=True)
    for state in ("assigned", "queued"):
        with pytest.raises(AssignmentNotFoundError):
            actions.check_holder(assignment(state), sam, was_offered=False)

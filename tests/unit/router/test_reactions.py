"""What an event of intake or of escalation changes in one assignment."""

from datetime import timedelta

import pytest
from msgspec import structs

from common.contracts.assignments import AssignmentCompleted, AssignmentReleased
from common.messages import Cancel
from router.domain import actions, reactions
from router.domain.assignments import Decision, State
from router.domain.needs import Need
from unit.router.examples import (
    ABANDONED,
    C1,
    CLOSED,
    HANDED_BACK,
    HOLDER,
    NOW,
    RECEIVED,
    REOPENED,
    RESOLVED,
    RITA,
    TAKEN_OVER,
    assignment,
    freed,
    only,
)


def test_received_contact_seeks_by_topic_and_language() -> None:
    decision = reactions.receive(None, RECEIVED, at=NOW)

    state = only(decision)
    assert (state.state, state.need, state.priority_rank) == ("seeking", Need("billing", "en"), 2)
    assert state.waiting_since == RECEIVED.occurred_at
    assert decision.events == ()


def test_contact_received_twice_is_one_assignment() -> None:
    assert reactions.receive(assignment("assigned"), RECEIVED, at=NOW) == Decision()


def test_resolution_completes_and_frees_the_slot() -> None:
    decision = reactions.resolve(assignment("assigned"), HOLDER, RESOLVED, at=NOW)

    assert only(decision).state == "completed"
    assert only(decision).representative_id is None
    assert freed(decision).load == 0
    assert decision.events == (
        AssignmentCompleted(contact_id=C1, occurred_at=NOW, representative_id=RITA),
    )
    assert not reactions.resolve(only(decision), None, RESOLVED, at=NOW).events


def test_resolution_of_offered_contact_cancels_the_offer() -> None:
    decision = reactions.resolve(assignment("offered"), HOLDER, RESOLVED, at=NOW)

    assert decision.timers == (Cancel(C1, "OfferExpires"),)


def test_reopened_contact_seeks_its_previous_representative() -> None:
    completed = only(reactions.resolve(assignment("assigned"), HOLDER, RESOLVED, at=NOW))

    state = only(reactions.reopen(completed, REOPENED, at=NOW))

    assert (state.state, state.preferred_id, state.waiting_since) == ("seeking", RITA, NOW)


def test_take_over_frees_the_representative_and_says_why() -> None:
    decision = reactions.take_over(assignment("assigned"), HOLDER, TAKEN_OVER, at=NOW)

    assert only(decision).state == "with_supervisor"
    assert freed(decision).load == 0
    assert decision.events == (
        AssignmentReleased(
            contact_id=C1,
            occurred_at=NOW,
            representative_id=RITA,
            kind="taken_over",
            reason="mia took it over",
        ),
    )


def test_take_over_of_queued_contact_takes_it_from_the_queue() -> None:
    decision = reactions.take_over(assignment("queued"), None, TAKEN_OVER, at=NOW)

    assert only(decision).state == "with_supervisor"
    assert decision.events == ()


def test_handed_back_contact_prefers_its_previous_representative() -> None:
    taken_over = only(reactions.take_over(assignment("assigned"), HOLDER, TAKEN_OVER, at=NOW))

    state = only(reactions.hand_back(taken_over, HANDED_BACK, at=NOW))

    assert (state.state, state.preferred_id, state.supervisor_id) == ("seeking", RITA, None)


def test_guidance_without_take_over_leaves_the_contact_with_its_representative() -> None:
    referred = assignment("assigned", referral="Wants a credit of 500.")

    decision = reactions.hand_back(referred, HANDED_BACK, at=NOW)

    assert only(decision) == assignment("assigned")


def test_end_of_escalation_allows_a_new_referral() -> None:
    referred = assignment("assigned", referral="Very angry.")

    state = only(reactions.end_escalation(referred, CLOSED, at=NOW))

    assert actions.refer(state, HOLDER, "Angry again.", at=NOW).events


def test_abandoned_contact_leaves_the_queue_and_its_exclusion() -> None:
    waiting = assignment("queued", declined_by=(RITA,))

    decision = reactions.abandon(waiting, None, ABANDONED, at=NOW)

    assert (only(decision).state, only(decision).declined_by) == ("abandoned", ())
    assert decision.timers == (Cancel(C1, "ExclusionEnds"),)
    assert decision.events == ()


def test_abandoned_offer_is_withdrawn() -> None:
    decision = reactions.abandon(assignment("offered"), HOLDER, ABANDONED, at=NOW)

    assert only(decision).state == "abandoned"
    assert freed(decision).load == 0
    assert decision.timers == (Cancel(C1, "OfferExpires"),)
    (released,) = decision.events
    assert isinstance(released, AssignmentReleased)
    assert (released.representative_id, released.kind) == (RITA, "abandoned")


def test_abandoned_assignment_is_released_with_the_reason() -> None:
    hung_up = structs.replace(ABANDONED, reason="hung up")

    decision = reactions.abandon(assignment("assigned"), HOLDER, hung_up, at=NOW)

    assert freed(decision).load == 0
    assert decision.events == (
        AssignmentReleased(
            contact_id=C1,
            occurred_at=NOW,
            representative_id=RITA,
            kind="abandoned",
            reason="hung up",
        ),
    )


def test_abandoned_contact_leaves_the_supervisor() -> None:
    taken_over = only(reactions.take_over(assignment("queued"), None, TAKEN_OVER, at=NOW))
    later = structs.replace(ABANDONED, occurred_at=NOW + timedelta(minutes=1))

    state = only(reactions.abandon(taken_over, None, later, at=NOW))

    assert (state.state, state.supervisor_id) == ("abandoned", None)
    # In the other order the result is the same.
    assert reactions.take_over(state, None, TAKEN_OVER, at=NOW) == Decision()


def test_contact_abandoned_before_it_was_received_is_not_queued() -> None:
    abandoned = only(reactions.abandon(None, None, ABANDONED, at=NOW))

    state = only(reactions.receive(abandoned, RECEIVED, at=NOW))

    assert (state.state, state.need) == ("abandoned", Need("billing", "en"))


@pytest.mark.parametrize("state", ["completed", "abandoned"])
def test_ended_contact_does_not_end_again(state: State) -> None:
    for decision in (
        reactions.abandon(assignment(state), None, ABANDONED, at=NOW),
        reactions.resolve(assignment(state), None, RESOLVED, at=NOW),
    ):
        assert only(decision) == assignment(state, ended_at=NOW)
        assert decision.events == ()


def test_abandoned_contact_seeks_again_when_reopened() -> None:
    abandoned = only(reactions.abandon(assignment("assigned"), HOLDER, ABANDONED, at=NOW))

    state = only(reactions.reopen(abandoned, REOPENED, at=NOW))

    assert (state.state, state.preferred_id, state.waiting_since) == ("seeking", RITA, NOW)

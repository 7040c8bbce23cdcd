"""What one fact or one action makes of one assignment."""

from dataclasses import replace
from datetime import timedelta

import pytest

from common.contracts.assignments import (
    AssignmentCompleted,
    AssignmentReleased,
    ContactAssigned,
    ContactReferred,
    OfferDeclined,
    OfferExpired,
)
from common.contracts.event import PersonId
from common.messages import Cancel
from router.domain import assignments
from router.domain.assignments import Assignment, Decision, OfferExpires
from router.domain.errors import NotHolder, UnknownAssignment, WrongState
from router.domain.representatives import (
    Representative,
    appear,
    describe,
    seat,
    unseat,
)
from unit.router.examples import (
    C1,
    ENDED,
    HANDED_BACK,
    HOLDER,
    NOW,
    PROFILE,
    RECEIVED,
    REOPENED,
    RESOLVED,
    RITA,
    TAKEN_OVER,
    assignment,
    only,
)


def freed(decision: Decision) -> Representative:
    (person,) = decision.representatives
    return person


def test_a_received_contact_seeks_by_topic_and_language() -> None:
    decision = assignments.receive(None, RECEIVED, at=NOW)

    state = only(decision)
    assert (state.state, state.need, state.urgency) == ("seeking", ("billing", "en"), 2)
    assert state.waiting_since == RECEIVED.occurred_at
    assert decision.events == ()


def test_a_contact_received_twice_is_one_assignment() -> None:
    assert assignments.receive(assignment("assigned"), RECEIVED, at=NOW) == Decision()


def test_resolution_completes_and_frees_the_place() -> None:
    decision = assignments.resolve(assignment("assigned"), HOLDER, RESOLVED, at=NOW)

    assert only(decision).state == "completed"
    assert only(decision).representative_id is None
    assert freed(decision).load == 0
    assert decision.events == (
        AssignmentCompleted(contact_id=C1, occurred_at=NOW, representative_id=RITA),
    )
    assert not assignments.resolve(only(decision), None, RESOLVED, at=NOW).events


def test_resolution_of_what_is_offered_stops_the_offer() -> None:
    decision = assignments.resolve(assignment("offered"), HOLDER, RESOLVED, at=NOW)

    assert decision.timers == (Cancel(C1, "OfferExpires"),)


def test_a_reopened_contact_seeks_whoever_had_it() -> None:
    completed = only(assignments.resolve(assignment("assigned"), HOLDER, RESOLVED, at=NOW))

    state = only(assignments.reopen(completed, REOPENED, at=NOW))

    assert (state.state, state.preferred_id, state.waiting_since) == ("seeking", RITA, NOW)


def test_a_take_over_frees_the_representative_and_says_why() -> None:
    decision = assignments.take_over(assignment("assigned"), HOLDER, TAKEN_OVER, at=NOW)

    assert only(decision).state == "with_supervisor"
    assert freed(decision).load == 0
    assert decision.events == (
        AssignmentReleased(
            contact_id=C1, occurred_at=NOW, representative_id=RITA, because="mia took it over"
        ),
    )


def test_a_take_over_of_what_waits_takes_it_from_the_queue() -> None:
    decision = assignments.take_over(assignment("queued"), None, TAKEN_OVER, at=NOW)

    assert only(decision).state == "with_supervisor"
    assert decision.events == ()


def test_what_is_handed_back_prefers_whoever_had_it() -> None:
    upstairs = only(assignments.take_over(assignment("assigned"), HOLDER, TAKEN_OVER, at=NOW))

    state = only(assignments.hand_back(upstairs, HANDED_BACK, at=NOW))

    assert (state.state, state.preferred_id, state.supervisor_id) == ("seeking", RITA, None)


def test_guidance_without_a_take_over_leaves_the_contact_where_it_is() -> None:
    referred = assignment("assigned", referral="Wants a credit of 500.")

    decision = assignments.hand_back(referred, HANDED_BACK, at=NOW)

    assert only(decision) == assignment("assigned")


def test_accepting_assigns_and_keeps_the_reason_of_the_offer() -> None:
    decision = assignments.accept(assignment("offered"), HOLDER, at=NOW)

    assert only(decision).state == "assigned"
    (assigned,) = decision.events
    assert isinstance(assigned, ContactAssigned)
    assert assigned.because == "Rita: billing, en; the only one free; accepted after 5 s"
    assert decision.timers == (Cancel(C1, "OfferExpires"),)
    assert decision.representatives == ()  # the offer had its place already


def test_declining_frees_the_place_and_passes_it_on() -> None:
    decision = assignments.decline(assignment("offered"), HOLDER, "I know her.", at=NOW)

    assert only(decision).state == "seeking"
    assert only(decision).passed == (RITA,)
    assert only(decision).waiting_since == NOW - timedelta(minutes=1)
    assert freed(decision).load == 0
    assert decision.events == (
        OfferDeclined(contact_id=C1, occurred_at=NOW, representative_id=RITA, reason="I know her."),
    )


def test_an_expired_offer_passes_it_on_and_leaves_presence_alone() -> None:
    timer = OfferExpires(contact_id=C1, representative_id=RITA, offer=1)

    decision = assignments.expire(assignment("offered"), HOLDER, timer, at=NOW)

    assert only(decision).passed == (RITA,)
    assert freed(decision).presence == "available"
    assert decision.events == (
        OfferExpired(contact_id=C1, occurred_at=NOW, representative_id=RITA),
    )


@pytest.mark.parametrize(
    "known",
    [None, assignment("assigned"), assignment("queued"), assignment("offered", offer=2)],
)
def test_the_timer_of_an_answered_offer_does_nothing(known: Assignment | None) -> None:
    timer = OfferExpires(contact_id=C1, representative_id=RITA, offer=1)

    assert assignments.expire(known, HOLDER, timer, at=NOW) == Decision()


def test_a_referral_leaves_the_contact_until_a_supervisor_takes_it() -> None:
    decision = assignments.refer(assignment("assigned"), HOLDER, "Very angry.", at=NOW)

    assert (only(decision).state, only(decision).representative_id) == ("assigned", RITA)
    assert decision.events == (
        ContactReferred(
            contact_id=C1, occurred_at=NOW, representative_id=RITA, reason="Very angry."
        ),
    )
    with pytest.raises(WrongState, match="asked already"):
        assignments.refer(only(decision), HOLDER, "Still angry.", at=NOW)


def test_an_escalation_that_ends_upstairs_lets_it_be_referred_again() -> None:
    referred = assignment("assigned", referral="Very angry.")

    state = only(assignments.end_upstairs(referred, ENDED, at=NOW))

    assert assignments.refer(state, HOLDER, "Angry again.", at=NOW).events


def test_what_is_released_goes_to_somebody_else() -> None:
    decision = assignments.release(assignment("assigned"), HOLDER, "My shift ends.", at=NOW)

    state = only(decision)
    assert (state.state, state.passed, state.preferred_id) == ("seeking", (RITA,), None)
    assert freed(decision).load == 0


def test_the_end_of_a_round_lets_it_go_to_anyone_again() -> None:
    waiting = assignment("queued", passed=(RITA,))

    assert only(assignments.end_round(waiting)) == assignment("queued")
    assert assignments.end_round(assignment("offered", passed=(RITA,))) == Decision()


def test_actions_are_refused_in_a_wrong_state() -> None:
    with pytest.raises(WrongState) as refused:
        assignments.accept(assignment("assigned"), HOLDER, at=NOW)
    assert refused.value.state == "assigned"
    for state in ("queued", "with_supervisor", "completed"):
        with pytest.raises(WrongState):
            assignments.complete(assignment(state), None, at=NOW)
    with pytest.raises(UnknownAssignment):
        assignments.complete(None, None, at=NOW)


def test_a_representative_acts_on_its_own_only() -> None:
    assignments.check_holder(assignment("assigned"), RITA)
    # Gone back to the queue meanwhile: its state says so, nobody else's right is touched.
    assignments.check_holder(assignment("queued"), PersonId("sam"))
    with pytest.raises(NotHolder, match="rita"):
        assignments.check_holder(assignment("assigned"), PersonId("sam"))


def test_capacity_lowered_below_the_load_sinks_as_contacts_end() -> None:
    two = seat(HOLDER, at=NOW)

    lowered = describe(two, RITA, replace(PROFILE, capacity=1), at=NOW)

    assert (lowered.load, lowered.load_limit, lowered.places) == (2, 2, 0)
    assert unseat(lowered, at=NOW).load_limit == 1


def test_saying_available_again_does_not_lose_ones_turn() -> None:
    assert appear(HOLDER, "available", at=NOW + timedelta(minutes=1)) is HOLDER

"""A supervisor may take over what was resolved already: after bad feedback, say."""

from dataclasses import replace
from datetime import timedelta

from common.contracts.escalations import EscalationResolved
from common.contracts.event import EscalationId
from router.domain import assignments
from router.domain.assignments import Assignment, Decision
from unit.router.examples import (
    C1,
    ENDED,
    HANDED_BACK,
    HOLDER,
    MIA,
    NOW,
    REOPENED,
    RESOLVED,
    TAKEN_OVER,
    assignment,
    only,
)

MINUTE = timedelta(minutes=1)
DONE_UPSTAIRS = EscalationResolved(
    contact_id=C1,
    occurred_at=NOW + 2 * MINUTE,
    escalation_id=EscalationId("e1"),
    by=MIA,
    outcome="apology",
    note="Explained.",
)
AGAIN = REOPENED.model_copy(update={"occurred_at": NOW + 3 * MINUTE})


def resolved() -> Assignment:
    return only(assignments.resolve(assignment("assigned"), HOLDER, RESOLVED, at=NOW))


def taken_over_after() -> Decision:
    later = TAKEN_OVER.model_copy(update={"occurred_at": NOW + MINUTE})
    return assignments.take_over(resolved(), None, later, at=NOW + MINUTE)


def test_it_stays_completed_and_nobody_hears_of_it() -> None:
    decision = taken_over_after()

    assert only(decision).state == "completed"
    assert (decision.events, decision.representatives, decision.timers) == ((), (), ())


def test_reopened_meanwhile_it_stays_with_the_supervisor() -> None:
    state = only(assignments.reopen(only(taken_over_after()), AGAIN, at=NOW))

    assert (state.state, state.supervisor_id) == ("with_supervisor", MIA)


def test_reopened_after_that_ended_it_goes_to_a_representative() -> None:
    ended = only(
        assignments.end_upstairs(only(taken_over_after()), DONE_UPSTAIRS, at=NOW + 2 * MINUTE)
    )

    assert only(assignments.reopen(ended, AGAIN, at=NOW)).state == "seeking"


def test_an_end_upstairs_that_is_heard_after_the_reopening_gives_it_back() -> None:
    reopened = only(assignments.reopen(only(taken_over_after()), AGAIN, at=NOW))

    state = only(assignments.end_upstairs(reopened, DONE_UPSTAIRS, at=NOW))

    assert (state.state, state.supervisor_id) == ("seeking", None)


def test_an_end_upstairs_leaves_the_contact_until_its_resolution_comes() -> None:
    upstairs = only(assignments.take_over(assignment("assigned"), HOLDER, TAKEN_OVER, at=NOW))

    state = only(assignments.end_upstairs(upstairs, DONE_UPSTAIRS, at=NOW))

    assert state == replace(upstairs, taken_over_at=None)
    assert state.supervisor_id == MIA


def test_handed_back_it_stays_completed() -> None:
    state = only(assignments.hand_back(only(taken_over_after()), HANDED_BACK, at=NOW))

    assert (state.state, state.supervisor_id) == ("completed", None)


def test_what_was_taken_over_before_ended_with_the_resolution() -> None:
    upstairs = only(assignments.take_over(assignment("assigned"), HOLDER, TAKEN_OVER, at=NOW))
    later = RESOLVED.model_copy(update={"occurred_at": NOW + MINUTE})

    state = only(assignments.resolve(upstairs, None, later, at=NOW + MINUTE))

    assert (state.state, state.supervisor_id) == ("completed", None)
    # Heard in the other order it is the same.
    assert assignments.take_over(state, None, TAKEN_OVER, at=NOW) == Decision()


def test_an_end_upstairs_of_what_was_not_taken_is_nothing() -> None:
    assert assignments.end_upstairs(assignment("assigned"), ENDED, at=NOW) == Decision()
    assert assignments.end_upstairs(None, ENDED, at=NOW) == Decision()

"""A supervisor may take over a resolved contact, for example after bad feedback."""

from datetime import timedelta

from msgspec import structs

from common.contracts.escalations import EscalationResolved
from common.contracts.event import EscalationId
from router.domain import reactions
from router.domain.assignments import Assignment, Decision
from unit.router.examples import (
    C1,
    CLOSED,
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
ESCALATION_RESOLVED = EscalationResolved(
    contact_id=C1,
    occurred_at=NOW + 2 * MINUTE,
    escalation_id=EscalationId("e1"),
    by=MIA,
    outcome="apology",
    level=0,
    note="Explained.",
)
REOPENED_LATER = structs.replace(REOPENED, occurred_at=NOW + 3 * MINUTE)


def resolved() -> Assignment:
    return only(reactions.resolve(assignment("assigned"), HOLDER, RESOLVED, at=NOW))


def take_over_after_resolution() -> Decision:
    later = structs.replace(TAKEN_OVER, occurred_at=NOW + MINUTE)
    return reactions.take_over(resolved(), None, later, at=NOW + MINUTE)


def test_contact_stays_completed_without_an_event() -> None:
    decision = take_over_after_resolution()

    assert only(decision).state == "completed"
    assert (decision.events, decision.representatives, decision.timers) == ((), (), ())


def test_reopened_contact_goes_to_the_supervisor_while_taken_over() -> None:
    state = only(reactions.reopen(only(take_over_after_resolution()), REOPENED_LATER, at=NOW))

    assert (state.state, state.supervisor_id) == ("with_supervisor", MIA)


def test_reopened_contact_goes_to_a_representative_after_the_escalation_ended() -> None:
    ended = only(
        reactions.end_escalation(
            only(take_over_after_resolution()), ESCALATION_RESOLVED, at=NOW + 2 * MINUTE
        )
    )

    assert only(reactions.reopen(ended, REOPENED_LATER, at=NOW)).state == "seeking"


def test_escalation_end_received_after_the_reopening_gives_the_contact_back() -> None:
    reopened = only(reactions.reopen(only(take_over_after_resolution()), REOPENED_LATER, at=NOW))

    state = only(reactions.end_escalation(reopened, ESCALATION_RESOLVED, at=NOW))

    assert (state.state, state.supervisor_id) == ("seeking", None)


def test_escalation_end_leaves_the_contact_until_its_resolution_comes() -> None:
    taken_over = only(reactions.take_over(assignment("assigned"), HOLDER, TAKEN_OVER, at=NOW))

    state = only(reactions.end_escalation(taken_over, ESCALATION_RESOLVED, at=NOW))

    assert state == structs.replace(taken_over, taken_over_at=None)
    assert state.supervisor_id == MIA


def test_handed_back_contact_stays_completed() -> None:
    state = only(reactions.hand_back(only(take_over_after_resolution()), HANDED_BACK, at=NOW))

    assert (state.state, state.supervisor_id) == ("completed", None)


def test_resolution_ends_an_earlier_take_over() -> None:
    taken_over = only(reactions.take_over(assignment("assigned"), HOLDER, TAKEN_OVER, at=NOW))
    later = structs.replace(RESOLVED, occurred_at=NOW + MINUTE)

    state = only(reactions.resolve(taken_over, None, later, at=NOW + MINUTE))

    assert (state.state, state.supervisor_id) == ("completed", None)
    # In the other order the result is the same.
    assert reactions.take_over(state, None, TAKEN_OVER, at=NOW) == Decision()


def test_escalation_end_without_take_over_changes_nothing() -> None:
    assert reactions.end_escalation(assignment("assigned"), CLOSED, at=NOW) == Decision()
    assert reactions.end_escalation(None, CLOSED, at=NOW) == Decision()

"""What an event of intake or of escalation changes in an assignment: one function an event."""

from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from common.contracts.assignments import AssignmentReleased
from common.contracts.contacts import (
    ContactAbandoned,
    ContactDiscarded,
    ContactMerged,
    ContactPrioritized,
    ContactReceived,
    ContactReopened,
    ContactResolved,
)
from common.contracts.escalations import (
    EscalationClosed,
    EscalationHandedBack,
    EscalationResolved,
    EscalationTakenOver,
)
from router.domain.assignments import (
    ENDED,
    PRIORITY_RANKS,
    Assignment,
    Decision,
    complete,
    enter,
    leave,
    new_assignment,
    place,
)
from router.domain.staffing.representatives import Representative


def receive(assignment: Assignment | None, event: ContactReceived, *, at: datetime) -> Decision:
    current = assignment or new_assignment(event.contact_id, at)
    if current.need:
        return Decision()
    received = replace(
        current,
        skill=event.topic_of_contact,
        language=event.language,
        team_id=event.team,
        priority_rank=PRIORITY_RANKS[event.priority],
        waiting_since=event.occurred_at,
    )
    return Decision((place(received, at) if received.state == "unknown" else received,))


def prioritize(assignment: Assignment | None, event: ContactPrioritized) -> Decision:
    """Change the place in the queue. It counts later if a representative has the contact now."""
    priority_rank = PRIORITY_RANKS[event.priority]
    if assignment is None or assignment.priority_rank == priority_rank:
        return Decision()
    return Decision((replace(assignment, priority_rank=priority_rank),))


def resolve(
    assignment: Assignment | None,
    holder: Representative | None,
    event: ContactResolved,
    *,
    at: datetime,
) -> Decision:
    current = assignment or new_assignment(event.contact_id, at)
    return complete(_end(current, event.occurred_at), holder, at)


def abandon(
    assignment: Assignment | None,
    holder: Representative | None,
    event: ContactAbandoned | ContactDiscarded | ContactMerged,
    *,
    at: datetime,
) -> Decision:
    """Take the contact from the queue, from its representative, or from the supervisor."""
    current = _end(assignment or new_assignment(event.contact_id, at), event.occurred_at)
    if current.state in ENDED:
        return Decision((current,))
    abandoned = enter(current, "abandoned", at)
    if current.representative_id is None:
        return leave(current, abandoned, None, at=at)
    released = AssignmentReleased(
        contact_id=current.contact_id,
        occurred_at=at,
        representative_id=current.representative_id,
        kind="abandoned",
        reason=_why_abandoned(event),
    )
    return leave(current, abandoned, holder, released, at=at)


def _why_abandoned(event: ContactAbandoned | ContactDiscarded | ContactMerged) -> str:
    match event:
        case ContactAbandoned():
            return event.reason or "the customer left"
        case ContactDiscarded():
            return {"spam": "it is spam", "deleted": "it was deleted"}[event.cause]
        case ContactMerged():
            return "it was merged into another contact"
        case _:
            assert_never(event)


def _end(assignment: Assignment, ended_at: datetime) -> Assignment:
    """Record when the contact ended. This ends a take-over from before then."""
    ended = replace(assignment, ended_at=ended_at)
    if assignment.taken_over_at is None or assignment.taken_over_at < ended_at:
        return replace(ended, supervisor_id=None, taken_over_at=None)
    return ended


def reopen(assignment: Assignment | None, event: ContactReopened, *, at: datetime) -> Decision:
    current = assignment or new_assignment(event.contact_id, at)
    reopened = replace(current, reopened_at=event.occurred_at)
    if reopened.state in ENDED:
        reopened = place(replace(reopened, waiting_since=event.occurred_at), at)
    return Decision((reopened,))


def take_over(
    assignment: Assignment | None,
    holder: Representative | None,
    event: EscalationTakenOver,
    *,
    at: datetime,
) -> Decision:
    current = assignment or new_assignment(event.contact_id, at)
    # The contact's end ended this take-over too, and its event came first.
    if current.ended_at and event.occurred_at < current.ended_at:
        return Decision()
    taken_over = replace(current, supervisor_id=event.by, taken_over_at=event.occurred_at)
    if current.state in ("unknown", "with_supervisor", *ENDED):
        return Decision((taken_over,))
    with_supervisor = enter(taken_over, "with_supervisor", at)
    if current.representative_id is None:
        return leave(current, with_supervisor, None, at=at)
    released = AssignmentReleased(
        contact_id=current.contact_id,
        occurred_at=at,
        representative_id=current.representative_id,
        kind="taken_over",
        reason=f"{event.by} took it over",
    )
    return leave(current, with_supervisor, holder, released, at=at)


def hand_back(
    assignment: Assignment | None, event: EscalationHandedBack, *, at: datetime
) -> Decision:
    if assignment is None:
        return Decision()
    handed_back = replace(assignment, supervisor_id=None, taken_over_at=None, referral=None)
    if handed_back.state == "with_supervisor":
        handed_back = place(replace(handed_back, waiting_since=event.occurred_at), at)
    return Decision((handed_back,))


def end_escalation(
    assignment: Assignment | None, event: EscalationResolved | EscalationClosed, *, at: datetime
) -> Decision:
    """Allow a new referral, and end the take-over.

    A contact with a supervisor stays there until its own resolution comes, which follows. If the
    contact was resolved and reopened since, it goes to a representative.
    """
    if assignment is None:
        return Decision()
    was_reopened = assignment.reopened_at is not None and event.occurred_at < assignment.reopened_at
    ended = replace(assignment, referral=None, taken_over_at=None)
    if ended.state != "with_supervisor" or was_reopened:
        ended = replace(ended, supervisor_id=None)
    if ended.state == "with_supervisor" and was_reopened:
        ended = place(ended, at)
    return Decision() if ended == assignment else Decision((ended,))

"""What a representative does with a contact: one function an action."""

from datetime import datetime

from msgspec.structs import replace

from common.contracts.assignments import (
    AssignmentReleased,
    ContactAssigned,
    ContactReferred,
    OfferDeclined,
    ReleaseKind,
)
from common.contracts.event import PersonId
from common.messages import Cancel
from router.domain import assignments
from router.domain.assignments import Assignment, Decision, State, exclude, leave
from router.domain.errors import AssignmentNotFoundError, NotHolderError, WrongStateError
from router.domain.staffing.representatives import Representative
from router.domain.timers import OfferExpires


def accept(
    assignment: Assignment | None, holder: Representative | None, *, at: datetime
) -> Decision:
    offered, person = _require_state(assignment, holder, "offered")
    after_s = (at - offered.since).total_seconds()
    accepted = ContactAssigned(
        contact_id=offered.contact_id,
        occurred_at=at,
        representative_id=person.representative_id,
        team_id=person.team_id,
        reason=f"{offered.reason}; accepted after {after_s:.0f} s",
        queue=offered.need.queue if offered.need else None,
        waiting_since=offered.waiting_since,
        offered_at=offered.since,
    )
    return Decision(
        (replace(offered, state="assigned", since=at, declined_by=(), preferred_id=None),),
        events=(accepted,),
        timers=(Cancel(offered.contact_id, OfferExpires.type),),
    )


def decline(
    assignment: Assignment | None, holder: Representative | None, reason: str, *, at: datetime
) -> Decision:
    offered, person = _require_state(assignment, holder, "offered")
    declined = OfferDeclined(
        contact_id=offered.contact_id,
        occurred_at=at,
        representative_id=person.representative_id,
        reason=reason,
    )
    seeking = exclude(offered, person.representative_id, at)
    return leave(offered, seeking, person, declined, at=at)


def complete(
    assignment: Assignment | None, holder: Representative | None, *, at: datetime
) -> Decision:
    assigned, person = _require_state(assignment, holder, "assigned")
    return assignments.complete(assigned, person, at)


def refer(
    assignment: Assignment | None, holder: Representative | None, reason: str, *, at: datetime
) -> Decision:
    """Ask a supervisor to take the contact. The representative keeps it until one does."""
    assigned, person = _require_state(assignment, holder, "assigned")
    if assigned.referral is not None:
        raise WrongStateError(assigned.state, "A supervisor was asked already; no answer yet.")
    referred = ContactReferred(
        contact_id=assigned.contact_id,
        occurred_at=at,
        representative_id=person.representative_id,
        reason=reason,
    )
    return Decision((replace(assigned, referral=reason),), events=(referred,))


def release(
    assignment: Assignment | None,
    holder: Representative | None,
    kind: ReleaseKind,
    reason: str,
    *,
    at: datetime,
) -> Decision:
    """Take the contact from its representative. Its waiting time starts again."""
    assigned, person = _require_state(assignment, holder, "assigned")
    released = AssignmentReleased(
        contact_id=assigned.contact_id,
        occurred_at=at,
        representative_id=person.representative_id,
        kind=kind,
        reason=reason,
    )
    seeking = replace(exclude(assigned, person.representative_id, at), waiting_since=at)
    return leave(assigned, seeking, person, released, at=at)


def check_holder(assignment: Assignment, person_id: PersonId, *, was_offered: bool) -> None:
    """Raise NotHolderError if another representative has the contact.

    Who was never offered it does not learn that it exists. If nobody has it, the state decides.
    """
    if assignment.representative_id == person_id:
        return
    if not was_offered:
        raise AssignmentNotFoundError
    if assignment.representative_id is not None:
        raise NotHolderError


def _require_state(
    assignment: Assignment | None, holder: Representative | None, state: State
) -> tuple[Assignment, Representative]:
    if assignment is None or assignment.state == "unknown":
        raise AssignmentNotFoundError
    if assignment.state != state or holder is None:
        raise WrongStateError(assignment.state)
    return assignment, holder

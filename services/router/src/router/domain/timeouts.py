"""What a timer changes in an assignment."""

from datetime import datetime

from msgspec.structs import replace

from common.contracts.assignments import OfferExpired
from router.domain.assignments import Assignment, Decision, exclude, leave
from router.domain.staffing.representatives import Representative
from router.domain.timers import OfferExpires


def expire_offer(
    assignment: Assignment | None,
    holder: Representative | None,
    timer: OfferExpires,
    *,
    at: datetime,
) -> Decision:
    # An answer or a later offer may have come before this timer.
    if assignment is None or assignment.state != "offered" or assignment.offer != timer.offer:
        return Decision()
    expired = OfferExpired(
        contact_id=timer.contact_id,
        occurred_at=at,
        representative_id=timer.representative_id,
    )
    seeking = exclude(assignment, timer.representative_id, at)
    return leave(assignment, seeking, holder, expired, at=at)


def end_exclusion(assignment: Assignment | None) -> Decision:
    """Let those who declined the contact get it again."""
    if assignment is None or assignment.state != "queued":
        return Decision()
    return Decision((replace(assignment, declined_by=()),))

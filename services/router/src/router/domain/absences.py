"""What happens to the contacts of a representative who can't have them any more."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from common.contracts.assignments import AssignmentReleased
from common.messages import Cancel, Schedule, TimerChange
from router.domain.assignments import Assignment, Decision, enter, leave
from router.domain.staffing.representatives import Representative
from router.domain.timers import AbsenceGraceEnds


def offers_to_withdraw(
    person: Representative, contacts: Sequence[Assignment]
) -> Iterator[tuple[Assignment, str]]:
    """Yield the offers that the person can't answer or may not have, each with the reason.

    Above a lowered capacity the newest offers go; what is assigned stays.
    """
    load = person.load
    for offered in sorted(contacts, key=lambda contact: contact.since, reverse=True):
        if offered.state != "offered":
            continue
        reason = _reason(person, offered)
        if reason is None and load > person.capacity:
            reason = "has a lower capacity now"
        if reason is not None:
            load -= 1
            yield offered, f"{person.name} {reason}"


def _reason(person: Representative, offered: Assignment) -> str | None:
    if not person.active:
        return "is no longer active"
    if person.presence != "available":
        return f"is {person.presence}"
    if offered.need and not person.fits(offered.need):
        return f"no longer takes {offered.need.wording}"
    return None


def withdraw(
    offered: Assignment, holder: Representative | None, reason: str, *, at: datetime
) -> Decision:
    """Take the offer back and seek somebody else at once; it keeps its waiting time."""
    seeking = replace(enter(offered, "seeking", at), declined_by=offered.declined_by)
    return _release(offered, seeking, holder, reason, at)


def grace_timers(
    before: Representative,
    after: Representative,
    contacts: Iterable[Assignment],
    grace: timedelta | None,
    *,
    at: datetime,
) -> Iterator[TimerChange]:
    """Set a timer for each assigned contact when the person leaves; cancel it on the return."""
    if before.is_absent == after.is_absent:
        return
    for contact in contacts:
        if contact.state != "assigned":
            continue
        if not after.is_absent:
            yield Cancel(contact.contact_id, AbsenceGraceEnds.type)
        elif grace is not None:
            timer = AbsenceGraceEnds(
                contact_id=contact.contact_id, representative_id=after.representative_id
            )
            yield Schedule(timer, at + grace)


def end_grace(
    assignment: Assignment | None,
    holder: Representative | None,
    timer: AbsenceGraceEnds,
    *,
    at: datetime,
) -> Decision:
    """Return the contact to its queue. Its waiting time starts again.

    The one who had it gets it again if available before somebody else takes it.
    """
    # It may have been completed, moved and given to somebody else since.
    if (
        assignment is None
        or holder is None
        or assignment.state != "assigned"
        or holder.representative_id != timer.representative_id
        or not holder.is_absent
    ):
        return Decision()
    seeking = replace(enter(assignment, "seeking", at), waiting_since=at)
    reason = f"{holder.name} has been {'offline' if holder.active else 'inactive'} for too long"
    return _release(assignment, seeking, holder, reason, at)


def _release(
    contact: Assignment,
    seeking: Assignment,
    holder: Representative | None,
    reason: str,
    at: datetime,
) -> Decision:
    if holder is None:
        return Decision()
    released = AssignmentReleased(
        contact_id=contact.contact_id,
        occurred_at=at,
        representative_id=holder.representative_id,
        kind="unavailable",
        reason=reason,
    )
    return leave(contact, seeking, holder, released, at=at)

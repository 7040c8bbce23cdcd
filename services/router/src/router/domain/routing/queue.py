"""The order of waiting contacts, and what is decided when a contact has to wait."""

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from common.contracts.assignments import ContactQueued
from common.messages import Schedule
from router.domain.assignments import Assignment, Decision
from router.domain.needs import Need
from router.domain.routing.strategies import RoutingPolicy
from router.domain.timers import ExclusionEnds, TeamWaitEnds


def position(contact: Assignment) -> tuple[int, datetime, str]:
    """Sort by priority, highest first, then by waiting time, longest first."""
    return (-contact.priority_rank, contact.waits_since, contact.contact_id)


def enqueue(contact: Assignment, need: Need, policy: RoutingPolicy, *, at: datetime) -> Decision:
    """Let the contact wait.

    Those who declined it may get it again when the exclusion ends, and everybody when the wait for
    its team ends.
    """
    queued = replace(contact, state="queued", since=at)
    reason = _waiting_reason(queued, policy, at=at)
    event = ContactQueued(
        contact_id=contact.contact_id, occurred_at=at, queue=need.queue, reason=reason
    )
    return Decision(
        (replace(queued, reason=reason),),
        events=(event,),
        timers=tuple(_timers(queued, policy, at)),
    )


def _timers(queued: Assignment, policy: RoutingPolicy, at: datetime) -> Iterator[Schedule]:
    if queued.is_excluding:
        yield Schedule(ExclusionEnds(contact_id=queued.contact_id), at + policy.exclusion)
    if queued.has_team_timer:
        ends_at = policy.team_wait_ends_at(queued)
        yield Schedule(TeamWaitEnds(contact_id=queued.contact_id), ends_at)


def end_team_wait(
    assignment: Assignment | None, policy: RoutingPolicy, *, at: datetime
) -> Decision:
    """Let everybody who fits get a contact that waits for its team."""
    if assignment is None or not assignment.has_team_timer:
        return Decision()
    everybody = replace(assignment, waits_for_team=False)
    return Decision((replace(everybody, reason=_waiting_reason(everybody, policy, at=at)),))


def _waiting_reason(contact: Assignment, policy: RoutingPolicy, *, at: datetime) -> str:
    """Say why the contact waits."""
    who = f"nobody of team {contact.team_id}" if contact.waits_for_team else "nobody"
    reason = f"{who} who can take {contact.skill}, {contact.language} is free"
    if contact.team_id:
        reason += f"; {_team_wait(contact, policy.team_wait_ends_at(contact), at)}"
    own = contact.unserved_need
    if own is not None:
        reason += f"; no active representative takes {own.wording}"
    if contact.declined_by:
        reason += f", except those who declined it: {', '.join(contact.declined_by)}"
    return reason


def _team_wait(contact: Assignment, ends_at: datetime, at: datetime) -> str:
    if contact.waits_for_team:
        return f"other teams may get it from {ends_at:%H:%M:%S} UTC"
    if at < ends_at:
        return f"team {contact.team_id} has no active representative for it"
    return f"the time for team {contact.team_id} alone is over"

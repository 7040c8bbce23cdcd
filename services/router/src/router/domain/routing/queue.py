"""The order of waiting contacts, and what is decided when a contact has to wait."""

from datetime import datetime

from msgspec.structs import replace

from common.contracts.assignments import ContactQueued
from common.messages import Schedule
from router.domain.assignments import Assignment, Decision
from router.domain.needs import Need
from router.domain.routing.strategies import RoutingPolicy
from router.domain.timers import ExclusionEnds


def position(contact: Assignment) -> tuple[int, datetime, str]:
    """Sort by priority, highest first, then by waiting time, longest first."""
    return (-contact.priority_rank, contact.waiting_since or contact.since, contact.contact_id)


def enqueue(contact: Assignment, need: Need, policy: RoutingPolicy, *, at: datetime) -> Decision:
    """Let the contact wait. Those who declined it may get it again when the exclusion ends."""
    reason = f"nobody who can take {need.skill}, {need.language} is free"
    own = contact.unserved_need
    if own is not None:
        reason += f"; no active representative takes {own.skill}, {own.language}"
    if contact.declined_by:
        reason += f", except those who declined it: {', '.join(contact.declined_by)}"
    queued = ContactQueued(
        contact_id=contact.contact_id, occurred_at=at, queue=need.queue, reason=reason
    )
    ends = Schedule(ExclusionEnds(contact_id=contact.contact_id), at + policy.exclusion)
    return Decision(
        (replace(contact, state="queued", since=at, reason=reason),),
        events=(queued,),
        timers=(ends,) if contact.declined_by else (),
    )

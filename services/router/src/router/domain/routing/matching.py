"""Matches waiting contacts with available representatives.

The contact with the highest priority is first, then the longest waiting one. It goes to the
representative who had it before, if that one is available; otherwise to the first by the routing
policy, among those whose language is the closest, of its team before others. Skill and language
always fit, and until the wait for its team ends the team too.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from msgspec.structs import replace

from common.contracts.assignments import ContactAssigned, ContactOffered
from common.messages import Schedule, TimerChange
from router.domain.assignments import Assignment, Decision
from router.domain.needs import Need
from router.domain.routing.pool import AvailabilityPool
from router.domain.routing.queue import enqueue, position
from router.domain.routing.strategies import RoutingPolicy
from router.domain.staffing.representatives import Representative
from router.domain.timers import OfferExpires


def match(
    contacts: Iterable[Assignment],
    pool: AvailabilityPool,
    policy: RoutingPolicy,
    *,
    at: datetime,
) -> Iterator[Decision]:
    """Give contacts to representatives while there are free slots; one decision a contact.

    Contacts that are seeking and get no representative are queued.
    """
    for contact in sorted(contacts, key=position):
        need = contact.need
        if need is None:
            continue
        best = pool.best_for(contact, need)
        if best:
            is_of_team = contact.team_id == best.team_id
            need_met = need._replace(team_id=contact.team_id if is_of_team else None)
            reason = _reason(contact, need_met, best, pool.available_for(need_met), at)
            yield _give(contact, need_met, pool.assign(best, at), reason, at)
        elif contact.state == "seeking":
            yield enqueue(contact, need, policy, at=at)


def _reason(
    contact: Assignment, need: Need, best: Representative, available: int, at: datetime
) -> str:
    own = contact.unserved_need or need
    wanted = own._replace(team_id=contact.team_id)
    stand_in = f" in place of {wanted.wording}" if wanted != need else ""
    merit = _merit(contact, best, available, at)
    return f"{best.name}: {need.wording}{stand_in}; {merit}"


def _merit(contact: Assignment, best: Representative, available: int, at: datetime) -> str:
    if best.representative_id == contact.preferred_id:
        return "had it before"
    if available == 1:
        return "the only one free"
    if best.load:
        return f"least busy ({best.load} of {best.capacity}) of {available} free"
    # A replica may have changed it between this transaction's start and its turn to match.
    idle_s = max(0.0, (at - best.idle_since).total_seconds())
    return f"idle longest ({idle_s:.0f} s) of {available} free"


def _give(
    contact: Assignment, need: Need, representative: Representative, reason: str, at: datetime
) -> Decision:
    assignment = replace(
        contact,
        since=at,
        waits_for_team=False,
        representative_id=representative.representative_id,
        reason=reason,
    )
    cancelled = contact.cancelled_timers()
    if representative.auto_accept:
        return _assign(assignment, need, representative, cancelled)
    return _offer(assignment, representative, cancelled)


def _assign(
    assignment: Assignment,
    need: Need,
    representative: Representative,
    timers: tuple[TimerChange, ...],
) -> Decision:
    assigned = ContactAssigned(
        contact_id=assignment.contact_id,
        occurred_at=assignment.since,
        representative_id=representative.representative_id,
        team_id=representative.team_id,
        reason=assignment.reason,
        queue=need.queue,
        waiting_since=assignment.waiting_since,
    )
    state = replace(assignment, state="assigned", declined_by=(), preferred_id=None)
    return Decision((state,), (representative,), (assigned,), timers)


def _offer(
    assignment: Assignment, representative: Representative, timers: tuple[TimerChange, ...]
) -> Decision:
    expires_at = assignment.since + timedelta(seconds=representative.offer_s)
    state = replace(assignment, state="offered", offer=assignment.offer + 1)
    offered = ContactOffered(
        contact_id=assignment.contact_id,
        occurred_at=assignment.since,
        representative_id=representative.representative_id,
        expires_at=expires_at,
    )
    expires = OfferExpires(
        contact_id=assignment.contact_id,
        representative_id=representative.representative_id,
        offer=state.offer,
    )
    return Decision(
        (state,), (representative,), (offered,), (*timers, Schedule(expires, expires_at))
    )

"""What happens when nobody acknowledges or decides in time, and when a lease ends.

Nothing climbs once all that it was raised for has been done.
"""

from dataclasses import replace
from typing import assert_never

from common.contracts.escalations import EscalationReturned
from common.contracts.event import PersonId
from escalation.domain import wording
from escalation.domain.escalations import approvals, leases
from escalation.domain.escalations.climbing import advance, climb
from escalation.domain.escalations.met_causes import are_met, stop_climb
from escalation.domain.escalations.page_requests import page_level, page_person
from escalation.domain.escalations.responders import stop_at
from escalation.domain.model import Escalation, ms_between
from escalation.domain.situation import Decision, Situation, no_change
from escalation.domain.timers import AcknowledgementDue, LeaseExpires


def acknowledgement_due(situation: Situation, timer: AcknowledgementDue) -> Decision:
    """Nobody answered in time: it moves on, unless somebody answered while the timer fired."""
    escalation = situation.escalation
    if (
        escalation is None
        or escalation.deadline is None
        or escalation.escalation_id != timer.escalation_id
        or (escalation.level, escalation.round) != (timer.level, timer.round)
    ):
        return no_change(situation)
    match escalation.state:
        case "raised":
            explanation = wording.unanswered(escalation)
            if are_met(situation.contact, escalation):
                return stop_climb(situation, escalation, explanation)
            return advance(situation, escalation, explanation, escalation.deadline)
        case "approval_asked":
            return approvals.page_next_approvers(situation, escalation, escalation.deadline)
        case "acknowledged" | "taken_over" | "handed_back" | "resolved" | "closed":
            return no_change(situation)
        case _:
            assert_never(escalation.state)


def lease_expires(situation: Situation, timer: LeaseExpires) -> Decision:
    """The holder did not end it in time: it goes up, returns to the level, or wakes up."""
    escalation = leases.escalation_of_lease(situation, timer)
    if escalation is None or escalation.lease is None:
        return no_change(situation)
    holder = escalation.lease.holder
    match escalation.lease.ends_by:
        case "progress":
            return _climb(situation, escalation, holder, f"lease of {holder} expired")
        case "shift":
            return _return_to_level(situation, escalation, holder)
        case "snooze":
            return _wake(situation, escalation, holder)
        case _:
            assert_never(escalation.lease.ends_by)


def _climb(
    situation: Situation, escalation: Escalation, holder: PersonId, explanation: str
) -> Decision:
    decision = Decision(situation, timers=leases.cancel_warning(escalation))
    if are_met(situation.contact, escalation):
        released = leases.release(replace(escalation, awaited=(holder,)))
        return decision.then(stop_climb, released, explanation)
    passing = replace(escalation, awaited=(*escalation.awaited, holder))
    return decision.then(climb, leases.release(passing), explanation, escalation.deadline)


def _return_to_level(situation: Situation, escalation: Escalation, holder: PersonId) -> Decision:
    """Page those who are on duty now at its level; if there is nobody else, it goes up."""
    explanation = f"shift of {holder} ended"
    passing = replace(escalation, awaited=(holder,))
    stop = stop_at(situation, passing, escalation.level)
    if not stop.people or are_met(situation.contact, escalation):
        return _climb(situation, escalation, holder, explanation)
    returned = EscalationReturned(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        from_person=holder,
        level=escalation.level,
        level_name=escalation.level_name,
        reason=explanation,
        lateness_ms=ms_between(escalation.deadline or situation.at, situation.at),
    )
    return Decision(situation, (returned,), leases.cancel_warning(escalation)).then(
        page_level, leases.release(passing), stop, explanation, "returned"
    )


def _wake(situation: Situation, escalation: Escalation, holder: PersonId) -> Decision:
    """A snooze is over: the holder gets a new lease and a page."""
    grant = leases.grant_lease(situation, escalation, holder, escalation.state)
    page = page_person(situation, grant.escalation, holder, "snooze_over")
    return grant.decision(situation, leases.lease_renewed(situation, grant, holder), page)

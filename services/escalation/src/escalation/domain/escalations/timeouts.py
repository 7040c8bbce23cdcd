"""What happens to an escalation when nobody does anything in time.

A timer that was replaced while it fired finds another round or lease, and does nothing.
"""

from typing import assert_never

from common.contracts.escalations import EscalationReturned
from common.contracts.event import PersonId
from escalation.domain import wording
from escalation.domain.escalations import approvals, leases
from escalation.domain.escalations.climbing import ask, go_on, move_up, page
from escalation.domain.escalations.responders import landing_at
from escalation.domain.model import Escalation, ms_between
from escalation.domain.situation import Decision, Situation, nothing
from escalation.domain.timers import AcknowledgementDue, LeaseEnding, LeaseExpires
from escalation.domain.values import replace


def acknowledgement_due(situation: Situation, timer: AcknowledgementDue) -> Decision:
    """Nobody answered in time: it goes on, unless somebody did while the timer fired."""
    escalation = situation.escalation
    if (
        escalation is None
        or escalation.deadline is None
        or escalation.escalation_id != timer.escalation_id
        or (escalation.level, escalation.round) != (timer.level, timer.round)
    ):
        return nothing(situation)
    match escalation.state:
        case "raised":
            because = wording.unanswered(escalation.awaited)
            return go_on(situation, escalation, because, escalation.deadline)
        case "approval_asked":
            return approvals.ask_further(situation, escalation, escalation.deadline)
        case "acknowledged" | "taken_over" | "handed_back" | "resolved" | "closed":
            return nothing(situation)
        case _:
            assert_never(escalation.state)


def lease_ending(situation: Situation, timer: LeaseEnding) -> Decision:
    """Tell whoever has it that the lease ends soon."""
    escalation = _leased(situation, timer)
    if escalation is None or escalation.holder is None or escalation.warn_at is None:
        return nothing(situation)
    warned = replace(escalation, warn_at=None)
    because = wording.lease_ending(warned, situation.at)
    told = page(situation, warned, escalation.holder, "lease_ending", because)
    return Decision(replace(situation, escalation=warned), (told,))


def lease_expires(situation: Situation, timer: LeaseExpires) -> Decision:
    """Whoever had it made no end of it in time: it goes up, goes back, or wakes up."""
    escalation = _leased(situation, timer)
    if escalation is None or escalation.holder is None:
        return nothing(situation)
    match escalation.lease_end:
        # A lease from before leases said what ends them ended without progress.
        case "progress" | None:
            because = f"lease of {escalation.holder} expired"
            return _climb(situation, escalation, escalation.holder, because)
        case "shift":
            return _return(situation, escalation, escalation.holder)
        case "snooze":
            return _wake(situation, escalation, escalation.holder)
        case _:
            assert_never(escalation.lease_end)


def _leased(situation: Situation, timer: LeaseEnding | LeaseExpires) -> Escalation | None:
    escalation = situation.escalation
    if (
        escalation is None
        or escalation.escalation_id != timer.escalation_id
        or escalation.lease_no != timer.lease_no
    ):
        return None
    return escalation


def _climb(
    situation: Situation, escalation: Escalation, holder: PersonId, because: str
) -> Decision:
    passing = replace(escalation, awaited=(*escalation.awaited, holder))
    return Decision(situation, timers=leases.no_warning(escalation)).then(
        lambda now: move_up(now, leases.released(passing), because, escalation.deadline)
    )


def _return(situation: Situation, escalation: Escalation, holder: PersonId) -> Decision:
    """Ask those who are on duty now where it is; with nobody else there it goes up."""
    due_at = escalation.deadline or situation.at
    because = f"shift of {holder} ended"
    without = replace(escalation, awaited=(holder,))
    landing = landing_at(situation, without, escalation.level)
    if not landing.people:
        return _climb(situation, escalation, holder, because)
    returned = EscalationReturned(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        from_person=holder,
        level=escalation.level,
        level_name=escalation.level_name,
        reason=because,
        lateness_ms=ms_between(due_at, situation.at),
    )
    return Decision(situation, (returned,), leases.no_warning(escalation)).then(
        lambda now: ask(now, leases.released(without), landing, because, "returned")
    )


def _wake(situation: Situation, escalation: Escalation, holder: PersonId) -> Decision:
    """A snooze is over: whoever set it has a fresh lease, and is told."""
    fresh = leases.lease(situation, escalation, holder, escalation.state)
    told = page(situation, fresh.escalation, holder, "snooze_over", "the snooze is over")
    return fresh.decision(situation, leases.renewal(situation, fresh, holder), told)

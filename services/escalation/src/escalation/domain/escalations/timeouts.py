"""What happens when nobody acknowledges or decides in time. The end of a lease is in `leases`."""

from typing import assert_never

from escalation.domain import wording
from escalation.domain.escalations import approvals
from escalation.domain.escalations.climbing import advance
from escalation.domain.situation import Decision, Situation, no_change
from escalation.domain.timers import AcknowledgementDue


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
            return advance(situation, escalation, explanation, escalation.deadline)
        case "approval_asked":
            return approvals.page_next_approvers(situation, escalation, escalation.deadline)
        case "acknowledged" | "taken_over" | "handed_back" | "resolved" | "closed":
            return no_change(situation)
        case _:
            assert_never(escalation.state)

"""The acknowledgement clock: until when somebody must acknowledge an open escalation.

Escalations know nothing of clocks: this clock follows the events of a decision about them.
"""

from typing import assert_never

from common.contracts.clocks import ClockName
from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationCauseAdded,
    EscalationClosed,
    EscalationHandedBack,
    EscalationRaised,
    EscalationReopened,
    EscalationResolved,
    EscalationTakenOver,
)
from common.contracts.event import ContactEvent
from escalation.domain.change_reasons import ESCALATION_OPENED, escalation_ended
from escalation.domain.clocks.lifecycle import cancel_clock, meet_clock
from escalation.domain.clocks.schedule import start_clocks
from escalation.domain.situation import Decision, Situation

_CLOCK: ClockName = "acknowledgement"
_Opening = EscalationRaised | EscalationReopened
_Answer = EscalationAcknowledged | EscalationTakenOver
_End = EscalationHandedBack | EscalationResolved | EscalationClosed
_Trigger = _Opening | _Answer | _End


def follow(decision: Decision) -> Decision:
    """Add the events of the acknowledgement clock after those that start, meet or cancel it."""
    if not any(isinstance(event, _Trigger) for event in decision.events):
        return decision
    followed = Decision(
        decision.situation,
        timers=decision.timers,
        surprises=decision.surprises,
        ended_escalations=decision.ended_escalations,
        complaints=decision.complaints,
    )
    trigger: _Trigger | None = None
    for event in decision.events:
        # The causes of one escalation are published together.
        if trigger is not None and not isinstance(event, EscalationCauseAdded):
            followed, trigger = _react(followed, trigger), None
        followed = followed.then(_emit, event)
        if isinstance(event, _Trigger):
            trigger = event
    return followed if trigger is None else _react(followed, trigger)


def _emit(situation: Situation, event: ContactEvent) -> Decision:
    return Decision(situation, (event,))


def _react(decision: Decision, trigger: _Trigger) -> Decision:
    at = decision.situation.at
    match trigger:
        case EscalationRaised() | EscalationReopened():
            return decision.then(start_clocks, at, frozenset((_CLOCK,)), ESCALATION_OPENED)
        case EscalationAcknowledged() | EscalationTakenOver():
            return decision.then(meet_clock, _CLOCK, at)
        case EscalationHandedBack() | EscalationResolved() | EscalationClosed():
            (ended,) = (
                escalation
                for escalation in decision.ended_escalations
                if escalation.escalation_id == trigger.escalation_id
            )
            return decision.then(cancel_clock, _CLOCK, at, escalation_ended(ended))
        case _:
            assert_never(trigger)

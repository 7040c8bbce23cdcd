"""What people do with an escalation, and what happens when they do not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClosed,
    EscalationHandedBack,
    EscalationResolved,
    EscalationTakenOver,
    Outcome,
)
from common.contracts.event import PersonId
from common.messages import Cancel, Schedule
from escalation.domain import words
from escalation.domain.climbing import NO_LADDER_RETRY_S, above, move_up
from escalation.domain.situation import Decision, Situation, nothing
from escalation.domain.timers import ESCALATION_SLOT, AcknowledgementDue, LeaseExpires
from escalation.domain.watches import Escalation, EscalationState


class Refused(Exception):
    """The escalation is not in a state that allows this."""

    def __init__(self, state: EscalationState, detail: str) -> None:
        super().__init__(detail)
        self.state = state


def acknowledge(situation: Situation, by: PersonId) -> Decision:
    escalation = _open(situation)
    if escalation.state == "acknowledged" and escalation.holder == by:
        return nothing(situation)
    _require(escalation, by, "raised")
    lease_s = escalation.ladder.body.lease_s if escalation.ladder else NO_LADDER_RETRY_S
    leased, expiry = _leased(situation, escalation, by, "acknowledged", lease_s)
    acknowledged = EscalationAcknowledged(
        contact_id=leased.contact_id,
        occurred_at=situation.at,
        escalation_id=leased.escalation_id,
        by=by,
        lease_expires_at=expiry.due_at,
    )
    return Decision(replace(situation, escalation=leased), (acknowledged,), (expiry,))


def take_over(situation: Situation, by: PersonId) -> Decision:
    escalation = _open(situation)
    if escalation.state == "taken_over" and escalation.holder == by:
        return nothing(situation)
    _require(escalation, by, "raised", "acknowledged")
    lease_s = escalation.ladder.body.working_lease_s if escalation.ladder else NO_LADDER_RETRY_S
    leased, expiry = _leased(situation, escalation, by, "taken_over", lease_s)
    taken = EscalationTakenOver(
        contact_id=leased.contact_id,
        occurred_at=situation.at,
        escalation_id=leased.escalation_id,
        by=by,
    )
    return Decision(replace(situation, escalation=leased), (taken,), (expiry,))


def _leased(
    situation: Situation,
    escalation: Escalation,
    by: PersonId,
    state: EscalationState,
    lease_s: float,
) -> tuple[Escalation, Schedule]:
    until = situation.at + timedelta(seconds=lease_s)
    leased = replace(
        escalation, state=state, holder=by, lease_no=escalation.lease_no + 1, deadline=until
    )
    timer = LeaseExpires(
        contact_id=leased.contact_id,
        escalation_id=leased.escalation_id,
        lease_no=leased.lease_no,
    )
    return leased, Schedule(timer, until)


def hand_back(situation: Situation, by: PersonId, guidance: str) -> Decision:
    escalation = _open(situation)
    _require(escalation, by, "acknowledged", "taken_over")
    handed = EscalationHandedBack(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        guidance=guidance,
    )
    ended = replace(escalation, state="handed_back", note=guidance)
    return Decision(situation, (handed,)).then(_ending(ended))


def resolve(situation: Situation, by: PersonId, outcome: Outcome, note: str) -> Decision:
    escalation = _open(situation)
    _require(escalation, by, "acknowledged", "taken_over")
    resolved = EscalationResolved(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        outcome=outcome,
        note=note,
    )
    ended = replace(escalation, state="resolved", outcome=outcome, note=note)
    return Decision(situation, (resolved,)).then(_ending(ended))


def refer_up(situation: Situation, by: PersonId, reason: str) -> Decision:
    escalation = _open(situation)
    _require(escalation, by, "raised", "acknowledged", "taken_over")
    passing = _passing_over(escalation, by)
    if above(situation, passing) is None:
        raise Refused(escalation.state, f"Nobody is on duty above {escalation.level_name}.")
    return move_up(situation, passing, f"referred up by {by}: {reason}", due_at=None)


def _passing_over(escalation: Escalation, person: PersonId) -> Escalation:
    return replace(escalation, awaited=(*escalation.awaited, person))


def close(situation: Situation, because: str) -> Decision:
    """End the open escalation, if there is one, with nobody upstairs having acted."""
    escalation = situation.escalation
    if escalation is None:
        return nothing(situation)
    closed = EscalationClosed(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        because=because,
    )
    ended = replace(escalation, state="closed", note=because)
    return Decision(situation, (closed,)).then(_ending(ended))


def _ending(escalation: Escalation) -> Callable[[Situation], Decision]:
    def end(situation: Situation) -> Decision:
        ended = replace(escalation, awaited=(), deadline=None, closed_at=situation.at)
        watch = replace(situation.watch, escalation_id=None)
        return Decision(
            replace(situation, watch=watch, escalation=None),
            timers=(Cancel(situation.contact_id, ESCALATION_SLOT),),
            ended=(ended,),
        )

    return end


def acknowledgement_due(situation: Situation, timer: AcknowledgementDue) -> Decision:
    """Nobody answered in time: go up, unless somebody did while the timer fired."""
    escalation = situation.escalation
    if (
        escalation is None
        or escalation.deadline is None
        or escalation.state != "raised"
        or escalation.escalation_id != timer.escalation_id
        or (escalation.level, escalation.round) != (timer.level, timer.round)
    ):
        return nothing(situation)
    because = None
    if escalation.awaited:
        because = f"no answer from {words.people(escalation.awaited)}"
    return move_up(situation, escalation, because, escalation.deadline)


def lease_expires(situation: Situation, timer: LeaseExpires) -> Decision:
    """Whoever had it made no end of it in time: it goes up."""
    escalation = situation.escalation
    if (
        escalation is None
        or escalation.deadline is None
        or escalation.holder is None
        or escalation.escalation_id != timer.escalation_id
        or escalation.lease_no != timer.lease_no
    ):
        return nothing(situation)
    return move_up(
        situation,
        _passing_over(escalation, escalation.holder),
        f"lease of {escalation.holder} expired",
        escalation.deadline,
    )


def _open(situation: Situation) -> Escalation:
    if situation.escalation is None:
        raise Refused("closed", "It is no longer open.")
    return situation.escalation


def _require(escalation: Escalation, by: PersonId, *states: EscalationState) -> None:
    if escalation.state not in states or escalation.holder not in (None, by):
        raise Refused(escalation.state, f"It is {words.state(escalation)}.")

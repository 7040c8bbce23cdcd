"""What must be so before a person acts on an escalation; each refusal says why, with a code."""

from dataclasses import replace

from common.contracts.event import PersonId
from escalation.domain import wording
from escalation.domain.errors import ForbiddenError, RefusalCode, RefusedError
from escalation.domain.escalations.responders import (
    line_managers_of_accused,
    may_act,
    next_level,
)
from escalation.domain.model import Escalation, EscalationState, TrackedContact
from escalation.domain.situation import Situation


def open_escalation(situation: Situation, by: PersonId) -> Escalation:
    """Return the open escalation if there is one on which `by` may act."""
    if situation.escalation is None:
        raise RefusedError("closed", "It is no longer open.")
    require_uninvolved(situation.escalation, by)
    return situation.escalation


def require_uninvolved(escalation: Escalation, by: PersonId) -> None:
    if not may_act(escalation, by):
        raise ForbiddenError(
            "The complaint is about you: somebody else must act on it.", "complaint-about-you"
        )


def require_state(escalation: Escalation, by: PersonId, *states: EscalationState) -> None:
    is_held = escalation.holder not in (None, by)
    if is_held or escalation.state not in states:
        code: RefusalCode = "held-by-other" if is_held else "wrong-state"
        raise RefusedError(escalation.state, f"It is {wording.state(escalation)}.", code)


def held_by(situation: Situation, by: PersonId) -> Escalation:
    """Return the open escalation if `by` holds it."""
    escalation = open_escalation(situation, by)
    require_state(escalation, by, "acknowledged", "taken_over")
    return escalation


def held_to_end(situation: Situation, by: PersonId) -> Escalation:
    """Return the open escalation if `by` holds it and is no line manager of the accused."""
    escalation = held_by(situation, by)
    if by in line_managers_of_accused(escalation):
        raise ForbiddenError(
            f"{by} may not judge this complaint alone: somebody else must act.", "line-manager"
        )
    return escalation


def require_snoozes_left(escalation: Escalation) -> None:
    most = escalation.ladder.body.snoozes
    if escalation.snoozes >= most:
        detail = f"It was snoozed {most} times already, and that is the most."
        raise RefusedError(escalation.state, detail, "no-snoozes-left", number=most)


def require_level_above(situation: Situation, by: PersonId) -> Escalation:
    """Return it as it is when `by` refers it up, if somebody is on duty there."""
    escalation = open_escalation(situation, by)
    require_state(escalation, by, "raised", "acknowledged", "taken_over")
    passing = replace(escalation, awaited=(*escalation.awaited, by))
    if next_level(situation, passing) is None:
        detail = f"Nobody is on duty above {escalation.level_name}."
        raise RefusedError(
            escalation.state, detail, "nobody-above", level_name=escalation.level_name
        )
    return passing


def require_reopenable(contact: TrackedContact, ended: Escalation, by: PersonId) -> None:
    if contact.escalation_id is not None:
        detail = "The contact has another open escalation."
        raise RefusedError(ended.state, detail, "other-escalation-open")
    require_uninvolved(ended, by)

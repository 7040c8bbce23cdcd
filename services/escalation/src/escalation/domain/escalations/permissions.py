"""What a person may do with an escalation now: the checks with which each action begins."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from common.contracts.event import PersonId, Role
from escalation.domain import wording
from escalation.domain.errors import ForbiddenError, RefusalCode, RefusedError
from escalation.domain.escalations.approvals import require_approver, require_refuser
from escalation.domain.escalations.guards import (
    held_by,
    held_to_end,
    open_escalation,
    require_level_above,
    require_reopenable,
    require_snoozes_left,
    require_state,
)
from escalation.domain.model import Escalation, EscalationState
from escalation.domain.situation import Situation

# As the paths of the API name them.
Action = Literal[
    "acknowledge",
    "take-over",
    "renew",
    "snooze",
    "note",
    "request-coaching",
    "mediate",
    "hand-back",
    "hand-over",
    "refer-up",
    "resolve",
    "approve",
    "refuse",
    "reopen",
]
# Raises RefusedError or ForbiddenError.
Check = Callable[[Situation, PersonId, Role], object]


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether a person may do it now; if not, `detail` says why in words."""

    action: Action
    allowed: bool = True
    code: RefusalCode | None = None
    detail: str | None = None


def permissions_of(
    situation: Situation, escalation: Escalation, by: PersonId, role: Role
) -> tuple[Permission, ...]:
    """Return a permission for each action; `escalation` is the situation's, or has ended.

    An action that would change nothing is not allowed. What the body of a request asks for, such as
    the amount or the colleague, is checked only when it is sent.
    """
    if situation.escalation is not None:
        open_ones = (_permission(name, check, situation, by, role) for name, check in _CHECKS)
        detail = f"It is {wording.state(escalation)}."
        return (*open_ones, Permission("reopen", allowed=False, code="wrong-state", detail=detail))
    detail = f"It is {wording.state(escalation)} already."
    ended = (
        Permission(name, allowed=False, code="wrong-state", detail=detail) for name, _ in _CHECKS
    )

    def reopen(situation: Situation, by: PersonId, _role: Role) -> None:
        require_reopenable(situation.contact, escalation, by)

    return (*ended, _permission("reopen", reopen, situation, by, role))


def _permission(
    action: Action, check: Check, situation: Situation, by: PersonId, role: Role
) -> Permission:
    try:
        check(situation, by, role)
    except (RefusedError, ForbiddenError) as refusal:
        return Permission(action, allowed=False, code=refusal.code, detail=str(refusal))
    return Permission(action)


def _acknowledge(situation: Situation, by: PersonId, _role: Role) -> None:
    _take(situation, by, "acknowledged", "raised")


def _take_over(situation: Situation, by: PersonId, _role: Role) -> None:
    _take(situation, by, "taken_over", "raised", "acknowledged")


def _take(
    situation: Situation, by: PersonId, state: EscalationState, *before: EscalationState
) -> None:
    escalation = open_escalation(situation, by)
    if escalation.holder == by and (escalation.state == state or escalation.state not in before):
        raise RefusedError(
            escalation.state, f"It is {wording.state(escalation)} already.", "held-by-you"
        )
    require_state(escalation, by, *before)


def _hold(situation: Situation, by: PersonId, _role: Role) -> None:
    held_by(situation, by)


def _snooze(situation: Situation, by: PersonId, _role: Role) -> None:
    require_snoozes_left(held_by(situation, by))


def _note(situation: Situation, by: PersonId, _role: Role) -> None:
    open_escalation(situation, by)


def _end(situation: Situation, by: PersonId, _role: Role) -> None:
    held_to_end(situation, by)


def _refer_up(situation: Situation, by: PersonId, _role: Role) -> None:
    require_level_above(situation, by)


# In the order of the API; all are about an open escalation.
_CHECKS: Final[tuple[tuple[Action, Check], ...]] = (
    ("acknowledge", _acknowledge),
    ("take-over", _take_over),
    ("renew", _hold),
    ("snooze", _snooze),
    ("note", _note),
    ("request-coaching", _hold),
    ("mediate", _hold),
    ("hand-back", _end),
    ("hand-over", _hold),
    ("refer-up", _refer_up),
    ("resolve", _end),
    ("approve", require_approver),
    ("refuse", require_refuser),
)

"""Outcomes that cost more than the role of whoever has it may grant: somebody else approves."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from common.contracts.escalations import (
    ApprovalAsked,
    ApprovalRefused,
    EscalationResolved,
    EscalationUnanswered,
    Outcome,
)
from common.contracts.event import PersonId
from escalation.domain import wording
from escalation.domain.escalations import leases
from escalation.domain.escalations.actions import (
    ForbiddenError,
    RefusedError,
    ending,
    require,
    the_open,
)
from escalation.domain.escalations.climbing import ask, page, tell_operations
from escalation.domain.escalations.responders import Landing, above, landing_at, partial_to
from escalation.domain.model import Approval, Escalation, ms_between
from escalation.domain.settings.people import Role
from escalation.domain.situation import Decision, Situation
from escalation.domain.values import replace

_COSTLY: tuple[Outcome, ...] = ("refund", "credit")
# A role that has a limit in one currency has one in each.
_ANY_CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class Money:
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """What somebody grants, and what it costs if anything."""

    outcome: Outcome
    note: str
    money: Money | None = None


def settle(situation: Situation, by: PersonId, role: Role, settlement: Settlement) -> Decision:
    """Resolve it, or ask those above to approve what is over the limit of the role."""
    escalation = the_open(situation, by)
    require(escalation, by, "acknowledged", "taken_over")
    if by in partial_to(situation, escalation):
        raise ForbiddenError(f"{by} may not judge alone what it is about: it takes somebody else.")
    money = settlement.money
    if money is None and settlement.outcome in _COSTLY and _is_limited(situation, role):
        outcome = settlement.outcome
        raise ForbiddenError(f"A {outcome} takes its amount: what may be granted is limited here.")
    if money is None or _covers(situation, role, money):
        return _resolved(situation, escalation, by, settlement)
    approval = Approval(
        asked_by=by,
        outcome=settlement.outcome,
        amount=money.amount,
        currency=money.currency,
        note=settlement.note,
        asked_at=situation.at,
        state=escalation.state,
        level=escalation.level,
    )
    asking = replace(
        leases.released(escalation), state="approval_asked", approval=approval, awaited=(by,)
    )
    decision = Decision(situation, timers=leases.no_warning(escalation))
    landing = _next(situation, asking, approval) or _others(situation, asking, approval)
    if landing.people:
        return decision.then(partial(_ask, escalation=asking, approval=approval, landing=landing))
    return decision.then(partial(_ask_in_vain, escalation=asking, approval=approval, due_at=None))


def approve(situation: Situation, by: PersonId, role: Role) -> Decision:
    escalation = the_open(situation, by)
    approval = _asked(escalation)
    if by == approval.asked_by:
        raise ForbiddenError(f"It takes somebody else than {by}, who asks for it.")
    _require_limit(situation, role, approval)
    settlement = Settlement(
        approval.outcome, approval.note, Money(approval.amount, approval.currency)
    )
    return _resolved(situation, escalation, approval.asked_by, settlement, approved_by=by)


def refuse(situation: Situation, by: PersonId, role: Role, reason: str) -> Decision:
    """Give it back to whoever asks, who may also think better of it."""
    escalation = the_open(situation, by)
    approval = _asked(escalation)
    # To say no takes no limit, for those who are asked.
    if by not in (approval.asked_by, *escalation.awaited):
        _require_limit(situation, role, approval)
    refused = ApprovalRefused(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        reason=reason,
    )
    freed = replace(escalation, approval=None)
    lease = leases.lease(situation, freed, approval.asked_by, approval.state)
    if by == approval.asked_by:
        return lease.decision(situation, refused)
    because = f"{by} does not approve {_cost(approval)}: {reason}"
    told = page(situation, lease.escalation, approval.asked_by, "approval_refused", because)
    return lease.decision(situation, refused, told)


def ask_further(situation: Situation, escalation: Escalation, due_at: datetime) -> Decision:
    """Nobody decided in time: ask the next in turn, or further up, and at the top again."""
    approval = _asked(escalation)
    landing = _in_turn(situation, escalation, approval) or _next(situation, escalation, approval)
    if landing is None:
        return _ask_in_vain(situation, escalation, approval, due_at)
    return _ask(situation, escalation, approval, landing)


def _in_turn(situation: Situation, escalation: Escalation, approval: Approval) -> Landing | None:
    if escalation.ladder is None:
        return None
    if escalation.ladder.body.levels[approval.level].ask != "in_turn":
        return None
    asked = (*escalation.awaited, approval.asked_by)
    landing = landing_at(situation, replace(escalation, awaited=asked), approval.level)
    return replace(landing, asked_before=escalation.awaited) if landing.people else None


def _next(situation: Situation, escalation: Escalation, approval: Approval) -> Landing | None:
    """Return the next level above with somebody else than those who ask or were just asked."""
    asked = (*escalation.awaited, approval.asked_by)
    return above(situation, replace(escalation, level=approval.level, awaited=asked))


def _others(situation: Situation, escalation: Escalation, approval: Approval) -> Landing:
    """Return the others of the same level, whether they were asked or not."""
    if escalation.ladder is None:
        return Landing(approval.level, (), ())
    asking = replace(escalation, awaited=(approval.asked_by,))
    return landing_at(situation, asking, approval.level)


def _ask(
    situation: Situation, escalation: Escalation, approval: Approval, landing: Landing
) -> Decision:
    waiting = replace(escalation, approval=replace(approval, level=landing.level))
    levels = waiting.ladder.body.levels if waiting.ladder else ()
    asked = ApprovalAsked(
        contact_id=waiting.contact_id,
        occurred_at=situation.at,
        escalation_id=waiting.escalation_id,
        by=approval.asked_by,
        outcome=approval.outcome,
        amount=approval.amount,
        currency=approval.currency,
        note=approval.note,
        level=landing.level,
        level_name=levels[landing.level].name if levels else waiting.level_name,
        asked=landing.people,
    )
    because = "; ".join((f"{wording.wish(approval)}: {approval.note}", *landing.passed))
    return Decision(situation, (asked,)).then(
        lambda now: ask(now, waiting, landing, because, "approval_asked")
    )


def _ask_in_vain(
    situation: Situation, escalation: Escalation, approval: Approval, due_at: datetime | None
) -> Decision:
    """Ask the same level again, or look again if it is empty; operations are told of it once."""
    standing = replace(escalation, alarm_since=escalation.alarm_since or situation.at)
    landing = _others(situation, escalation, approval)
    unanswered = EscalationUnanswered(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        level=approval.level,
        lateness_ms=ms_between(due_at or situation.at, situation.at),
        standing_since=standing.alarm_since,
        waited_for=None if due_at is None else "acknowledgement_due",
    )
    surprises = () if landing.people else ("nobody_on_duty",)
    decision = _ask(situation, standing, approval, landing).then(
        lambda now: Decision(now, (unanswered,), surprises=surprises)
    )
    if escalation.alarm_since is not None:
        return decision
    because = f"nobody decides: {wording.wish(approval)}"
    return decision.then(partial(tell_operations, because=because))


def _resolved(
    situation: Situation,
    escalation: Escalation,
    by: PersonId,
    settlement: Settlement,
    approved_by: PersonId | None = None,
) -> Decision:
    money = settlement.money
    resolved = EscalationResolved(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        outcome=settlement.outcome,
        note=settlement.note,
        amount=money.amount if money else None,
        currency=money.currency if money else None,
        approved_by=approved_by,
    )
    ended = replace(
        escalation,
        state="resolved",
        holder=by,
        outcome=settlement.outcome,
        note=settlement.note,
        amount=money.amount if money else None,
        currency=money.currency if money else None,
        approved_by=approved_by,
    )
    return Decision(situation, (resolved,)).then(ending(ended))


def _asked(escalation: Escalation) -> Approval:
    if escalation.approval is None:
        raise RefusedError(escalation.state, f"It is {wording.state(escalation)}.")
    return escalation.approval


def _covers(situation: Situation, role: Role, money: Money) -> bool:
    limit = situation.configuration.limit_of(role, money.currency)
    return limit is None or money.amount <= limit


def _is_limited(situation: Situation, role: Role) -> bool:
    return situation.configuration.limit_of(role, _ANY_CURRENCY) is not None


def _require_limit(situation: Situation, role: Role, approval: Approval) -> None:
    limit = situation.configuration.limit_of(role, approval.currency)
    if limit is None or approval.amount <= limit:
        return
    own = wording.money(limit, approval.currency)
    raise ForbiddenError(
        f"It takes a role that may grant {_cost(approval)}; the role {role} may grant {own}."
    )


def _cost(approval: Approval) -> str:
    return wording.money(approval.amount, approval.currency)

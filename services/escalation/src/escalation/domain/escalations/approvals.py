"""Outcomes that cost more than the holder's role may grant: somebody else must approve them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import structs

from common.contracts.escalations import (
    ApprovalAsked,
    ApprovalRefused,
    EscalationResolved,
    EscalationUnanswered,
)
from common.contracts.event import PersonId, Role
from escalation.domain import wording
from escalation.domain.errors import ForbiddenError, RefusedError
from escalation.domain.escalations import leases
from escalation.domain.escalations.actions import close_with
from escalation.domain.escalations.climbing import alarm, climb, may_repeat, with_repeat
from escalation.domain.escalations.guards import held_to_end, open_escalation
from escalation.domain.escalations.page_requests import page_level, page_operations, page_person
from escalation.domain.escalations.responders import (
    NextStop,
    may_act,
    next_level,
    stop_at,
)
from escalation.domain.model import Approval, Escalation, Resolution, ms_between
from escalation.domain.money import Grant, Money, ProposedOutcome, total
from escalation.domain.situation import Decision, Situation


def resolve(situation: Situation, by: PersonId, role: Role, proposed: ProposedOutcome) -> Decision:
    """Resolve it, or ask the people above to approve what is over the role's limit."""
    escalation = held_to_end(situation, by)
    money = proposed.money
    if money is None or _limit_exceeded(situation, role, money) is None:
        return _resolve(situation, escalation, by, proposed)
    approval = Approval(
        asked_by=by,
        outcome=proposed.outcome,
        amount=money.amount,
        currency=money.currency,
        note=proposed.note,
        asked_at=situation.at,
        state_before=escalation.state,
        level=escalation.level,
    )
    asking = replace(
        leases.release(escalation), state="approval_asked", approval=approval, awaited=(by,)
    )
    decision = Decision(situation, timers=leases.cancel_warning(escalation))
    stop = _stop_above(situation, asking, approval) or _stop_beside(situation, asking, approval)
    if stop.people:
        return decision.then(_page_approvers, asking, approval, stop)
    return decision.then(_repeat_request, asking, approval, due_at=None)


def approve(situation: Situation, by: PersonId, role: Role) -> Decision:
    escalation, approval = require_approver(situation, by, role)
    proposed = ProposedOutcome(
        approval.outcome, approval.note, Money(approval.amount, approval.currency)
    )
    return _resolve(situation, escalation, approval.asked_by, proposed, approved_by=by)


def refuse(situation: Situation, by: PersonId, role: Role, reason: str) -> Decision:
    """Give it back to the person who asked; that person may withdraw the request this way too."""
    escalation, approval = require_refuser(situation, by, role)
    refused = ApprovalRefused(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        reason=reason,
    )
    if not may_act(escalation, approval.asked_by):
        return _return_to_level(situation, escalation, approval, refused)
    without_request = replace(escalation, approval=None)
    grant = leases.grant_lease(situation, without_request, approval.asked_by, approval.state_before)
    if by == approval.asked_by:
        return grant.decision(situation, refused)
    explanation = f"{by} does not approve {_cost(approval)}: {reason}"
    page = page_person(
        situation, grant.escalation, approval.asked_by, "approval_refused", explanation
    )
    return grant.decision(situation, refused, page)


def require_approver(situation: Situation, by: PersonId, role: Role) -> tuple[Escalation, Approval]:
    """Return what is to be approved, if `by` may approve it."""
    escalation = open_escalation(situation, by)
    approval = _pending_approval(escalation)
    if by == approval.asked_by:
        detail = f"{by} asks for it, so somebody else must approve it."
        raise ForbiddenError(detail, "own-request")
    _require_limit(situation, by, role, approval)
    return escalation, approval


def require_refuser(situation: Situation, by: PersonId, role: Role) -> tuple[Escalation, Approval]:
    """Return what is to be refused, if `by` may refuse it: who is asked may, whatever the limit."""
    escalation = open_escalation(situation, by)
    approval = _pending_approval(escalation)
    if by not in (approval.asked_by, *escalation.awaited):
        _require_limit(situation, by, role, approval)
    return escalation, approval


def _return_to_level(
    situation: Situation, escalation: Escalation, approval: Approval, refused: ApprovalRefused
) -> Decision:
    """Page others, since a complaint about the person who asked is open."""
    passing = replace(leases.release(escalation), awaited=(approval.asked_by,))
    explanation = f"{refused.by} does not approve {_cost(approval)}: {refused.reason}"
    return Decision(situation, (refused,)).then(climb, passing, explanation)


def page_next_approvers(
    situation: Situation, escalation: Escalation, due_at: datetime | None
) -> Decision:
    """Nobody decided in time: ask the next in turn, or further up, and at the top again.

    `due_at` is None if those who were asked may no longer decide.
    """
    approval = _pending_approval(escalation)
    stop = _next_stop(situation, escalation, approval)
    if stop is None:
        return _repeat_request(situation, escalation, approval, due_at)
    return _page_approvers(situation, escalation, approval, stop)


def pass_on(situation: Situation, escalation: Escalation, explanation: str | None) -> Decision:
    """Nobody who was asked was reached: ask the next in turn or further up, else raise an alarm."""
    approval = _pending_approval(escalation)
    stop = _next_stop(situation, escalation, approval)
    if stop is None:
        return alarm(situation, escalation, explanation)
    return page_operations(situation, explanation, "unreachable").then(
        _page_approvers, escalation, approval, stop
    )


def _next_stop(situation: Situation, escalation: Escalation, approval: Approval) -> NextStop | None:
    """Return the next in turn, or else the next level above with others; None at the top."""
    if escalation.levels and escalation.levels[approval.level].ask == "in_turn":
        others = _others_at_level(situation, escalation, approval)
        if others.people:
            return others
    return _stop_above(situation, escalation, approval)


def _others_at_level(situation: Situation, escalation: Escalation, approval: Approval) -> NextStop:
    """Return who at the level was not asked yet; those who were may still decide."""
    excluded = (*escalation.awaited, approval.asked_by)
    others = stop_at(situation, replace(escalation, awaited=excluded), approval.level)
    return replace(others, paged_before=escalation.awaited)


def _stop_above(
    situation: Situation, escalation: Escalation, approval: Approval
) -> NextStop | None:
    """Return the next level above with people other than those who ask or were just asked."""
    excluded = (*escalation.awaited, approval.asked_by)
    return next_level(situation, replace(escalation, level=approval.level, awaited=excluded))


def _stop_beside(situation: Situation, escalation: Escalation, approval: Approval) -> NextStop:
    """Return the other people of the same level, also those who were asked before."""
    asking = replace(escalation, awaited=(approval.asked_by,))
    return stop_at(situation, asking, approval.level)


def _page_approvers(
    situation: Situation, escalation: Escalation, approval: Approval, stop: NextStop
) -> Decision:
    repeats = escalation.top_repeats if stop.level == approval.level else 0
    waiting = replace(escalation, approval=replace(approval, level=stop.level), top_repeats=repeats)
    request = ApprovalAsked(
        contact_id=waiting.contact_id,
        occurred_at=situation.at,
        escalation_id=waiting.escalation_id,
        by=approval.asked_by,
        outcome=approval.outcome,
        amount=approval.amount,
        currency=approval.currency,
        note=approval.note,
        level=stop.level,
        level_name=waiting.name_of(stop.level),
        approvers=stop.people,
    )
    explanation = wording.joined(*map(wording.vacancy, stop.vacancies))
    return Decision(situation, (request,)).then(
        page_level, waiting, stop, explanation, "approval_asked"
    )


def _repeat_request(
    situation: Situation, escalation: Escalation, approval: Approval, due_at: datetime | None
) -> Decision:
    """Ask the same level again, or look again if it is empty; page operations once about it."""
    alarmed = replace(escalation, alarm_since=escalation.alarm_since or situation.at)
    if not may_repeat(escalation):
        return _ask_others(situation, alarmed, approval)
    stop = _stop_beside(situation, escalation, approval)
    surprises = () if stop.people else ("nobody_on_duty",)
    if not stop.people and escalation.alarm_since is not None:
        looking = page_level(situation, alarmed, stop, None, "approval_asked")
        return structs.replace(looking, surprises=surprises)
    unanswered = EscalationUnanswered(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        level=approval.level,
        lateness_ms=ms_between(due_at or situation.at, situation.at),
        standing_since=alarmed.alarm_since,
        waited_for=None if due_at is None else "acknowledgement_due",
    )
    decision = _page_approvers(situation, with_repeat(alarmed), approval, stop)
    decision = structs.replace(
        decision,
        events=(*decision.events, unanswered),
        surprises=(*decision.surprises, *surprises),
    )
    if escalation.alarm_since is not None:
        return decision
    return decision.then(page_operations, "nobody decides")


def _ask_others(situation: Situation, escalation: Escalation, approval: Approval) -> Decision:
    """The repeats are over: ask only people at the level who were not asked yet."""
    others = _others_at_level(situation, escalation, approval)
    if others.people:
        again = replace(escalation, top_repeats=0)
        return _page_approvers(situation, again, approval, others)
    return page_level(situation, escalation, others, None, "approval_asked")


def _resolve(
    situation: Situation,
    escalation: Escalation,
    by: PersonId,
    proposed: ProposedOutcome,
    approved_by: PersonId | None = None,
) -> Decision:
    money = proposed.money
    resolution = Resolution(
        by=by,
        note=proposed.note,
        outcome=proposed.outcome,
        amount=money.amount if money else None,
        currency=money.currency if money else None,
        approved_by=approved_by,
    )
    resolved = EscalationResolved(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        outcome=proposed.outcome,
        note=resolution.note,
        level=escalation.level,
        amount=resolution.amount,
        currency=resolution.currency,
        approved_by=approved_by,
    )
    return Decision(situation, (resolved,)).then(close_with, escalation, "resolved", resolution)


def _pending_approval(escalation: Escalation) -> Approval:
    if escalation.approval is None:
        raise RefusedError(escalation.state, f"It is {wording.state(escalation)}.")
    return escalation.approval


def _limit_exceeded(situation: Situation, role: Role, money: Money) -> tuple[Money, Money] | None:
    """Return what the role may grant and what was granted before, if the money is too much."""
    limit, currency = situation.configuration.limit_for(role), money.currency
    if limit is None:
        return None
    window = situation.at - timedelta(days=limit.window_days)
    to_contact = total(_grants_to_contact(situation), currency)
    to_customer = total((grant for grant in situation.grants if grant.at > window), currency)
    most = limit.limits.get(currency, Decimal(0))
    most_of_customer = limit.per_customer.get(currency, most)
    if to_contact + money.amount <= most and to_customer + money.amount <= most_of_customer:
        return None
    return Money(most, currency), Money(max(to_contact, to_customer), currency)


def _grants_to_contact(situation: Situation) -> Iterator[Grant]:
    return (grant for grant in situation.grants if grant.contact_id == situation.contact_id)


def _require_limit(situation: Situation, by: PersonId, role: Role, approval: Approval) -> None:
    """Who stands in for others may approve what they may."""
    money = Money(approval.amount, approval.currency)
    exceeded = _limit_exceeded(situation, role, money)
    if exceeded is None:
        return
    represented = situation.configuration.roles_represented(by, situation.at)
    if any(_limit_exceeded(situation, other, money) is None for other in represented):
        return
    most, granted = (wording.money(money.amount, money.currency) for money in exceeded)
    before = f", and {granted} were granted before" if exceeded[1].amount else ""
    raise ForbiddenError(
        f"It takes a role that may grant {_cost(approval)}; the role {role} may grant "
        f"{most}{before}.",
        "limit-exceeded",
        currency=approval.currency,
        amount=str(approval.amount),
        limit=str(exceeded[0].amount),
        granted=str(exceeded[1].amount),
    )


def _cost(approval: Approval) -> str:
    return wording.money(approval.amount, approval.currency)

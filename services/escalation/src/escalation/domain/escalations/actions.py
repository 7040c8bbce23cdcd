"""What people do with an escalation: who has it, and what that one does.

What happens when nobody does anything is in `deadlines`, what costs too much in `approvals`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from common.contracts.escalations import (
    CoachingRequested,
    EscalationAcknowledged,
    EscalationClosed,
    EscalationHandedBack,
    EscalationHandedOver,
    EscalationMediated,
    EscalationNoted,
    EscalationReferredUp,
    EscalationReopened,
    EscalationsEvent,
    EscalationSnoozed,
    EscalationTakenOver,
)
from common.contracts.event import PersonId
from common.messages import Cancel
from escalation.domain import wording
from escalation.domain.clocks import lifecycle, schedule
from escalation.domain.escalations import coaching, leases
from escalation.domain.escalations.climbing import ask, move_up
from escalation.domain.escalations.responders import Landing, above, landing_at, may_act, partial_to
from escalation.domain.model import Escalation, EscalationState
from escalation.domain.situation import Decision, Situation, nothing
from escalation.domain.timers import ESCALATION_SLOT
from escalation.domain.values import replace


class RefusedError(Exception):
    """The escalation is not in a state that allows this."""

    def __init__(self, state: EscalationState, detail: str) -> None:
        super().__init__(detail)
        self.state = state


class ForbiddenError(Exception):
    """This person may not do it; the message says what it takes."""


def acknowledge(situation: Situation, by: PersonId) -> Decision:
    escalation = the_open(situation, by)
    if escalation.state == "acknowledged" and escalation.holder == by:
        return nothing(situation)
    require(escalation, by, "raised")
    lease = leases.lease(situation, escalation, by, "acknowledged")
    acknowledged = EscalationAcknowledged(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        lease_expires_at=lease.ends_at,
    )
    return lease.decision(situation, acknowledged).then(lifecycle.escalation_answered)


def take_over(situation: Situation, by: PersonId) -> Decision:
    escalation = the_open(situation, by)
    if escalation.state == "taken_over" and escalation.holder == by:
        return nothing(situation)
    require(escalation, by, "raised", "acknowledged")
    lease = leases.lease(situation, escalation, by, "taken_over")
    taken = EscalationTakenOver(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        lease_expires_at=lease.ends_at,
    )
    return lease.decision(situation, taken).then(lifecycle.escalation_answered)


def renew(situation: Situation, by: PersonId) -> Decision:
    """Begin the lease anew, as after a snooze that one ends oneself."""
    return leases.renew(situation, _held(situation, by), by)


def snooze(situation: Situation, by: PersonId, until: datetime, reason: str) -> Decision:
    escalation = _held(situation, by)
    rules = leases.rules(escalation)
    latest = situation.at + timedelta(seconds=rules.snooze_limit_s)
    if not situation.at < until <= latest:
        limit = wording.span(rules.snooze_limit_s)
        raise RefusedError(escalation.state, f"A snooze ends within {limit} from now.")
    if escalation.snoozes >= rules.snoozes:
        raise RefusedError(escalation.state, f"It may be snoozed {rules.snoozes} times, and was.")
    asleep = leases.snooze(situation, escalation, by, until)
    snoozed = EscalationSnoozed(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        until=asleep.ends_at,
        reason=reason,
    )
    return asleep.decision(situation, snoozed)


def note(situation: Situation, by: PersonId, text: str) -> Decision:
    """Write down what others should know; anybody upstairs may."""
    escalation = the_open(situation, by)
    noted = EscalationNoted(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        text=text,
    )
    return _progress(situation, by, noted)


def request_coaching(
    situation: Situation, by: PersonId, person_id: PersonId, text: str
) -> Decision:
    escalation = _held(situation, by)
    requested = CoachingRequested(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        person_id=person_id,
        text=text,
    )
    return _progress(situation, by, requested, *coaching.pages(situation, escalation, requested))


def mediate(
    situation: Situation,
    by: PersonId,
    customer_statement: str,
    representative_statement: str,
    proposal: str,
) -> Decision:
    escalation = _held(situation, by)
    mediated = EscalationMediated(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        customer_statement=customer_statement,
        representative_statement=representative_statement,
        proposal=proposal,
    )
    return _progress(situation, by, mediated)


def _progress(situation: Situation, by: PersonId, *events: EscalationsEvent) -> Decision:
    return Decision(situation, events).then(partial(leases.progress, by=by))


def hand_back(situation: Situation, by: PersonId, guidance: str) -> Decision:
    escalation = _held(situation, by)
    handed = EscalationHandedBack(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        guidance=guidance,
    )
    ended = replace(escalation, state="handed_back", note=guidance)
    return Decision(situation, (handed,)).then(ending(ended))


def hand_over(situation: Situation, by: PersonId, to: PersonId, context: str) -> Decision:
    """Give it sideways: `to` is asked, and without an answer it goes on as on the ladder."""
    escalation = _held(situation, by)
    if to == by:
        raise RefusedError(escalation.state, f"It is {wording.state(escalation)} already.")
    if not may_act(escalation, to):
        raise ForbiddenError(f"The complaint is about {to}: it takes somebody else.")
    if to in partial_to(situation, escalation):
        raise ForbiddenError(f"{to} may not judge alone what it is about: it takes somebody else.")
    handed = EscalationHandedOver(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        to=to,
        context=context,
    )
    landing = Landing(escalation.level, (to,), ())
    because = f"{by} hands it over: {context}"
    return Decision(situation, (handed,), leases.no_warning(escalation)).then(
        lambda now: ask(now, leases.released(escalation), landing, because, "handed_over")
    )


def refer_up(situation: Situation, by: PersonId, reason: str) -> Decision:
    escalation = the_open(situation, by)
    require(escalation, by, "raised", "acknowledged", "taken_over")
    passing = replace(escalation, awaited=(*escalation.awaited, by))
    if above(situation, passing) is None:
        raise RefusedError(escalation.state, f"Nobody is on duty above {escalation.level_name}.")
    referred = EscalationReferredUp(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        reason=reason,
    )
    because = f"referred up by {by}: {reason}"
    return Decision(situation, (referred,), leases.no_warning(escalation)).then(
        lambda now: move_up(now, leases.released(passing), because, due_at=None)
    )


def close(situation: Situation, because: str) -> Decision:
    """End the open escalation, if there is one, with nobody upstairs having acted."""
    escalation = situation.escalation
    if escalation is None:
        return nothing(situation)
    closed = EscalationClosed(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        reason=because,
    )
    ended = replace(escalation, state="closed", note=because)
    return Decision(situation, (closed,)).then(ending(ended))


def ending(escalation: Escalation) -> Callable[[Situation], Decision]:
    def end(situation: Situation) -> Decision:
        ended = replace(
            escalation,
            awaited=(),
            deadline=None,
            closed_at=situation.at,
            lease_end=None,
            warn_at=None,
            snoozed_until=None,
            approval=None,
            alarm_since=None,
        )
        watch = replace(situation.watch, escalation_id=None)
        return Decision(
            replace(situation, watch=watch, escalation=None),
            timers=(
                Cancel(situation.contact_id, ESCALATION_SLOT),
                *leases.no_warning(escalation),
            ),
            ended=(ended,),
        ).then(partial(lifecycle.escalation_ended, because=f"escalation {wording.state(ended)}"))

    return end


def reopen(situation: Situation, ended: Escalation, by: PersonId, reason: str) -> Decision:
    """Open it again where it ended, also of a contact that is resolved."""
    if situation.escalation is not None:
        raise RefusedError(ended.state, "The contact has another one open.")
    require_uninvolved(ended, by)
    reopened = replace(
        ended,
        state="raised",
        holder=None,
        closed_at=None,
        outcome=None,
        note=None,
        amount=None,
        currency=None,
        approved_by=None,
        snoozes=0,
        repeats=0,
    )
    event = EscalationReopened(
        contact_id=ended.contact_id,
        occurred_at=situation.at,
        escalation_id=ended.escalation_id,
        by=by,
        reason=reason,
        severity=reopened.severity,
        level=reopened.level,
        level_name=reopened.level_name,
    )
    watch = replace(situation.watch, escalation_id=reopened.escalation_id)
    after = replace(situation, watch=watch, escalation=reopened)
    because = f"reopened by {by}: {reason}"
    return (
        Decision(after, (event,))
        .then(schedule.escalation_raised)
        .then(lambda now: _ask_anew(now, reopened, because))
    )


def _ask_anew(situation: Situation, escalation: Escalation, because: str) -> Decision:
    if escalation.ladder is not None:
        landing = landing_at(situation, escalation, escalation.level)
        if landing.people:
            return ask(situation, escalation, landing, because, "raised")
    return move_up(situation, escalation, because, due_at=None)


def the_open(situation: Situation, by: PersonId) -> Escalation:
    """Return the open escalation, if there is one and `by` may do anything with it."""
    if situation.escalation is None:
        raise RefusedError("closed", "It is no longer open.")
    require_uninvolved(situation.escalation, by)
    return situation.escalation


def require_uninvolved(escalation: Escalation, by: PersonId) -> None:
    if not may_act(escalation, by):
        raise ForbiddenError("The complaint is about you: it takes somebody else.")


def require(escalation: Escalation, by: PersonId, *states: EscalationState) -> None:
    if escalation.state not in states or escalation.holder not in (None, by):
        raise RefusedError(escalation.state, f"It is {wording.state(escalation)}.")


def _held(situation: Situation, by: PersonId) -> Escalation:
    escalation = the_open(situation, by)
    require(escalation, by, "acknowledged", "taken_over")
    return escalation

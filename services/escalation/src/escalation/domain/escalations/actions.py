"""What people do with an escalation: acknowledge, work on it, hand it on, end it, reopen it.

Timeouts are in `timeouts`, outcomes over a limit in `approvals`.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from msgspec import structs

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
    PageRequested,
)
from common.contracts.event import PageId, PersonId
from common.contracts.page_subjects import PagedCoaching
from common.core.durations import duration_text
from common.core.ids import derived_id
from common.messages import Cancel
from escalation.domain import wording
from escalation.domain.change_reasons import Reason
from escalation.domain.errors import ForbiddenError, PastTimeError, RefusedError
from escalation.domain.escalations import leases
from escalation.domain.escalations.climbing import climb
from escalation.domain.escalations.guards import (
    held_by,
    held_to_end,
    open_escalation,
    require_level_above,
    require_reopenable,
    require_snoozes_left,
    require_state,
)
from escalation.domain.escalations.page_requests import page_level, paged_causes, paged_contact
from escalation.domain.escalations.responders import (
    NextStop,
    in_place_of,
    line_managers_of_accused,
    may_act,
    stop_at,
)
from escalation.domain.model import Escalation, EscalationState, Resolution
from escalation.domain.settings.people import reporting_line
from escalation.domain.situation import Decision, Situation, no_change
from escalation.domain.timers import ESCALATION_SLOT


def acknowledge(situation: Situation, by: PersonId) -> Decision:
    escalation = open_escalation(situation, by)
    if escalation.state == "acknowledged" and escalation.holder == by:
        return no_change(situation)
    require_state(escalation, by, "raised")
    grant = leases.grant_lease(situation, escalation, by, "acknowledged")
    acknowledged = EscalationAcknowledged(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        lease_expires_at=grant.ends_at,
    )
    return grant.decision(situation, acknowledged)


def take_over(situation: Situation, by: PersonId) -> Decision:
    escalation = open_escalation(situation, by)
    if escalation.state == "taken_over" and escalation.holder == by:
        return no_change(situation)
    require_state(escalation, by, "raised", "acknowledged")
    grant = leases.grant_lease(situation, escalation, by, "taken_over")
    taken_over = EscalationTakenOver(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        lease_expires_at=grant.ends_at,
    )
    return grant.decision(situation, taken_over)


def renew_lease(situation: Situation, by: PersonId) -> Decision:
    """Start the lease again; this ends a snooze too."""
    return leases.restart_lease(situation, held_by(situation, by), by)


def snooze(situation: Situation, by: PersonId, until: datetime, reason: str) -> Decision:
    escalation = held_by(situation, by)
    rules = escalation.ladder.body
    if until <= situation.at:
        raise PastTimeError("until")
    if until > situation.at + timedelta(seconds=rules.snooze_limit_s):
        limit = duration_text(rules.snooze_limit_s)
        raise RefusedError(
            escalation.state,
            f"A snooze must end within {limit} from now.",
            "snooze-too-long",
            limit_s=rules.snooze_limit_s,
        )
    require_snoozes_left(escalation)
    grant = leases.snooze_lease(situation, escalation, by, until)
    snoozed = EscalationSnoozed(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        until=grant.ends_at,
        reason=reason,
    )
    return grant.decision(situation, snoozed)


def add_note(situation: Situation, by: PersonId, text: str) -> Decision:
    """Add a note for the others; anybody who may act on it may add one."""
    escalation = open_escalation(situation, by)
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
    escalation = held_by(situation, by)
    requested = CoachingRequested(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        person_id=person_id,
        text=text,
    )
    return _progress(situation, by, requested, *_page_superior(situation, escalation, requested))


def _page_superior(
    situation: Situation, escalation: Escalation, requested: CoachingRequested
) -> tuple[PageRequested, ...]:
    """Page the superior of the person to coach, or the stand-in, unless holder or accused.

    The page waits for no answer and outlives the escalation, so it carries no escalation id.
    """
    line = reporting_line(situation.configuration.staff, requested.person_id)
    if not line or not may_act(escalation, line[0]):
        return ()
    superior, absence = in_place_of(situation, line[0])
    if superior == requested.by or not may_act(escalation, superior):
        return ()
    topic = "coaching", requested.person_id, situation.at.isoformat()
    page = PageRequested(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        page_id=PageId(derived_id(escalation.escalation_id, *topic)),
        person_id=superior,
        reason="coaching",
        absence=absence,
        contact=paged_contact(situation.contact),
        causes=paged_causes(situation.contact, escalation),
        cause_count=escalation.cause_count,
        coaching=PagedCoaching(by=requested.by, person_id=requested.person_id, text=requested.text),
    )
    return (page,)


def mediate(
    situation: Situation,
    by: PersonId,
    customer_statement: str,
    representative_statement: str,
    proposal: str,
) -> Decision:
    escalation = held_by(situation, by)
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
    return Decision(situation, events).then(leases.record_progress, by)


def hand_back(situation: Situation, by: PersonId, guidance: str) -> Decision:
    escalation = held_to_end(situation, by)
    handed_back = EscalationHandedBack(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        guidance=guidance,
    )
    return Decision(situation, (handed_back,)).then(
        close_with, escalation, "handed_back", Resolution(by, guidance)
    )


def hand_over(situation: Situation, by: PersonId, to: PersonId, context: str) -> Decision:
    """Give it to a colleague, who is paged; without an answer it moves on up the ladder.

    A stand-in takes the place of who is absent.
    """
    escalation = held_by(situation, by)
    situation.configuration.require_person("to", to)
    to, absence = in_place_of(situation, to)
    if to == by:
        raise RefusedError(
            escalation.state, f"It is {wording.state(escalation)} already.", "held-by-you"
        )
    if not may_act(escalation, to):
        raise ForbiddenError(
            f"The complaint is about {to}: choose somebody else.",
            "complaint-about-other",
            person_id=to,
        )
    if to in line_managers_of_accused(escalation):
        raise ForbiddenError(
            f"{to} may not judge this complaint alone: choose somebody else.",
            "line-manager-of-other",
            person_id=to,
        )
    handed_over = EscalationHandedOver(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        to=to,
        context=context,
    )
    return Decision(situation, (handed_over,), leases.cancel_warning(escalation)).then(
        page_level,
        leases.release(escalation),
        NextStop(escalation.level, (to,), absence=absence),
        f"{by} hands it over: {context}",
        "handed_over",
    )


def refer_up(situation: Situation, by: PersonId, reason: str) -> Decision:
    escalation = require_level_above(situation, by)
    referred = EscalationReferredUp(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        by=by,
        reason=reason,
    )
    return Decision(situation, (referred,), leases.cancel_warning(escalation)).then(
        climb, leases.release(escalation), f"referred up by {by}: {reason}"
    )


def close_escalation(situation: Situation, reason: Reason) -> Decision:
    """End the open escalation, if there is one, because its contact ended."""
    escalation = situation.escalation
    if escalation is None:
        return no_change(situation)
    closed = EscalationClosed(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        reason=reason.text,
        change_reason=reason.data,
    )
    return Decision(situation, (closed,)).then(
        close_with, escalation, "closed", Resolution(escalation.holder, closed.reason)
    )


def close_with(
    situation: Situation, escalation: Escalation, state: EscalationState, resolution: Resolution
) -> Decision:
    """End the open escalation in a closed state."""
    ended = replace(
        escalation,
        state=state,
        awaited=(),
        pages=(),
        deadline=None,
        lease=None,
        approval=None,
        alarm_since=None,
        closed_at=situation.at,
        resolution=resolution,
    )
    contact = structs.replace(situation.contact, escalation_id=None)
    return Decision(
        situation.with_contact(contact).with_escalation(None),
        timers=(
            Cancel(situation.contact_id, ESCALATION_SLOT),
            *leases.cancel_warning(escalation),
        ),
        ended_escalations=(ended,),
    )


def reopen_escalation(
    situation: Situation, ended: Escalation, by: PersonId, reason: str
) -> Decision:
    """Open it again at the level where it ended, also for a resolved contact."""
    require_reopenable(situation.contact, ended, by)
    reopened = replace(
        ended,
        state="raised",
        reopened=True,
        closed_at=None,
        resolution=None,
        snoozes=0,
        repeats=0,
        top_repeats=0,
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
    contact = structs.replace(situation.contact, escalation_id=reopened.escalation_id)
    after = situation.with_contact(contact).with_escalation(reopened)
    return Decision(after, (event,)).then(
        _page_level_again, reopened, f"reopened by {by}: {reason}"
    )


def _page_level_again(situation: Situation, escalation: Escalation, explanation: str) -> Decision:
    stop = stop_at(situation, escalation, escalation.level)
    if stop.people:
        return page_level(situation, escalation, stop, explanation, "raised")
    return climb(situation, escalation, explanation)

"""Raises an escalation, or adds a cause to the open one and reviews its severity."""

from dataclasses import replace

from msgspec import structs

from common.contracts.complaints import ComplaintRaised
from common.contracts.escalations import EscalationCauseAdded, EscalationRaised
from common.contracts.event import EscalationId
from common.core.ids import derived_id
from escalation.domain.escalations.causes import (
    OUTLIVING_CAUSES,
    add_cause,
    is_news,
    outlives_contact,
    with_source,
)
from escalation.domain.escalations.climbing import climb, select_ladder
from escalation.domain.escalations.met_causes import are_met
from escalation.domain.escalations.page_requests import page_level, page_person
from escalation.domain.escalations.responders import conflicted_only, may_act, stop_at
from escalation.domain.model import Escalation, EscalationCause, TrackedContact
from escalation.domain.settings.registry import DEFAULT_LADDER, NO_LADDER
from escalation.domain.situation import Decision, Situation, no_change


def raise_or_merge(situation: Situation, *causes: EscalationCause) -> Decision:
    """Raise an escalation, or add the causes to the open one; the first cause decides whether
    anything happens.
    """
    if not causes or not _matters(situation, causes[0]):
        return no_change(situation)
    if situation.escalation is None:
        return _raise(situation, *causes)
    decision = no_change(situation)
    for cause in causes:
        decision = decision.then(_merge, cause)
    return decision


def _matters(situation: Situation, cause: EscalationCause) -> bool:
    """Return whether it may escalate: an ended contact only if the cause outlives it."""
    contact, escalation = situation.contact, situation.escalation
    if contact.is_open or contact.opened_at is None:
        return contact.is_open
    still_open = escalation is not None and outlives_contact(escalation)
    return cause.kind in OUTLIVING_CAUSES or still_open


def _merge(situation: Situation, cause: EscalationCause) -> Decision:
    """Add the cause to the open escalation; page the people concerned if it is news."""
    escalation = situation.escalation
    if escalation is None:
        return no_change(situation)
    merged = add_cause(escalation, cause)
    # A person whom the new cause accuses is no longer awaited and gets no page.
    eligible = tuple(person for person in merged.awaited if may_act(merged, person))
    if eligible or merged.lease is not None:
        merged = replace(merged, awaited=eligible)
    after = situation.with_escalation(merged)
    complaints = _complaint_raised(after, merged, cause)
    decision = Decision(after, (_added(after, merged, cause), *complaints))
    if conflicted_only(merged):
        return decision
    if escalation.state == "raised" and are_met(situation.contact, escalation):
        return decision.then(_ask_again, merged)
    return decision.then(_tell, merged) if is_news(escalation, cause) else decision


def _tell(situation: Situation, escalation: Escalation) -> Decision:
    """Page the holder, or those who are asked; with an approval also who asks for it."""
    concerned = escalation.awaited if escalation.lease is None else (escalation.lease.holder,)
    if escalation.approval is not None:
        concerned = tuple(dict.fromkeys((*concerned, escalation.approval.asked_by)))
    pages = tuple(page_person(situation, escalation, person, "updated") for person in concerned)
    return Decision(situation, pages)


def _ask_again(situation: Situation, escalation: Escalation) -> Decision:
    """It stood at its level since all its causes were met: from there it goes on."""
    again = replace(escalation, repeats=0, top_repeats=0)
    stop = stop_at(situation, replace(again, awaited=()), again.level)
    if not stop.people:
        return climb(situation, again, explanation=None)
    return page_level(situation, again, stop, explanation=None, reason="updated")


def _added(
    situation: Situation, escalation: Escalation, cause: EscalationCause
) -> EscalationCauseAdded:
    return EscalationCauseAdded(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        cause=cause.kind,
        reason=cause.reason,
        severity=escalation.severity,
    )


def _complaint_raised(
    situation: Situation, escalation: Escalation, cause: EscalationCause
) -> tuple[ComplaintRaised, ...]:
    if cause.complaint_id is None or cause.about is None:
        return ()
    raised = ComplaintRaised(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        complaint_id=cause.complaint_id,
        about=cause.about,
    )
    return (raised,)


def _raise(situation: Situation, cause: EscalationCause, *further: EscalationCause) -> Decision:
    contact = situation.contact
    escalation = Escalation(
        escalation_id=_next_id(contact),
        contact_id=contact.contact_id,
        state="raised",
        severity=contact.severity,
        ladder=NO_LADDER,
        causes=(cause,),
        raised_at=situation.at,
    )
    escalation = with_source(escalation, cause)
    added: list[EscalationCauseAdded] = []
    for later in further:
        escalation = add_cause(escalation, later)
        added.append(_added(situation, escalation, later))
    ladder = select_ladder(situation, escalation.severity)
    escalation = replace(escalation, ladder=ladder)
    raised = EscalationRaised(
        contact_id=contact.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        cause=cause.kind,
        reason=cause.reason,
        severity=contact.severity,
        ladder_id=ladder.id or contact.ladder_id or DEFAULT_LADDER,
        ladder_version=ladder.version,
        level=escalation.level,
        level_name=escalation.level_name,
        received_from=contact.details.received_from if contact.details else None,
        external_ref=contact.details.external_ref if contact.details else None,
    )
    contact = structs.replace(
        contact,
        escalation_id=escalation.escalation_id,
        escalation_count=contact.escalation_count + 1,
    )
    after = situation.with_contact(contact).with_escalation(escalation)
    complaints = _complaint_raised(after, escalation, cause)
    return Decision(after, (raised, *complaints, *added)).then(climb, escalation, explanation=None)


def _next_id(contact: TrackedContact) -> EscalationId:
    number = contact.escalation_count + 1
    return EscalationId(derived_id(contact.contact_id, "escalation", number))

"""What happens when a clock passes a threshold: somebody is warned, or the contact is escalated."""

from datetime import datetime
from typing import assert_never

from common.contracts.clocks import ClockBreached, ClockName, ClockWarned
from common.contracts.escalations import Cause, PageRequested, PriorityChangeAsked
from common.contracts.event import PageId, PersonId
from common.contracts.page_subjects import PagedAbsence
from common.core.ids import derived_id
from escalation.domain import wording
from escalation.domain.clocks import schedule
from escalation.domain.escalations.page_requests import paged_cause, paged_contact
from escalation.domain.escalations.raising import raise_or_merge
from escalation.domain.escalations.responders import absence_behind, find_responders, is_on_duty
from escalation.domain.model import (
    EscalationCause,
    SlaClock,
    Threshold,
    TrackedContact,
    ms_between,
)
from escalation.domain.settings.ladders import Level
from escalation.domain.situation import Decision, Situation, no_change


def fire_overdue(situation: Situation, name: ClockName, before: datetime) -> Decision:
    """Fire what was due before `before` and whose timer is late, so that no event depends on it."""
    decision = no_change(situation)
    while True:
        clock = decision.situation.contact.clock(name)
        threshold = clock.next_threshold if clock else None
        if clock is None or threshold is None:
            return decision
        if threshold.due_at >= before or threshold.due_at > situation.at:
            return decision
        decision = decision.then(fire_threshold, clock, threshold)


def warned_representative(decision: Decision) -> PersonId | None:
    """Return the contact's representative if the decision warns that person."""
    person = decision.situation.contact.representative_id
    warned = any(
        isinstance(event, PageRequested) and (event.reason, event.person_id) == ("warning", person)
        for event in decision.events
    )
    return person if warned else None


def fire_threshold(situation: Situation, clock: SlaClock, threshold: Threshold) -> Decision:
    lateness_ms = ms_between(threshold.due_at, situation.at)
    event: ClockBreached | ClockWarned
    if threshold == clock.deadline:
        event = ClockBreached(
            contact_id=situation.contact_id,
            occurred_at=situation.at,
            clock=clock.name,
            due_at=clock.due_at,
            lateness_ms=lateness_ms,
            policy_id=clock.policy.id,
            policy_version=clock.policy.version,
            run=clock.run,
            representative_id=situation.contact.representative_id,
            team_id=situation.contact.team_id,
        )
    else:
        event = ClockWarned(
            contact_id=situation.contact_id,
            occurred_at=situation.at,
            clock=clock.name,
            threshold_percent=threshold.percent,
            due_at=clock.due_at,
            lateness_ms=lateness_ms,
            threshold_due_at=threshold.due_at,
            action=threshold.action,
            policy_id=clock.policy.id,
            policy_version=clock.policy.version,
        )
    return schedule.emit(situation, event).then(_take_action, clock, threshold)


def _take_action(situation: Situation, clock: SlaClock, threshold: Threshold) -> Decision:
    match threshold.action:
        case "raise":
            cause: Cause = "warning" if threshold.due_at < clock.due_at else "breach"
            return raise_or_merge(situation, _cause(situation, cause, clock, threshold))
        case "warn_representative":
            return _warn(situation, clock, threshold, _representative(situation))
        case "warn_supervisor":
            return _warn(situation, clock, threshold, _supervisors(situation))
        case "change_priority":
            return _request_priority_change(situation, clock, threshold)
        case _:
            assert_never(threshold.action)


def _cause(
    situation: Situation, kind: Cause, clock: SlaClock, threshold: Threshold
) -> EscalationCause:
    return EscalationCause(
        kind=kind,
        reason=wording.at_stake(clock, threshold),
        at=situation.at,
        clock=clock.name,
        due_at=clock.due_at,
        clock_run=clock.run,
    )


def _request_priority_change(
    situation: Situation, clock: SlaClock, threshold: Threshold
) -> Decision:
    details = situation.contact.details
    priority = threshold.priority
    if not situation.contact.is_open or details is None or priority in (None, details.priority):
        return no_change(situation)
    request = PriorityChangeAsked(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        priority=priority,
        reason=wording.at_stake(clock, threshold),
    )
    return Decision(situation, (request,))


def _warn(
    situation: Situation, clock: SlaClock, threshold: Threshold, people: tuple[PersonId, ...]
) -> Decision:
    contact = situation.contact
    if not contact.is_open:
        return no_change(situation)
    cause = _cause(situation, "warning", clock, clock.deadline)
    pages = tuple(
        PageRequested(
            contact_id=contact.contact_id,
            occurred_at=situation.at,
            page_id=_page_id(contact, clock, threshold, person),
            person_id=person,
            reason="warning",
            severity=contact.severity,
            respond_by=clock.due_at,
            contact=paged_contact(contact),
            causes=(paged_cause(contact, cause),),
            on_duty=_is_on_duty(situation, person),
            absence=_absence_behind(situation, person),
        )
        for person in people
    )
    return Decision(situation, pages)


def _representative(situation: Situation) -> tuple[PersonId, ...]:
    """Return the representative, or the people whom the ladder pages first.

    Those are warned for a contact without representative, and for one who is offline or has left;
    if they are nobody, the representative is warned all the same.
    """
    person = situation.contact.representative_id
    if person is None:
        return _supervisors(situation)
    if person in situation.offline or situation.configuration.has_left(person):
        return _supervisors(situation) or (person,)
    return (person,)


def _levels(situation: Situation) -> tuple[Level, ...]:
    return situation.configuration.ladder_for(situation.contact.ladder_id).body.levels


def _is_on_duty(situation: Situation, person: PersonId) -> bool:
    return any(is_on_duty(situation, level, person) for level in _levels(situation))


def _absence_behind(situation: Situation, person: PersonId) -> PagedAbsence | None:
    """The representative is warned in the own right."""
    if person == situation.contact.representative_id:
        return None
    return absence_behind(situation, _levels(situation), person)


def _supervisors(situation: Situation) -> tuple[PersonId, ...]:
    people_by_level = (find_responders(situation, level).people for level in _levels(situation))
    return next((people for people in people_by_level if people), ())


def _page_id(
    contact: TrackedContact, clock: SlaClock, threshold: Threshold, person: PersonId
) -> PageId:
    place = clock.name, clock.run, threshold.due_at.isoformat(), threshold.action
    return PageId(derived_id(contact.contact_id, *place, person))

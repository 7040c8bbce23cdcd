"""What comes of a threshold that is passed: someone is told, or it goes upstairs."""

from datetime import datetime
from functools import partial
from typing import assert_never
from uuid import NAMESPACE_OID, uuid5

from common.contracts.escalations import (
    Cause,
    ClockBreached,
    ClockName,
    ClockWarned,
    PageRequested,
    PriorityChangeAsked,
)
from common.contracts.event import PageId, PersonId
from escalation.domain import wording
from escalation.domain.clocks import schedule
from escalation.domain.escalations.climbing import escalate
from escalation.domain.escalations.responders import find
from escalation.domain.model import Clock, Reason, Threshold, Watch, ms_between
from escalation.domain.situation import Decision, Situation, nothing


def overdue(situation: Situation, name: ClockName, before: datetime) -> Decision:
    """Fire what was due before `before` and whose timer is late: no fact depends on that delay."""
    decision = nothing(situation)
    while True:
        clock = decision.situation.watch.clock(name)
        threshold = clock.next_threshold if clock else None
        if clock is None or threshold is None:
            return decision
        if threshold.due_at >= before or threshold.due_at > situation.at:
            return decision
        decision = decision.then(partial(fire, clock=clock, threshold=threshold))


def fire(situation: Situation, clock: Clock, threshold: Threshold) -> Decision:
    lateness_ms = ms_between(threshold.due_at, situation.at)
    if threshold == clock.deadline:
        breached = ClockBreached(
            contact_id=situation.contact_id,
            occurred_at=situation.at,
            clock=clock.name,
            due_at=clock.due_at,
            lateness_ms=lateness_ms,
            policy_id=clock.policy.id,
            policy_version=clock.policy.version,
        )
        fired = schedule.record(situation, breached)
    else:
        warned = ClockWarned(
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
        fired = schedule.record(situation, warned)
    return fired.then(partial(_act, clock=clock, threshold=threshold))


def _act(situation: Situation, clock: Clock, threshold: Threshold) -> Decision:
    match threshold.action:
        case "raise":
            return escalate(situation, _reason(situation, clock, threshold))
        case "warn_representative":
            return _warn(situation, clock, threshold, _representative(situation))
        case "warn_supervisor":
            return _warn(situation, clock, threshold, _supervisors(situation))
        case "change_priority":
            return _ask_for_priority(situation, clock, threshold)
        case _:
            assert_never(threshold.action)


def _reason(situation: Situation, clock: Clock, threshold: Threshold) -> Reason:
    """Before its end a promise is in danger, from then on it is broken."""
    cause: Cause = "warning" if threshold.due_at < clock.due_at else "breach"
    return Reason(
        cause=cause,
        text=wording.at_stake(clock, threshold),
        at=situation.at,
        clock=clock.name,
        due_at=clock.due_at,
    )


def _ask_for_priority(situation: Situation, clock: Clock, threshold: Threshold) -> Decision:
    contact = situation.watch.contact
    wanted = threshold.priority
    if not situation.watch.is_open or contact is None or wanted in (None, contact.priority):
        return nothing(situation)
    asked = PriorityChangeAsked(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        priority=wanted,
        reason=wording.at_stake(clock, threshold),
    )
    return Decision(situation, (asked,))


def _warn(
    situation: Situation, clock: Clock, threshold: Threshold, people: tuple[PersonId, ...]
) -> Decision:
    watch = situation.watch
    if not watch.is_open:
        return nothing(situation)
    pages = tuple(
        PageRequested(
            contact_id=watch.contact_id,
            occurred_at=situation.at,
            page_id=_page_id(watch, clock, threshold, person),
            person_id=person,
            reason="warning",
            headline=wording.warning_headline(watch, clock, situation.at),
            why=wording.why(watch, [wording.unkept(clock)]),
            severity=watch.severity,
            respond_by=clock.due_at,
        )
        for person in people
    )
    return Decision(situation, pages)


def _representative(situation: Situation) -> tuple[PersonId, ...]:
    """Return the representative, or while there is none those whom the ladder asks first."""
    person = situation.watch.representative_id
    return _supervisors(situation) if person is None else (person,)


def _supervisors(situation: Situation) -> tuple[PersonId, ...]:
    ladder = situation.configuration.ladder(situation.watch.ladder_id)
    levels = ladder.body.levels if ladder else ()
    asked = (find(situation, level).people for level in levels)
    return next((people for people in asked if people), ())


def _page_id(watch: Watch, clock: Clock, threshold: Threshold, person: PersonId) -> PageId:
    place = f"{clock.name}/{clock.run}/{threshold.due_at.isoformat()}/{threshold.action}"
    return PageId(str(uuid5(NAMESPACE_OID, f"{watch.contact_id}/{place}/{person}")))

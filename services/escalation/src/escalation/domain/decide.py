"""What each fact means for a contact: one function a message.

Facts of different topics come in any order. What cannot be acted on yet is kept in the watch; what
the contact's resolution has overtaken is dropped.
"""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import assert_never

from common.contracts.assignments import AssignmentReleased, ContactAssigned, ContactReferred
from common.contracts.contacts import (
    ContactReceived,
    ContactReopened,
    ContactResolved,
    RepresentativeReplied,
    SupervisorRequested,
)
from common.contracts.event import PersonId
from common.contracts.notifications import NotificationActedOn
from escalation.domain import promises, working
from escalation.domain.climbing import escalate
from escalation.domain.policies import Contact
from escalation.domain.situation import Decision, Situation, nothing
from escalation.domain.watches import Reason, Referral


class NotOpen(Exception):
    """The contact is not open."""


def received(situation: Situation, event: ContactReceived) -> Decision:
    if situation.watch.contact is not None:
        return nothing(situation)
    contact = Contact(
        channel=event.channel,
        priority=event.priority,
        topic=event.topic_of_contact,
        language=event.language,
        tier=event.customer.tier,
        region=event.customer.region,
        customer=event.customer.name,
        subject=event.subject,
        received_at=event.occurred_at,
    )
    watch = replace(situation.watch, contact=contact, opened_at=event.occurred_at)
    return (
        nothing(replace(situation, watch=watch))
        .then(partial(promises.start, since=event.occurred_at))
        .then(_meet_assignment)
        .then(_take_up_referral)
    )


def assigned(situation: Situation, event: ContactAssigned) -> Decision:
    watch = replace(
        situation.watch,
        representative_id=event.representative_id,
        assigned_at=situation.watch.assigned_at or event.occurred_at,
    )
    return _meet_assignment(replace(situation, watch=watch))


def _meet_assignment(situation: Situation) -> Decision:
    if situation.watch.assigned_at is None:
        return nothing(situation)
    return promises.meet(situation, "assignment", situation.watch.assigned_at)


def released(situation: Situation, event: AssignmentReleased) -> Decision:
    if situation.watch.representative_id != event.representative_id:
        return nothing(situation)
    return nothing(replace(situation, watch=replace(situation.watch, representative_id=None)))


def replied(situation: Situation, event: RepresentativeReplied) -> Decision:
    return promises.meet(situation, "first_response", event.occurred_at)


def resolved(situation: Situation, event: ContactResolved) -> Decision:
    watch = replace(situation.watch, resolved_at=event.occurred_at)
    by = f" by {event.by}" if event.by else ""
    because = f"contact resolved{by}"
    return (
        promises.meet(replace(situation, watch=watch), "resolution", event.occurred_at)
        .then(partial(_cancel_rest, at=event.occurred_at, because=because))
        .then(partial(working.close, because=because))
    )


def _cancel_rest(situation: Situation, at: datetime, because: str) -> Decision:
    decision = nothing(situation)
    for clock in situation.watch.clocks:
        decision = decision.then(partial(promises.cancel, name=clock.name, at=at, because=because))
    return decision


def reopened(situation: Situation, event: ContactReopened) -> Decision:
    watch = replace(situation.watch, opened_at=event.occurred_at, resolved_at=None)
    return promises.start(
        replace(situation, watch=watch), event.occurred_at, only="resolution"
    ).then(_take_up_referral)


def supervisor_requested(situation: Situation, event: SupervisorRequested) -> Decision:
    reason = Reason(
        cause="customer_request",
        text=f'Customer: "{event.quote}"',
        at=event.occurred_at,
    )
    return escalate(situation, reason)


def referred(situation: Situation, event: ContactReferred) -> Decision:
    referral = Referral(event.representative_id, event.reason, event.occurred_at)
    watch = replace(situation.watch, referral=referral)
    return _take_up_referral(replace(situation, watch=watch))


def _take_up_referral(situation: Situation) -> Decision:
    """Act on the referral once the contact is open; drop one that an earlier end has overtaken."""
    watch, referral = situation.watch, situation.watch.referral
    if referral is None or watch.opened_at is None or not watch.is_open:
        return nothing(situation)
    after = replace(situation, watch=replace(watch, referral=None))
    if referral.at < watch.opened_at:
        return nothing(after)
    reason = Reason(
        cause="referral",
        text=f"{referral.by} refers it: {referral.reason}",
        at=referral.at,
        by=referral.by,
    )
    return escalate(after, reason)


def acted_on(situation: Situation, event: NotificationActedOn) -> Decision:
    """Do what a person pressed; a press that comes too late changes nothing."""
    escalation = situation.escalation
    if escalation is None or escalation.escalation_id != event.escalation_id:
        return Decision(situation, surprises=("action_came_too_late",))
    try:
        match event.action:
            case "acknowledge":
                return working.acknowledge(situation, event.person_id)
            case "take_over":
                return working.take_over(situation, event.person_id)
            case _:
                assert_never(event.action)
    except working.Refused:
        return Decision(situation, surprises=("action_came_too_late",))


def raised_by_hand(situation: Situation, by: PersonId, reason: str) -> Decision:
    if not situation.watch.is_open:
        raise NotOpen
    return escalate(
        situation,
        Reason(cause="manual", text=f"{by}: {reason}", at=situation.at, by=by),
    )

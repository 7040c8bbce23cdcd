"""What each fact means for a contact: one function a message.

Facts of different topics come in any order. What cannot be acted on yet is kept in the watch; what
the contact's resolution has overtaken is dropped.
"""

from functools import partial
from typing import assert_never

from common.contracts.assignments import AssignmentReleased, ContactAssigned, ContactReferred
from common.contracts.contacts import (
    ContactPrioritized,
    ContactReceived,
    ContactReopened,
    ContactResolved,
    CustomerWrote,
    FeedbackReceived,
    RepresentativeReplied,
    SupervisorRequested,
    WaitingOnCustomer,
)
from common.contracts.event import PersonId
from common.contracts.notifications import NotificationActedOn
from escalation.domain import wording
from escalation.domain.clocks import lifecycle
from escalation.domain.escalations import actions, causes, leases
from escalation.domain.escalations.climbing import escalate, move_up, outlives_contact
from escalation.domain.escalations.responders import unfit
from escalation.domain.model import Reason, Referral
from escalation.domain.settings.policies import Contact
from escalation.domain.situation import Decision, Situation, nothing
from escalation.domain.values import replace


class NotOpenError(Exception):
    """The contact is not open."""


def received(situation: Situation, event: ContactReceived) -> Decision:
    if situation.watch.contact is not None:
        return nothing(situation)
    contact = contact_of(event)
    watch = replace(
        situation.watch,
        contact=contact,
        customer_id=event.customer.customer_id,
        opened_at=event.occurred_at,
    )
    return (
        nothing(replace(situation, watch=watch))
        .then(partial(lifecycle.receive, since=event.occurred_at))
        .then(lifecycle.assigned)
        .then(partial(_raise_on_receipt, contact=contact))
        .then(_take_up_referral)
    )


def contact_of(event: ContactReceived) -> Contact:
    return Contact(
        channel=event.channel,
        priority=event.priority,
        topic=event.topic_of_contact,
        language=event.language,
        tier=event.customer.tier,
        region=event.customer.region,
        customer=event.customer.name,
        subject=event.subject,
        received_at=event.occurred_at,
        campaign=event.campaign,
    )


def _raise_on_receipt(situation: Situation, contact: Contact) -> Decision:
    reasons = causes.on_receipt(situation, contact)
    return escalate(situation, *reasons) if reasons else nothing(situation)


def assigned(situation: Situation, event: ContactAssigned) -> Decision:
    watch = replace(
        situation.watch,
        representative_id=event.representative_id,
        team_id=event.team_id,
        assigned_at=situation.watch.assigned_at or event.occurred_at,
    )
    return lifecycle.assigned(replace(situation, watch=watch))


def released(situation: Situation, event: AssignmentReleased) -> Decision:
    if situation.watch.representative_id != event.representative_id:
        return nothing(situation)
    return nothing(replace(situation, watch=replace(situation.watch, representative_id=None)))


def replied(situation: Situation, event: RepresentativeReplied) -> Decision:
    watch = replace(situation.watch, replied_at=event.occurred_at)
    return lifecycle.reply(replace(situation, watch=watch), event.occurred_at)


def wrote(situation: Situation, event: CustomerWrote) -> Decision:
    if not situation.watch.is_open:
        return nothing(situation)
    return lifecycle.ask(_with_us(situation), event.occurred_at)


def waiting(situation: Situation, event: WaitingOnCustomer) -> Decision:
    if not situation.watch.is_open:
        return nothing(situation)
    watch = replace(situation.watch, waiting_since=event.occurred_at)
    return lifecycle.pause(replace(situation, watch=watch), event.occurred_at)


def _with_us(situation: Situation) -> Situation:
    """Say that the next word is no longer the customer's."""
    return replace(situation, watch=replace(situation.watch, waiting_since=None))


def prioritized(situation: Situation, event: ContactPrioritized) -> Decision:
    contact = situation.watch.contact
    if contact is None:
        return nothing(situation)
    changed = replace(contact, priority=event.priority)
    watch = replace(situation.watch, contact=changed)
    because = f"priority {contact.priority} became {event.priority}: {event.reason}"
    return lifecycle.retarget(replace(situation, watch=watch), event.occurred_at, because)


def resolved(situation: Situation, event: ContactResolved) -> Decision:
    watch = replace(situation.watch, resolved_at=event.occurred_at, waiting_since=None)
    by = f" by {event.by}" if event.by else ""
    because = f"contact resolved{by}"
    settled = lifecycle.settle(replace(situation, watch=watch), event.occurred_at, because)
    return settled.then(partial(_close, because=because))


def _close(situation: Situation, because: str) -> Decision:
    escalation = situation.escalation
    if escalation is not None and outlives_contact(escalation):
        return nothing(situation)
    return actions.close(situation, because)


def rated(situation: Situation, event: FeedbackReceived) -> Decision:
    """Take bad feedback upstairs; it mostly comes when the contact is resolved."""
    reason = causes.of_feedback(situation, event)
    return nothing(situation) if reason is None else escalate(situation, reason)


def reopened(situation: Situation, event: ContactReopened) -> Decision:
    if situation.watch.is_open:
        return lifecycle.resume(_with_us(situation), event.occurred_at, "contact reopened")
    watch = replace(situation.watch, opened_at=event.occurred_at, resolved_at=None)
    return lifecycle.reopen(replace(situation, watch=watch), event.occurred_at).then(
        _take_up_referral
    )


def supervisor_requested(situation: Situation, event: SupervisorRequested) -> Decision:
    reason = Reason(
        cause="customer_request",
        text=f'Customer: "{event.quote}"',
        at=event.occurred_at,
    )
    heard = lifecycle.resume(_with_us(situation), event.occurred_at, "the customer spoke up")
    return heard.then(partial(escalate, reason=reason))


def referred(situation: Situation, event: ContactReferred) -> Decision:
    referral = Referral(event.representative_id, event.reason, event.occurred_at)
    watch = replace(situation.watch, referral=referral)
    return _take_up_referral(replace(situation, watch=watch))


def _take_up_referral(situation: Situation) -> Decision:
    """Act on the last referral once the contact is open, unless an earlier end has overtaken it.

    It is kept: a resolution that is only heard of now may have ended what it raised.
    """
    watch, referral = situation.watch, situation.watch.referral
    if referral is None or watch.opened_at is None or not watch.is_open:
        return nothing(situation)
    if referral.at < watch.opened_at:
        return nothing(situation)
    reason = Reason(
        cause="referral",
        text=f"{referral.by} refers it: {referral.reason}",
        at=referral.at,
        by=referral.by,
    )
    return escalate(situation, reason)


def acted_on(situation: Situation, event: NotificationActedOn) -> Decision:
    """Do what a person pressed; a press that comes too late changes nothing."""
    escalation = situation.escalation
    if escalation is None or escalation.escalation_id != event.escalation_id:
        return Decision(situation, surprises=("action_came_too_late",))
    try:
        match event.action:
            case "acknowledge":
                return actions.acknowledge(situation, event.person_id)
            case "take_over":
                return actions.take_over(situation, event.person_id)
            case _:
                assert_never(event.action)
    except (actions.RefusedError, actions.ForbiddenError):
        return Decision(situation, surprises=("action_came_too_late",))


def raised_by_hand(
    situation: Situation, by: PersonId, reason: str, about: PersonId | None = None
) -> Decision:
    """Take it upstairs; with `about` it is a complaint, which may also follow the contact's end."""
    watch = situation.watch
    if not watch.is_open and (about is None or watch.opened_at is None):
        raise NotOpenError
    return escalate(situation, causes.by_hand(situation, by, reason, about)).then(_find_a_judge)


def _find_a_judge(situation: Situation) -> Decision:
    """Take it from those who may not judge what it is now about; let others be asked."""
    escalation = situation.escalation
    concerned = unfit(situation, escalation) if escalation else ()
    if escalation is None or not concerned:
        return nothing(situation)
    passing = replace(
        leases.released(escalation),
        awaited=tuple(dict.fromkeys((*escalation.awaited, *concerned))),
        approval=None,
    )
    because = f"{wording.people(concerned)} may not judge alone what it is about"
    return Decision(situation, timers=leases.no_warning(escalation)).then(
        lambda now: move_up(now, passing, because, due_at=None)
    )

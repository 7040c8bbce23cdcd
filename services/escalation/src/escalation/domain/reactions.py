"""What each message means for a contact: one function an event or timer, and the table of them.

Events of different topics come in any order. What cannot be acted on yet is stored with the
contact; what the end of the contact has overtaken is dropped.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, assert_never

from common.contracts.assignments import AssignmentReleased, ContactAssigned, ContactReferred
from common.contracts.contacts import (
    ContactAbandoned,
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
from common.contracts.event import ContactEvent, PersonId
from common.contracts.notifications import NotificationActedOn, NotificationFailed
from common.contracts.texts import excerpt
from common.messages import Timer
from escalation.domain import complaints, wording
from escalation.domain.clocks import acknowledgement, lifecycle
from escalation.domain.errors import ContactNotOpenError, ForbiddenError, RefusedError
from escalation.domain.escalations import actions, approvals, causes, leases, timeouts
from escalation.domain.escalations.climbing import climb
from escalation.domain.escalations.page_failures import record_page_failure
from escalation.domain.escalations.raising import raise_or_merge
from escalation.domain.escalations.responders import conflicted_only
from escalation.domain.model import EscalationCause, Referral
from escalation.domain.settings.policies import ContactDetails
from escalation.domain.situation import Decision, Situation, no_change
from escalation.domain.timers import (
    AcknowledgementDue,
    ClockDue,
    LeaseExpires,
    LeaseWarningDue,
    PolicyChanged,
)


def receive_contact(situation: Situation, event: ContactReceived) -> Decision:
    if situation.contact.details is not None:
        return no_change(situation)
    details = details_of(event)
    contact = replace(
        situation.contact,
        details=details,
        customer_id=event.customer.customer_id,
        opened_at=event.occurred_at,
    )
    return (
        lifecycle.start_on_receipt(replace(situation, contact=contact), event.occurred_at)
        .then(lifecycle.meet_assignment)
        .then(_raise_on_receipt, details)
        .then(_act_on_referral)
    )


def details_of(event: ContactReceived) -> ContactDetails:
    return ContactDetails(
        channel=event.channel,
        priority=event.priority,
        topic=event.topic_of_contact,
        language=event.language,
        tier=event.customer.tier,
        region=event.customer.region,
        customer=excerpt(event.customer.name) if event.customer.name else None,
        subject=excerpt(event.subject),
        received_at=event.occurred_at,
        campaign=event.campaign,
        received_from=event.received_from,
    )


def _raise_on_receipt(situation: Situation, details: ContactDetails) -> Decision:
    return raise_or_merge(situation, *causes.on_receipt(situation, details))


def record_assignment(situation: Situation, event: ContactAssigned) -> Decision:
    contact = replace(
        situation.contact,
        representative_id=event.representative_id,
        representatives=causes.last_people(
            situation.contact.representatives, (event.representative_id,)
        ),
        team_id=event.team_id,
        assigned_at=situation.contact.assigned_at or event.occurred_at,
    )
    return lifecycle.meet_assignment(replace(situation, contact=contact))


def record_release(situation: Situation, event: AssignmentReleased) -> Decision:
    if situation.contact.representative_id != event.representative_id:
        return no_change(situation)
    contact = replace(situation.contact, representative_id=None)
    return no_change(replace(situation, contact=contact))


def record_reply(situation: Situation, event: RepresentativeReplied) -> Decision:
    """Meet the response clocks; an automatic reply is no response and changes nothing."""
    if event.automatic:
        return no_change(situation)
    contact = replace(situation.contact, replied_at=event.occurred_at)
    return lifecycle.meet_on_reply(replace(situation, contact=contact), event.occurred_at)


def record_customer_message(situation: Situation, event: CustomerWrote) -> Decision:
    if not situation.contact.is_open:
        return no_change(situation)
    return lifecycle.expect_reply(_without_waiting(situation), event.occurred_at)


def wait_for_customer(situation: Situation, event: WaitingOnCustomer) -> Decision:
    if not situation.contact.is_open:
        return no_change(situation)
    contact = replace(situation.contact, waiting_since=event.occurred_at)
    return lifecycle.pause_clocks(replace(situation, contact=contact), event.occurred_at)


def _without_waiting(situation: Situation) -> Situation:
    return replace(situation, contact=replace(situation.contact, waiting_since=None))


def change_priority(situation: Situation, event: ContactPrioritized) -> Decision:
    details = situation.contact.details
    if details is None:
        return no_change(situation)
    contact = replace(situation.contact, details=replace(details, priority=event.priority))
    reason = f"priority {details.priority} became {event.priority}: {event.reason}"
    after = replace(situation, contact=contact)
    return lifecycle.retarget_clocks(after, event.occurred_at, reason)


def resolve_contact(situation: Situation, event: ContactResolved) -> Decision:
    by = f" by {event.by}" if event.by else ""
    reason = f"contact resolved{by}"
    return lifecycle.complete_clocks(_ended(situation, event), event.occurred_at, reason).then(
        _close_escalation, reason
    )


def abandon_contact(situation: Situation, event: ContactAbandoned) -> Decision:
    """End the contact like a resolution, but its resolution clock is cancelled, not met."""
    why = f": {event.reason}" if event.reason else ""
    reason = f"contact abandoned{why}"
    return lifecycle.cancel_clocks(_ended(situation, event), event.occurred_at, reason).then(
        _close_escalation, reason
    )


def _ended(situation: Situation, event: ContactEvent) -> Situation:
    contact = replace(situation.contact, resolved_at=event.occurred_at, waiting_since=None)
    return replace(situation, contact=contact)


def _close_escalation(situation: Situation, reason: str) -> Decision:
    escalation = situation.escalation
    if escalation is not None and causes.outlives_contact(escalation):
        return no_change(situation)
    return actions.close_escalation(situation, reason)


def record_feedback(situation: Situation, event: FeedbackReceived) -> Decision:
    """Escalate bad feedback; it mostly comes after the contact is resolved."""
    cause = causes.of_feedback(situation, event)
    if cause is None:
        return no_change(situation)
    return complaints.complain_by_feedback(situation, event, cause).then(_replace_conflicted)


def reopen_contact(situation: Situation, event: ContactReopened) -> Decision:
    at = event.occurred_at
    if situation.contact.is_open:
        return lifecycle.resume_clocks(_without_waiting(situation), at, "contact reopened")
    contact = replace(situation.contact, opened_at=at, resolved_at=None)
    reopened = replace(situation, contact=contact)
    return lifecycle.start_on_reopening(reopened, at).then(_act_on_referral)


def raise_for_customer(situation: Situation, event: SupervisorRequested) -> Decision:
    at = event.occurred_at
    cause = EscalationCause("customer_request", excerpt(event.quote), at)
    resumed = lifecycle.resume_clocks(_without_waiting(situation), at, "the customer wrote")
    return resumed.then(raise_or_merge, cause)


def record_referral(situation: Situation, event: ContactReferred) -> Decision:
    referral = Referral(event.representative_id, excerpt(event.reason), event.occurred_at)
    contact = replace(situation.contact, referral=referral)
    return _act_on_referral(replace(situation, contact=contact))


def _act_on_referral(situation: Situation) -> Decision:
    """Escalate the last referral once the contact is open, unless it is from before that.

    The referral stays: a resolution that comes later may have ended what it raised.
    """
    contact, referral = situation.contact, situation.contact.referral
    if referral is None or contact.opened_at is None or not contact.is_open:
        return no_change(situation)
    if referral.at < contact.opened_at:
        return no_change(situation)
    cause = EscalationCause("referral", referral.reason, referral.at, by=referral.by)
    return raise_or_merge(situation, cause)


def apply_notification_action(situation: Situation, event: NotificationActedOn) -> Decision:
    """Do what a person chose in a notification; a choice that comes too late changes nothing."""
    escalation = situation.escalation
    if escalation is None or escalation.escalation_id != event.escalation_id:
        return Decision(situation, surprises=("late_action_ignored",))
    try:
        match event.action:
            case "acknowledge":
                return actions.acknowledge(situation, event.person_id)
            case "take_over":
                return actions.take_over(situation, event.person_id)
            case _:
                assert_never(event.action)
    except (RefusedError, ForbiddenError):
        return Decision(situation, surprises=("late_action_ignored",))


def raise_by_hand(situation: Situation, by: PersonId, reason: str) -> Decision:
    if not situation.contact.is_open:
        raise ContactNotOpenError
    return raise_or_merge(situation, causes.by_person(situation, by, reason))


def complain(situation: Situation, by: PersonId, about: PersonId, reason: str) -> Decision:
    """Complain about a person; whom it is about, and only that person, is replaced."""
    return complaints.raise_complaint(situation, by, about, reason).then(_replace_conflicted)


def _replace_conflicted(situation: Situation) -> Decision:
    """If only people with a conflict hold or are awaited, let others be paged."""
    escalation = situation.escalation
    conflicted = conflicted_only(escalation) if escalation else ()
    if escalation is None or not conflicted:
        return no_change(situation)
    if escalation.approval is not None:
        return approvals.page_next_approvers(situation, escalation, due_at=None)
    passing = replace(
        leases.release(escalation),
        awaited=tuple(dict.fromkeys((*escalation.awaited, *conflicted))),
    )
    explanation = f"{wording.people(conflicted)} may not judge this complaint alone"
    return Decision(situation, timers=leases.cancel_warning(escalation)).then(
        climb, passing, explanation
    )


DECISIONS: Mapping[type[ContactEvent | Timer], Callable[[Situation, Any], Decision]] = {
    ContactReceived: receive_contact,
    CustomerWrote: record_customer_message,
    RepresentativeReplied: record_reply,
    WaitingOnCustomer: wait_for_customer,
    ContactPrioritized: change_priority,
    SupervisorRequested: raise_for_customer,
    ContactResolved: resolve_contact,
    ContactAbandoned: abandon_contact,
    ContactReopened: reopen_contact,
    FeedbackReceived: record_feedback,
    ContactAssigned: record_assignment,
    ContactReferred: record_referral,
    AssignmentReleased: record_release,
    NotificationActedOn: apply_notification_action,
    NotificationFailed: record_page_failure,
    ClockDue: lifecycle.clock_due,
    PolicyChanged: lifecycle.policy_changed,
    AcknowledgementDue: timeouts.acknowledgement_due,
    LeaseWarningDue: leases.warn_holder,
    LeaseExpires: leases.lease_expires,
}


def decide(situation: Situation, message: ContactEvent | Timer) -> Decision:
    """Decide what a message means; the acknowledgement clock follows the escalation."""
    return acknowledgement.follow(DECISIONS[type(message)](situation, message))

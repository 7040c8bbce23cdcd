"""What each message means for a contact: one function an event or timer, and the table of them.

Events of different topics come in any order. What cannot be acted on yet is stored with the
contact; what the end of the contact has overtaken is dropped.
"""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from common.contracts.assignments import AssignmentReleased, ContactAssigned, ContactReferred
from common.contracts.clocks import ClockMet
from common.contracts.contacts import (
    ContactAbandoned,
    ContactCustomerChanged,
    ContactDiscarded,
    ContactMerged,
    ContactPrioritized,
    ContactReceived,
    ContactReopened,
    ContactResolved,
    CustomerWrote,
    FeedbackReceived,
    RepresentativeReplied,
    SupervisorRequested,
    WaitingOnCustomer,
    WaitingOnCustomerEnded,
)
from common.contracts.event import ContactEvent, PersonId
from common.contracts.notifications import NotificationActedOn, NotificationFailed
from common.contracts.texts import excerpt
from common.messages import Timer
from escalation.domain import change_reasons, complaints, wording
from escalation.domain.change_reasons import CUSTOMER_WROTE, Reason
from escalation.domain.clocks import (
    acknowledgement,
    lifecycle,
    reopening,
    retargeting,
    thresholds,
)
from escalation.domain.errors import (
    ContactNotOpenError,
    ForbiddenError,
    PastTimeError,
    RefusedError,
)
from escalation.domain.escalations import (
    actions,
    approvals,
    causes,
    leases,
    message_actions,
    met_causes,
    timeouts,
)
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
    SettingArchived,
    SettingChanged,
    WaitExpires,
)

# An assignment may come before the reopening that it follows; one contact has few.
_KEPT_ASSIGNMENTS = 20


def receive_contact(situation: Situation, event: ContactReceived) -> Decision:
    if situation.contact.details is not None:
        return no_change(situation)
    details, configuration = details_of(event), situation.configuration
    contact = replace(
        situation.contact,
        details=details,
        customer_id=event.customer.customer_id,
        opened_at=event.occurred_at,
        reply_owed_since=event.occurred_at,
        team_id=situation.contact.team_id or configuration.team_with_supervisors(event.team),
    )
    return (
        lifecycle.start_on_receipt(situation.with_contact(contact), event.occurred_at)
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
        external_ref=event.external_ref,
    )


def _raise_on_receipt(situation: Situation, details: ContactDetails) -> Decision:
    return raise_or_merge(situation, *causes.on_receipt(situation, details))


def record_assignment(situation: Situation, event: ContactAssigned) -> Decision:
    """Meet the assignment clock; what it owed before concerns nobody who had not got it yet."""
    return thresholds.fire_overdue(situation, "assignment", _assigned_at(event)).then(
        _take_up_assignment, event
    )


def _take_up_assignment(situation: Situation, event: ContactAssigned) -> Decision:
    contact = replace(
        situation.contact,
        representative_id=event.representative_id,
        representatives=causes.last_people(
            situation.contact.representatives, (event.representative_id,)
        ),
        team_id=event.team_id,
        assigned_at=(*situation.contact.assigned_at, _assigned_at(event))[-_KEPT_ASSIGNMENTS:],
    )
    return lifecycle.meet_assignment(situation.with_contact(contact))


def _assigned_at(event: ContactAssigned) -> datetime:
    """Return when it was assigned; not before its wait began: clocks of services differ."""
    return max(event.occurred_at, event.waiting_since or event.occurred_at)


def record_release(situation: Situation, event: AssignmentReleased) -> Decision:
    if situation.contact.representative_id != event.representative_id:
        return no_change(situation)
    contact = replace(situation.contact, representative_id=None)
    return no_change(situation.with_contact(contact))


def record_reply(situation: Situation, event: RepresentativeReplied) -> Decision:
    """Meet the response clocks; an automatic reply is no response and changes nothing."""
    if event.automatic:
        return no_change(situation)
    replied_at = max(event.occurred_at, situation.contact.replied_at or event.occurred_at)
    contact = replace(situation.contact, replied_at=replied_at, reply_owed_since=None)
    return lifecycle.meet_on_reply(situation.with_contact(contact), event.occurred_at)


def record_customer_message(situation: Situation, event: CustomerWrote) -> Decision:
    """Owe a reply from now on; an automatic message asks for nothing."""
    contact, at = situation.contact, event.occurred_at
    if event.automatic or not contact.is_open:
        return no_change(situation)
    owing = replace(contact, reply_owed_since=contact.reply_owed_since or at)
    return lifecycle.end_wait(situation.with_contact(owing), at, CUSTOMER_WROTE).then(
        lifecycle.expect_reply, at, CUSTOMER_WROTE
    )


def wait_for_customer(situation: Situation, event: WaitingOnCustomer) -> Decision:
    if not situation.contact.is_open:
        return no_change(situation)
    return lifecycle.wait(situation, event.occurred_at)


def end_wait_for_customer(situation: Situation, event: WaitingOnCustomerEnded) -> Decision:
    if not situation.contact.is_open:
        return no_change(situation)
    return lifecycle.end_wait(situation, event.occurred_at, change_reasons.wait_ended(event.cause))


def change_priority(situation: Situation, event: ContactPrioritized) -> Decision:
    details = situation.contact.details
    if details is None:
        return no_change(situation)
    contact = replace(situation.contact, details=replace(details, priority=event.priority))
    reason = change_reasons.priority_changed(details.priority, event)
    after = situation.with_contact(contact)
    return retargeting.retarget_clocks(after, event.occurred_at, reason)


def change_customer(situation: Situation, event: ContactCustomerChanged) -> Decision:
    """Count the contact for another customer, whose tier and region choose the policy."""
    details, customer = situation.contact.details, event.customer
    if details is None:
        return no_change(situation)
    name = excerpt(customer.name) if customer.name else None
    described = replace(details, tier=customer.tier, region=customer.region, customer=name)
    contact = replace(situation.contact, details=described, customer_id=customer.customer_id)
    after = situation.with_contact(contact)
    if (described.tier, described.region) == (details.tier, details.region):
        return no_change(after)
    return retargeting.retarget_clocks(after, event.occurred_at, change_reasons.CUSTOMER_MERGED)


def resolve_contact(situation: Situation, event: ContactResolved) -> Decision:
    reason = change_reasons.contact_resolved(event)
    return (
        _end(situation, event)
        .then(lifecycle.complete_clocks, event.occurred_at, reason)
        .then(_close_escalation, reason)
    )


def abandon_contact(situation: Situation, event: ContactAbandoned) -> Decision:
    return _end_unresolved(situation, event, change_reasons.contact_abandoned(event))


def discard_contact(situation: Situation, event: ContactDiscarded) -> Decision:
    return _end_unresolved(situation, event, change_reasons.contact_discarded(event))


def merge_contact(situation: Situation, event: ContactMerged) -> Decision:
    return _end_unresolved(situation, event, change_reasons.CONTACT_MERGED)


def _end_unresolved(situation: Situation, event: ContactEvent, reason: Reason) -> Decision:
    """End the contact like a resolution, but its resolution clock is cancelled, not met."""
    return (
        _end(situation, event)
        .then(lifecycle.cancel_clocks, event.occurred_at, reason)
        .then(_close_escalation, reason)
    )


def _end(situation: Situation, event: ContactEvent) -> Decision:
    contact = replace(situation.contact, resolved_at=event.occurred_at, reply_owed_since=None)
    return lifecycle.forget_wait(situation.with_contact(contact))


def _close_escalation(situation: Situation, reason: Reason) -> Decision:
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
    """Owe a reply, an assignment and a resolution again; what was open stays so."""
    at, ended_at = event.occurred_at, situation.contact.resolved_at
    if ended_at is None:
        return lifecycle.end_wait(situation, at, change_reasons.CONTACT_REOPENED)
    contact = replace(
        situation.contact,
        opened_at=at,
        resolved_at=None,
        reply_owed_since=at,
        reopenings=situation.contact.reopenings + 1,
    )
    reopened = situation.with_contact(contact)
    return reopening.start_on_reopening(reopened, at, ended_at).then(_act_on_referral)


def raise_for_customer(situation: Situation, event: SupervisorRequested) -> Decision:
    at = event.occurred_at
    cause = EscalationCause("customer_request", excerpt(event.quote), at)
    return lifecycle.end_wait(situation, at, CUSTOMER_WROTE).then(raise_or_merge, cause)


def record_referral(situation: Situation, event: ContactReferred) -> Decision:
    referral = Referral(event.representative_id, excerpt(event.reason), event.occurred_at)
    contact = replace(situation.contact, referral=referral)
    return _act_on_referral(situation.with_contact(contact))


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
        return message_actions.act(situation, event)
    except (RefusedError, ForbiddenError, PastTimeError):
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
    passing = dataclasses.replace(
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
    WaitingOnCustomerEnded: end_wait_for_customer,
    ContactPrioritized: change_priority,
    ContactCustomerChanged: change_customer,
    SupervisorRequested: raise_for_customer,
    ContactResolved: resolve_contact,
    ContactAbandoned: abandon_contact,
    ContactDiscarded: discard_contact,
    ContactMerged: merge_contact,
    ContactReopened: reopen_contact,
    FeedbackReceived: record_feedback,
    ContactAssigned: record_assignment,
    ContactReferred: record_referral,
    AssignmentReleased: record_release,
    NotificationActedOn: apply_notification_action,
    NotificationFailed: record_page_failure,
    ClockDue: lifecycle.clock_due,
    WaitExpires: lifecycle.wait_expires,
    SettingChanged: retargeting.setting_changed,
    SettingArchived: retargeting.setting_archived,
    AcknowledgementDue: timeouts.acknowledgement_due,
    LeaseWarningDue: leases.warn_holder,
    LeaseExpires: timeouts.lease_expires,
}


def decide(situation: Situation, message: ContactEvent | Timer) -> Decision:
    """Decide what a message means; the escalation follows the clocks, and its own clock follows it.

    The last reason of an escalation may have been met.
    """
    decision = DECISIONS[type(message)](situation, message)
    if any(isinstance(event, ClockMet) for event in decision.events):
        decision = decision.then(met_causes.settle)
    return acknowledgement.follow(decision)

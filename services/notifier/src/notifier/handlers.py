"""What the notifier does with each event: load, decide, record."""

from datetime import datetime

import structlog
from msgspec.structs import replace

from common.contracts.connection_pages import ConnectionPageRequested
from common.contracts.escalations import (
    ApprovalAsked,
    ApprovalRefused,
    EscalationAcknowledged,
    EscalationClosed,
    EscalationHandedBack,
    EscalationHandedOver,
    EscalationLeaseRenewed,
    EscalationRaised,
    EscalationReopened,
    EscalationResolved,
    EscalationReturned,
    EscalationSnoozed,
    EscalationTakenOver,
    EscalationUnanswered,
    PageRequested,
    PagesErased,
    TimerMissing,
)
from common.contracts.event import EscalationId, NotificationId, PersonId
from common.contracts.page_subjects import PagedAbsence
from common.contracts.people import ContactMethodsChanged, PersonDescribed
from common.contracts.statuses import ContactStatusChanged
from common.core import trace
from common.core.ids import new_id
from common.messaging.subscriptions import HandlerRegistry
from notifier import case_write_requests, later_steps, recipient_changes, rendering, status_requests
from notifier.domain import erasure, follow_ups, notifications, own_messages, steps
from notifier.domain.content import PersonAway, Status, StatusKind, status_of
from notifier.domain.delivery_reasons import (
    RECIPIENT_UNKNOWN,
    DeliveryReason,
    both,
    no_longer_relevant,
    nobody_stands_in,
    stands_in,
)
from notifier.domain.delivery_rules import plan, steps_for
from notifier.domain.escalations import Escalation, EscalationState, in_state, prolong
from notifier.domain.notifications import Decision, Notification, Page
from notifier.domain.reasons import asks_for
from notifier.domain.verification import is_verified, relied_on
from notifier.store.unit_of_work import UnitOfWork

OperationsEvent = TimerMissing | ConnectionPageRequested
AwaitsAnswer = (
    PageRequested
    | EscalationUnanswered
    | EscalationReturned
    | EscalationHandedOver
    | EscalationReopened
)
Answered = (
    EscalationAcknowledged
    | EscalationTakenOver
    | EscalationHandedBack
    | EscalationResolved
    | EscalationClosed
)

log = structlog.get_logger()


async def notify_person(event: PageRequested, uow: UnitOfWork) -> None:
    if uow.notifications.of_page(event.page_id):
        return
    page = notifications.page_from(event)
    if event.absence is not None:
        away = await _person_away(event.absence, event.person_id, uow)
        page = replace(page, content=replace(page.content, away=away))
    if event.escalation_id is not None and asks_for(event.reason) == "answer":
        earlier = uow.notifications.of_escalation(event.escalation_id)
        page = notifications.mark_repeat(page, earlier)
        await _release(event, event.escalation_id, uow)
    await notify_page(page, uow)


async def _person_away(absence: PagedAbsence, reader: PersonId, uow: UnitOfWork) -> PersonAway:
    is_reader = absence.person_id == reader
    name = None if is_reader else await uow.recipients.name(absence.person_id)
    return PersonAway(absence.until, name)


async def notify_operations(event: OperationsEvent, uow: UnitOfWork) -> None:
    if not uow.notifications.of_page(event.page_id):
        await notify_page(own_messages.alarm_from(event), uow)


async def release_unanswered(event: EscalationUnanswered, uow: UnitOfWork) -> None:
    escalation = await uow.escalations.lock_about(event.escalation_id, event.contact_id)
    # An approval that nobody decides on stays with the person who asked for it.
    if escalation is None or not escalation.approval_asked:
        await _release(event, event.escalation_id, uow)


async def return_to_level(event: EscalationReturned, uow: UnitOfWork) -> None:
    status = Status("returned", level_name=event.level_name, reason=event.reason)
    await _await_answer(event, event.escalation_id, status, uow)


async def hand_over(event: EscalationHandedOver, uow: UnitOfWork) -> None:
    by, to = await uow.recipients.name(event.by), await uow.recipients.name(event.to)
    await _await_answer(event, event.escalation_id, Status("handed_over", by=by, to=to), uow)


async def reopen(event: EscalationReopened, uow: UnitOfWork) -> None:
    by = await uow.recipients.name(event.by)
    status = Status("reopened", by=by, reason=event.reason)
    await _await_answer(event, event.escalation_id, status, uow)
    escalation = await uow.escalations.lock_about(event.escalation_id, event.contact_id)
    await case_write_requests.request_step(escalation, event, uow)


async def ask_approval(event: ApprovalAsked, uow: UnitOfWork) -> None:
    escalation = await uow.escalations.lock_about(event.escalation_id, event.contact_id)
    asking = escalation or Escalation(
        event.escalation_id, event.contact_id, "acknowledged", event.by, event.occurred_at
    )
    uow.escalations.put(replace(asking, approval_asked=True))


async def refuse_approval(event: ApprovalRefused, uow: UnitOfWork) -> None:
    """Correct the messages of those who were asked; the person who asked holds it again."""
    asking = await uow.escalations.lock_about(event.escalation_id, event.contact_id)
    if asking is None:
        return
    refused = replace(asking, approval_asked=False)
    uow.escalations.put(refused)
    kind: StatusKind = "approval_withdrawn" if event.by == asking.by else "approval_refused"
    status = Status(kind, by=await uow.recipients.name(event.by), reason=event.reason)
    for notification in uow.notifications.of_escalation(event.escalation_id):
        was_relevant = notifications.is_relevant(notification, asking)
        if was_relevant and not notifications.is_relevant(notification, refused):
            correct(notification, status, uow)


async def renew_lease(event: EscalationLeaseRenewed, uow: UnitOfWork) -> None:
    """Correct the warnings that the lease ends, each once."""
    await _prolong(event, event.lease_expires_at, uow)
    by = await uow.recipients.name(event.by)
    status = Status("renewed", by=by, until=event.lease_expires_at, holder=event.by)
    for notification in uow.notifications.of_escalation(event.escalation_id):
        warns = notification.kind == "page" and notification.content.reason == "lease_ending"
        if warns and not _is_corrected(notification, uow):
            correct(notification, status, uow)


async def snooze(event: EscalationSnoozed, uow: UnitOfWork) -> None:
    await _prolong(event, event.until, uow)
    by = await uow.recipients.name(event.by)
    status = Status("snoozed", by=by, until=event.until, holder=event.by)
    for notification in uow.notifications.of_escalation(event.escalation_id):
        if asks_for(notification.content.reason) in ("answer", "help", "progress"):
            correct(notification, status, uow)


async def acknowledge(event: EscalationAcknowledged, uow: UnitOfWork) -> None:
    await _stop_waiting(event, "acknowledged", event.by, uow, event.lease_expires_at)


async def take_over(event: EscalationTakenOver, uow: UnitOfWork) -> None:
    await _stop_waiting(event, "taken_over", event.by, uow, event.lease_expires_at)


async def hand_back(event: EscalationHandedBack, uow: UnitOfWork) -> None:
    await _stop_waiting(event, "handed_back", event.by, uow)


async def resolve(event: EscalationResolved, uow: UnitOfWork) -> None:
    await _stop_waiting(event, "resolved", event.by, uow)


async def close(event: EscalationClosed, uow: UnitOfWork) -> None:
    await _stop_waiting(event, "closed", None, uow)


async def erase_pages(event: PagesErased, uow: UnitOfWork) -> None:
    for notification in await uow.notifications.lock_about(event.contact_id):
        uow.notifications.put(erasure.erase(notification, event.contact_id))
    await uow.erase_notes(event.contact_id)
    await case_write_requests.erase_case(event.contact_id, uow)


def correct(notification: Notification, status: Status, uow: UnitOfWork) -> None:
    """Cancel it if it was not sent yet; if it was, and can be changed, make it show `status`.

    One that is being sent at this moment is corrected when its attempt is recorded.
    """
    if notifications.can_be_cancelled(notification):
        reason = no_longer_relevant(rendering.status_text(status, uow.now))
        uow.notifications.put(notifications.cancel(notification, reason, uow.now))
    elif notifications.is_editable(notification) and not _is_followed_up(notification, status, uow):
        uow.notifications.add(
            notifications.update(
                notification, status, new_notification_id(), uow.now, trace.current()
            )
        )


def record(decision: Decision, uow: UnitOfWork) -> None:
    """Write the new state and its events, in the caller's transaction."""
    uow.notifications.put(decision.notification)
    uow.attempts.put(decision.attempts)
    uow.outbox.add(decision.events)


def new_notification_id() -> NotificationId:
    return NotificationId(new_id())


async def notify_page(page: Page, uow: UnitOfWork) -> None:
    recipient = await uow.recipients.get(page.person_id)
    reason = recipient.unreachable_reason if recipient else None
    if recipient is None or reason is not None:
        reason = reason or RECIPIENT_UNKNOWN
        log.warning("recipient_unreachable", person_id=page.person_id, reason=reason.text)
        failed = notifications.unreachable(page, reason, new_notification_id(), uow.now)
        uow.notifications.mark_absent(failed.notification.notification_id)
        record(failed, uow)
        return
    addresses, reason = notifications.choose_addresses(page, recipient)
    addresses, doubt = relied_on(addresses, recipient)
    reason = _with_absence(both(reason, doubt), page)
    verified = {each.medium for each in addresses if is_verified(recipient, each)}
    chosen = steps_for(page.content.severity, recipient.rules.steps, uow.default_steps)
    available = [address.medium for address in addresses]
    planned = {each.medium: each for each in plan(chosen, available, page.media, verified)}
    for address in addresses:
        step = planned.get(address.medium)
        if step is None:
            continue
        notification = notifications.notify(
            page,
            address,
            new_notification_id(),
            uow.now,
            trace.current(),
            both(reason, steps.reason_of(step)),
            tuple(planned),
        )
        uow.notifications.add(steps.at_step(notification, step))
    later_steps.replace_earlier(page, uow)


def _with_absence(reason: DeliveryReason | None, page: Page) -> DeliveryReason | None:
    away = page.content.away
    if away is None:
        return reason
    if away.name is None:
        return both(nobody_stands_in(away.until), reason)
    return both(reason, stands_in(away.name, away.until))


async def _release(
    event: PageRequested | EscalationUnanswered, escalation_id: EscalationId, uow: UnitOfWork
) -> None:
    """Nobody holds it any longer: everybody who is asked about it may answer."""
    escalation = await uow.escalations.lock_about(escalation_id, event.contact_id)
    status = None
    if escalation and escalation.by:
        status = Status("unassigned", by=await uow.recipients.name(escalation.by))
    await _await_answer(event, escalation_id, status, uow)


async def _await_answer(
    event: AwaitsAnswer, escalation_id: EscalationId, status: Status | None, uow: UnitOfWork
) -> None:
    """Let an answer count again, and correct the messages that say something else."""
    before = await uow.escalations.lock_about(escalation_id, event.contact_id)
    raised = in_state(before, escalation_id, event.contact_id, "raised", None, event.occurred_at)
    uow.escalations.put(raised)
    if status is None:
        return
    for notification in uow.notifications.of_escalation(escalation_id):
        relevant = notification.kind == "page" and notifications.is_relevant(notification, raised)
        if not (relevant and notifications.can_be_cancelled(notification)):
            correct(notification, replace(status, awaits_answer=relevant), uow)


async def _prolong(
    event: EscalationLeaseRenewed | EscalationSnoozed, until: datetime, uow: UnitOfWork
) -> None:
    escalation = await uow.escalations.lock_about(event.escalation_id, event.contact_id)
    if escalation is not None:
        uow.escalations.put(prolong(escalation, event.by, until))


async def _stop_waiting(
    event: Answered,
    state: EscalationState,
    by: PersonId | None,
    uow: UnitOfWork,
    held_until: datetime | None = None,
) -> None:
    """Cancel or correct the messages that are no longer relevant."""
    before = await uow.escalations.lock_about(event.escalation_id, event.contact_id)
    escalation = in_state(
        before, event.escalation_id, event.contact_id, state, by, event.occurred_at, held_until
    )
    uow.escalations.put(escalation)
    await case_write_requests.request_step(escalation, event, uow)
    status = status_of(escalation, await uow.recipients.name(by) if by else None)
    for notification in uow.notifications.of_escalation(event.escalation_id):
        # The lease it warned about is over, even if the same person has a new one.
        warned = notification.content.reason == "lease_ending"
        if warned or not notifications.is_relevant(notification, escalation):
            correct(notification, status, uow)


def _is_followed_up(notification: Notification, status: Status, uow: UnitOfWork) -> bool:
    # An escalation may have thousands of messages: they are only read for media that need them.
    if notification.escalation_id is None or notification.medium not in follow_ups.MEDIA:
        return False
    others = uow.notifications.of_escalation(notification.escalation_id)
    return follow_ups.is_followed_up(notification, status, others)


def _is_corrected(notification: Notification, uow: UnitOfWork) -> bool:
    return any(
        other.kind == "update" and other.medium == notification.medium
        for other in uow.notifications.of_page(notification.page_id)
    )


SUBSCRIPTIONS = (
    HandlerRegistry[UnitOfWork]()
    .on(EscalationRaised, case_write_requests.remember_case)
    .on(PageRequested, notify_person)
    .on(PagesErased, erase_pages)
    .on(TimerMissing, notify_operations)
    .on(ConnectionPageRequested, notify_operations)
    .on(EscalationUnanswered, release_unanswered)
    .on(EscalationReturned, return_to_level)
    .on(EscalationHandedOver, hand_over)
    .on(EscalationReopened, reopen)
    .on(ApprovalAsked, ask_approval)
    .on(ApprovalRefused, refuse_approval)
    .on(EscalationLeaseRenewed, renew_lease)
    .on(EscalationSnoozed, snooze)
    .on(EscalationAcknowledged, acknowledge)
    .on(EscalationTakenOver, take_over)
    .on(EscalationHandedBack, hand_back)
    .on(EscalationResolved, resolve)
    .on(EscalationClosed, close)
    .on(PersonDescribed, recipient_changes.describe_person)
    .on(ContactMethodsChanged, recipient_changes.change_contact_methods)
    .project(ContactStatusChanged, status_requests.queue_status)
)

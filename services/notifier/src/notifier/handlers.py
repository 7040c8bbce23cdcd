"""What notifier does with each event from upstairs, each answer, and each attempt to deliver."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from common.contracts.escalations import (
    ApprovalAsked,
    ApprovalRefused,
    EscalationAcknowledged,
    EscalationClosed,
    EscalationHandedBack,
    EscalationHandedOver,
    EscalationLeaseRenewed,
    EscalationReopened,
    EscalationResolved,
    EscalationReturned,
    EscalationSnoozed,
    EscalationTakenOver,
    EscalationUnanswered,
    PageRequested,
    TimerMissing,
)
from common.contracts.event import EscalationId, NotificationId, PersonId
from common.contracts.notifications import Medium
from common.core import trace
from common.core.errors import PermanentError
from common.core.ids import new_id
from common.messaging.subscriptions import HandlerRegistry
from notifier.domain import delivering, notifications, wording
from notifier.domain.delivering import Outcome, Patience
from notifier.domain.escalations import Escalation, EscalationState
from notifier.domain.notifications import Attempt, Decision, Notification, Page
from notifier.domain.reasons import asks_for
from notifier.store import UnitOfWork

Waiting = (
    PageRequested
    | EscalationUnanswered
    | EscalationReturned
    | EscalationHandedOver
    | EscalationReopened
)
Settling = (
    EscalationAcknowledged
    | EscalationTakenOver
    | EscalationHandedBack
    | EscalationResolved
    | EscalationClosed
)

log = structlog.get_logger()


class NotificationNotFoundError(PermanentError):
    """There is no such notification."""


class NotPagedError(Exception):
    """Whoever pressed was not told about this escalation by us."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A notification and how its escalation stands; `name` is of who did the last thing."""

    notification: Notification
    escalation: Escalation | None
    name: str | None

    @property
    def awaits_answer(self) -> bool:
        return notifications.awaits_answer(self.notification, self.escalation)


@dataclass(frozen=True, slots=True)
class Errand:
    """An attempt that was begun: what to send, and how long it has been due."""

    notification: Notification
    attempt: Attempt
    waited: timedelta


async def page(event: PageRequested, uow: UnitOfWork) -> None:
    if uow.notifications.of_page(event.page_id):
        return
    if event.escalation_id is not None and asks_for(event.reason) == "answer":
        await want_answer(event, event.escalation_id, uow)
    await tell(notifications.requested(event), uow)


async def raise_alarm(event: TimerMissing, uow: UnitOfWork) -> None:
    if not uow.notifications.of_page(event.page_id):
        await tell(notifications.alarm(event), uow)


async def tell(page: Page, uow: UnitOfWork) -> None:
    recipient = await uow.recipients.find(page.person_id)
    if recipient is None or not recipient.media:
        because = "no such recipient" if recipient is None else "the recipient has no media"
        log.warning("nobody_to_tell", person_id=page.person_id, because=because)
        failed = notifications.unreachable(page, because, _new_id(), uow.now)
        uow.notifications.mark_absent(failed.notification.notification_id)
        record(failed, uow)
        return
    addresses, why_there = notifications.addresses(page, recipient)
    for address in addresses:
        uow.notifications.add(
            notifications.page(page, address, _new_id(), uow.now, trace.current(), why_there)
        )


async def ask_again(event: EscalationUnanswered, uow: UnitOfWork) -> None:
    known = await uow.escalations.lock(event.escalation_id)
    # What nobody decided on stays with whoever asked for the approval.
    if known is None or not known.approval_asked:
        await want_answer(event, event.escalation_id, uow)


async def want_answer(
    event: PageRequested | EscalationUnanswered, escalation_id: EscalationId, uow: UnitOfWork
) -> None:
    """Whoever had it has it no longer: it waits for anyone who is told of it."""
    known = await uow.escalations.lock(escalation_id)
    told = f"No longer with {await _called(known.by, uow)}" if known and known.by else None
    await wait(event, escalation_id, told, uow)


async def returned(event: EscalationReturned, uow: UnitOfWork) -> None:
    await wait(event, event.escalation_id, f"Back at {event.level_name}: {event.reason}", uow)


async def handed_over(event: EscalationHandedOver, uow: UnitOfWork) -> None:
    by, to = await _called(event.by, uow), await _called(event.to, uow)
    await wait(event, event.escalation_id, f"Handed over to {to} by {by}", uow)


async def reopened(event: EscalationReopened, uow: UnitOfWork) -> None:
    told = f"Reopened by {await _called(event.by, uow)}: {event.reason}"
    await wait(event, event.escalation_id, told, uow)


async def wait(
    event: Waiting, escalation_id: EscalationId, told: str | None, uow: UnitOfWork
) -> None:
    """Let anyone answer who is told of it; messages that say something else are corrected."""
    await uow.escalations.lock(escalation_id)
    waiting = Escalation(escalation_id, event.contact_id, "raised", None, event.occurred_at)
    uow.escalations.put(waiting)
    if told is None:
        return
    for notification in uow.notifications.of_escalation(escalation_id):
        asks = notification.kind == "page" and notifications.concerns(notification, waiting)
        if not (asks and notification.state == "pending"):
            catch_up(notification, told, uow, waits=asks)


async def approval_asked(event: ApprovalAsked, uow: UnitOfWork) -> None:
    known = await uow.escalations.lock(event.escalation_id)
    held = known or Escalation(
        event.escalation_id, event.contact_id, "acknowledged", event.by, event.occurred_at
    )
    uow.escalations.put(replace(held, approval_asked=True))


async def approval_refused(event: ApprovalRefused, uow: UnitOfWork) -> None:
    """Whoever asked has it still; of those who were asked none need decide any more."""
    known = await uow.escalations.lock(event.escalation_id)
    if known is None:
        return
    held = replace(known, approval_asked=False)
    uow.escalations.put(held)
    did = "Withdrawn" if event.by == known.by else "Refused"
    told = f"{did} by {await _called(event.by, uow)}: {event.reason}"
    for notification in uow.notifications.of_escalation(event.escalation_id):
        mattered = notifications.concerns(notification, known)
        if mattered and not notifications.concerns(notification, held):
            catch_up(notification, told, uow)


async def renewed(event: EscalationLeaseRenewed, uow: UnitOfWork) -> None:
    """Take back the warning that it ends, once: what came of an earlier one is told already."""
    until = wording.moment(event.lease_expires_at)
    told = f"Renewed by {await _called(event.by, uow)} until {until}"
    for notification in uow.notifications.of_escalation(event.escalation_id):
        warns = notification.kind == "page" and notification.content.reason == "lease_ending"
        if warns and not _is_corrected(notification, uow):
            catch_up(notification, told, uow)


async def snoozed(event: EscalationSnoozed, uow: UnitOfWork) -> None:
    told = f"Snoozed by {await _called(event.by, uow)} until {wording.moment(event.until)}"
    for notification in uow.notifications.of_escalation(event.escalation_id):
        if asks_for(notification.content.reason) in ("answer", "help", "progress"):
            catch_up(notification, told, uow)


async def acknowledged(event: EscalationAcknowledged, uow: UnitOfWork) -> None:
    await settle(event, "acknowledged", event.by, uow)


async def taken_over(event: EscalationTakenOver, uow: UnitOfWork) -> None:
    await settle(event, "taken_over", event.by, uow)


async def handed_back(event: EscalationHandedBack, uow: UnitOfWork) -> None:
    await settle(event, "handed_back", event.by, uow)


async def resolved(event: EscalationResolved, uow: UnitOfWork) -> None:
    await settle(event, "resolved", event.by, uow)


async def closed(event: EscalationClosed, uow: UnitOfWork) -> None:
    await settle(event, "closed", None, uow)


async def settle(
    event: Settling, state: EscalationState, by: PersonId | None, uow: UnitOfWork
) -> None:
    """Nobody else need be told any more, and those who were see how it stands."""
    await uow.escalations.lock(event.escalation_id)
    escalation = Escalation(event.escalation_id, event.contact_id, state, by, event.occurred_at)
    uow.escalations.put(escalation)
    told = wording.settled(escalation, await _name(escalation, uow))
    for notification in uow.notifications.of_escalation(event.escalation_id):
        # The lease that it warned of is over, also if the same person has another one now.
        warned = notification.content.reason == "lease_ending"
        if warned or not notifications.concerns(notification, escalation):
            catch_up(notification, told, uow)


def catch_up(
    notification: Notification, told: str, uow: UnitOfWork, *, waits: bool = False
) -> None:
    """Take back what is still to be sent, and have a message that was sent say how it stands.

    What is being sent at this moment catches up when its attempt is recorded.
    """
    if notification.state == "pending":
        uow.notifications.put(notifications.cancel(notification, told))
    elif notifications.shows_its_state(notification):
        uow.notifications.add(
            notifications.update(
                notification, told, _new_id(), uow.now, trace.current(), waits=waits
            )
        )


def _is_corrected(notification: Notification, uow: UnitOfWork) -> bool:
    return any(
        one.kind == "update" and one.medium == notification.medium
        for one in uow.notifications.of_page(notification.page_id)
    )


async def take_up(medium: Medium, limit: int, patience: Patience, uow: UnitOfWork) -> list[Errand]:
    """Begin an attempt at each of what is due."""
    errands = []
    for due in await uow.notifications.claim(medium, uow.now, limit):
        decision = delivering.take_up(due, patience, uow.now)
        record(decision, uow)
        if decision.notification.state == "sending":
            waited = uow.now - (due.due_at or uow.now)
            errands.append(Errand(decision.notification, decision.attempts[-1], waited))
    return errands


async def record_attempt(
    errand: Errand, outcome: Outcome, patience: Patience, spread: float, uow: UnitOfWork
) -> None:
    notification = await uow.notifications.lock(errand.notification.notification_id)
    if notification is None:
        raise NotificationNotFoundError
    decision = delivering.record(notification, errand.attempt, outcome, patience, spread, uow.now)
    record(decision, uow)
    escalation = await _escalation(notification, uow)
    # It may have been settled while we were sending, or have left whoever had it.
    if (
        notification.kind == "page"
        and escalation
        and not notifications.concerns(notification, escalation)
    ):
        told = "It waits for somebody again"
        if not escalation.awaits_answer:
            told = wording.settled(escalation, await _name(escalation, uow))
        catch_up(decision.notification, told, uow, waits=escalation.awaits_answer)


async def see(notification_id: NotificationId, uow: UnitOfWork) -> Standing:
    notification = await hold(notification_id, uow)
    record(notifications.see(notification, uow.now), uow)
    return await _standing(notification, uow)


async def acknowledge(notification_id: NotificationId, uow: UnitOfWork) -> Standing:
    """Take the answer of whoever holds the signed link: the person it was sent to.

    Raises UnknownNotification, NothingToAcknowledge or AlreadySettled.
    """
    return await _answer(await hold(notification_id, uow), uow)


async def press(notification_id: NotificationId, slack_user: str, uow: UnitOfWork) -> Standing:
    """Take the answer of a Slack user, who need not be the one to whom this message went.

    Raises NotPaged too, for anyone who was not told of the escalation.
    """
    notification = await hold(notification_id, uow)
    recipient = await uow.recipients.of_slack_user(slack_user)
    told = _told(recipient.person_id, notification, uow) if recipient else ()
    if not told:
        raise NotPagedError
    return await _answer(told[-1], uow)


async def _answer(notification: Notification, uow: UnitOfWork) -> Standing:
    escalation = await _escalation(notification, uow)
    decision = notifications.acknowledge(notification, escalation, uow.now)
    record(decision, uow)
    return await _standing(decision.notification, uow)


def _told(
    person_id: PersonId, notification: Notification, uow: UnitOfWork
) -> Sequence[Notification]:
    """Return what this person was asked of the same escalation by Slack, the latest last."""
    if notification.person_id == person_id:
        return (notification,)
    if notification.escalation_id is None:
        return ()
    told = (
        one
        for one in uow.notifications.of_escalation(notification.escalation_id)
        if (one.person_id, one.kind, one.medium) == (person_id, "page", "slack")
        and notifications.offers_answer(one)
    )
    return sorted(told, key=lambda one: one.requested_at)


async def hold(notification_id: NotificationId, uow: UnitOfWork) -> Notification:
    """Lock it as handlers of events do: with all that concerns its contact, in the same order."""
    found = await uow.notifications.look(notification_id)
    if found is None:
        raise NotificationNotFoundError
    await uow.prelock((found.contact_id,))
    return await uow.notifications.lock(notification_id) or found


def record(decision: Decision, uow: UnitOfWork) -> None:
    """Write the new state and what it causes, in the caller's transaction."""
    uow.notifications.put(decision.notification)
    uow.attempts.put(decision.attempts)
    uow.outbox.add(decision.events)


async def _standing(notification: Notification, uow: UnitOfWork) -> Standing:
    escalation = await _escalation(notification, uow)
    return Standing(notification, escalation, await _name(escalation, uow))


async def _escalation(notification: Notification, uow: UnitOfWork) -> Escalation | None:
    if notification.escalation_id is None:
        return None
    return await uow.escalations.lock(notification.escalation_id)


async def _name(escalation: Escalation | None, uow: UnitOfWork) -> str | None:
    if escalation is None or escalation.by is None:
        return None
    return await _called(escalation.by, uow)


async def _called(person_id: PersonId, uow: UnitOfWork) -> str:
    recipient = await uow.recipients.find(person_id)
    return recipient.name if recipient else person_id


def _new_id() -> NotificationId:
    return NotificationId(new_id())


SUBSCRIPTIONS = (
    HandlerRegistry[UnitOfWork]()
    .on(PageRequested, page)
    .on(TimerMissing, raise_alarm)
    .on(EscalationUnanswered, ask_again)
    .on(EscalationReturned, returned)
    .on(EscalationHandedOver, handed_over)
    .on(EscalationReopened, reopened)
    .on(ApprovalAsked, approval_asked)
    .on(ApprovalRefused, approval_refused)
    .on(EscalationLeaseRenewed, renewed)
    .on(EscalationSnoozed, snoozed)
    .on(EscalationAcknowledged, acknowledged)
    .on(EscalationTakenOver, taken_over)
    .on(EscalationHandedBack, handed_back)
    .on(EscalationResolved, resolved)
    .on(EscalationClosed, closed)
)

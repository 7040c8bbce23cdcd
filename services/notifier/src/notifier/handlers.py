"""What notifier does with each event from upstairs, each answer, and each attempt to deliver."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from common import trace
from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClosed,
    EscalationHandedBack,
    EscalationResolved,
    EscalationTakenOver,
    EscalationUnanswered,
    PageRequested,
    TimerMissing,
)
from common.contracts.event import EscalationId, NotificationId, PersonId
from common.contracts.notifications import Medium
from common.errors import PermanentError
from common.ids import new_id
from common.subscriptions import Subscriptions
from notifier.domain import delivering, notifications, wording
from notifier.domain.delivering import Outcome, Patience
from notifier.domain.escalations import Escalation, EscalationState
from notifier.domain.notifications import Attempt, Decision, Notification, Page
from notifier.store import UnitOfWork

Settling = (
    EscalationAcknowledged
    | EscalationTakenOver
    | EscalationHandedBack
    | EscalationResolved
    | EscalationClosed
)

log = structlog.get_logger()


class UnknownNotification(PermanentError):
    """There is no such notification."""


class NotPaged(Exception):
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
    if event.escalation_id is not None:
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
        uow.notifications.absent(failed.notification.notification_id)
        record(failed, uow)
        return
    for address in recipient.media:
        uow.notifications.add(
            notifications.page(page, address, _new_id(), uow.now, trace.current())
        )


async def ask_again(event: EscalationUnanswered, uow: UnitOfWork) -> None:
    await want_answer(event, event.escalation_id, uow)


async def want_answer(
    event: PageRequested | EscalationUnanswered, escalation_id: EscalationId, uow: UnitOfWork
) -> None:
    """Whoever had it has it no longer: it waits for anyone who is told of it."""
    await uow.escalations.lock(escalation_id)
    uow.escalations.put(
        Escalation(escalation_id, event.contact_id, "raised", None, event.occurred_at)
    )


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
    """Nobody need be told any more, and those who were see how it stands."""
    await uow.escalations.lock(event.escalation_id)
    escalation = Escalation(event.escalation_id, event.contact_id, state, by, event.occurred_at)
    uow.escalations.put(escalation)
    for notification in uow.notifications.of_escalation(event.escalation_id):
        await catch_up(notification, escalation, uow)


async def catch_up(notification: Notification, escalation: Escalation, uow: UnitOfWork) -> None:
    """Take back what is still to be sent, and have a message that was sent say how it stands.

    What is being sent at this moment catches up when its attempt is recorded.
    """
    settled = wording.settled(escalation, await _name(escalation, uow))
    if notification.state == "pending":
        uow.notifications.put(notifications.cancel(notification, settled))
    elif notifications.shows_its_state(notification):
        uow.notifications.add(
            notifications.update(notification, settled, _new_id(), uow.now, trace.current())
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
        raise UnknownNotification
    decision = delivering.record(notification, errand.attempt, outcome, patience, spread, uow.now)
    record(decision, uow)
    escalation = await _escalation(notification, uow)
    # It may have been settled while we were sending.
    if notification.kind == "page" and escalation and not escalation.awaits_answer:
        await catch_up(decision.notification, escalation, uow)


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
        raise NotPaged
    return await _answer(told[-1], uow)


async def _answer(notification: Notification, uow: UnitOfWork) -> Standing:
    escalation = await _escalation(notification, uow)
    decision = notifications.acknowledge(notification, escalation, uow.now)
    record(decision, uow)
    return await _standing(decision.notification, uow)


def _told(
    person_id: PersonId, notification: Notification, uow: UnitOfWork
) -> Sequence[Notification]:
    """Return what this person was sent of the same escalation by Slack, the latest last."""
    if notification.person_id == person_id:
        return (notification,)
    if notification.escalation_id is None:
        return ()
    told = (
        one
        for one in uow.notifications.of_escalation(notification.escalation_id)
        if (one.person_id, one.kind, one.medium) == (person_id, "page", "slack")
    )
    return sorted(told, key=lambda one: one.requested_at)


async def hold(notification_id: NotificationId, uow: UnitOfWork) -> Notification:
    """Lock it as handlers of events do: with all that concerns its contact, in the same order."""
    found = await uow.notifications.look(notification_id)
    if found is None:
        raise UnknownNotification
    await uow.hold((found.contact_id,))
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
    recipient = await uow.recipients.find(escalation.by)
    return recipient.name if recipient else None


def _new_id() -> NotificationId:
    return NotificationId(new_id())


SUBSCRIPTIONS = (
    Subscriptions[UnitOfWork]()
    .on(PageRequested, page)
    .on(TimerMissing, raise_alarm)
    .on(EscalationUnanswered, ask_again)
    .on(EscalationAcknowledged, acknowledged)
    .on(EscalationTakenOver, taken_over)
    .on(EscalationHandedBack, handed_back)
    .on(EscalationResolved, resolved)
    .on(EscalationClosed, closed)
)

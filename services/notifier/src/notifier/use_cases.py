"""What people answer and what an attempt of delivery ends in: load, decide, record."""

from dataclasses import dataclass
from datetime import timedelta

from common.contracts.event import NotificationId, PersonId
from common.contracts.notifications import Action, Medium
from notifier.domain import answers, delivery, notifications
from notifier.domain.delivery import Outcome, RetryPolicy
from notifier.domain.errors import NotificationNotFoundError, NotPagedError
from notifier.domain.escalations import Escalation
from notifier.domain.notifications import Attempt, Notification
from notifier.handlers import correct, record, status_of
from notifier.store import UnitOfWork


@dataclass(frozen=True, slots=True)
class AnswerStatus:
    """A notification and the state of its escalation; `name` is the person's who changed that.

    `actions` are the answers that the reader can give now.
    """

    notification: Notification
    escalation: Escalation | None
    name: str | None

    @property
    def actions(self) -> tuple[Action, ...]:
        return answers.possible_actions(self.notification, self.escalation)


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """An attempt that has begun: what to send, and for how long it was due."""

    notification: Notification
    attempt: Attempt
    waited: timedelta


async def see(notification_id: NotificationId, uow: UnitOfWork) -> AnswerStatus:
    """Record that the link was opened."""
    notification = await _lock(notification_id, uow)
    record(answers.see(notification, uow.now), uow)
    return await _answer_status(notification, uow)


async def answer(notification_id: NotificationId, action: Action, uow: UnitOfWork) -> AnswerStatus:
    """Take the answer of the person whom the message was sent to.

    Raises NotificationNotFoundError, NothingToAcknowledgeError or AnswerTooLateError.
    """
    return await _answer(await _lock(notification_id, uow), action, uow)


async def press(
    notification_id: NotificationId,
    medium: Medium,
    user_id: str,
    action: Action,
    uow: UnitOfWork,
) -> AnswerStatus:
    """Take the answer of a channel's user, who may be another person than the message's recipient.

    Raises NotPagedError too, for a user who was not asked about the escalation.
    """
    notification = await _lock(notification_id, uow)
    recipient = await uow.recipients.of_user(medium, user_id)
    own = _latest_of(recipient.person_id, notification, medium, uow) if recipient else None
    if own is None:
        raise NotPagedError
    return await _answer(own, action, uow)


async def claim(
    medium: Medium, limit: int, policy: RetryPolicy, uow: UnitOfWork
) -> list[ClaimedDelivery]:
    """Begin an attempt for each notification that is due."""
    deliveries = []
    for due in await uow.notifications.claim(medium, uow.now, limit):
        decision = delivery.claim(due, policy, uow.now)
        record(decision, uow)
        if decision.notification.state == "sending":
            waited = uow.now - (due.due_at or uow.now)
            claimed = ClaimedDelivery(decision.notification, decision.attempts[-1], waited)
            deliveries.append(claimed)
    return deliveries


async def record_attempt(
    claimed: ClaimedDelivery, outcome: Outcome, policy: RetryPolicy, spread: float, uow: UnitOfWork
) -> None:
    """Record how an attempt ended; correct the message if it is no longer relevant."""
    notification = await uow.notifications.lock(claimed.notification.notification_id)
    if notification is None:
        raise NotificationNotFoundError
    decision = delivery.record(notification, claimed.attempt, outcome, policy, spread, uow.now)
    record(decision, uow)
    escalation = await _escalation_of(notification, uow)
    # The escalation may have changed while the message was being sent.
    if (
        notification.kind == "page"
        and escalation
        and not notifications.is_relevant(notification, escalation)
    ):
        status = await status_of(escalation, uow)
        correct(decision.notification, status, uow)


async def _answer(notification: Notification, action: Action, uow: UnitOfWork) -> AnswerStatus:
    escalation = await _escalation_of(notification, uow)
    decision = answers.answer(notification, escalation, action, uow.now)
    record(decision, uow)
    return await _answer_status(decision.notification, uow)


def _latest_of(
    person_id: PersonId, notification: Notification, medium: Medium, uow: UnitOfWork
) -> Notification | None:
    """Return the latest message on this medium that asked the person about the same escalation."""
    if notification.person_id == person_id:
        return notification
    if notification.escalation_id is None:
        return None
    messages = [
        candidate
        for candidate in uow.notifications.of_escalation(notification.escalation_id)
        if (candidate.person_id, candidate.kind, candidate.medium) == (person_id, "page", medium)
        and answers.has_buttons(candidate)
    ]
    return max(messages, key=lambda candidate: candidate.requested_at, default=None)


async def _lock(notification_id: NotificationId, uow: UnitOfWork) -> Notification:
    """Lock it as event handlers do, with all of its contact, so that the order is the same."""
    notification = await uow.notifications.get(notification_id)
    if notification is None:
        raise NotificationNotFoundError
    await uow.prelock((notification.contact_id,))
    return await uow.notifications.lock(notification_id) or notification


async def _answer_status(notification: Notification, uow: UnitOfWork) -> AnswerStatus:
    escalation = await _escalation_of(notification, uow)
    name = await uow.recipients.name(escalation.by) if escalation and escalation.by else None
    return AnswerStatus(notification, escalation, name)


async def _escalation_of(notification: Notification, uow: UnitOfWork) -> Escalation | None:
    if notification.escalation_id is None:
        return None
    return await uow.escalations.lock(notification.escalation_id)

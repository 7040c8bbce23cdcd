"""What people do with a link or a button: load, decide, record."""

from dataclasses import dataclass

from common.contracts.event import PersonId
from common.contracts.notifications import Action, Medium
from notifier.domain import answers
from notifier.domain.answers import HolderAct
from notifier.domain.errors import (
    LinkPurposeError,
    NotificationNotFoundError,
    NotPagedError,
)
from notifier.domain.escalations import Escalation
from notifier.domain.notifications import Notification
from notifier.domain.recipients import require_link
from notifier.handlers import record
from notifier.later_steps import cancel_later_steps
from notifier.links import Capability
from notifier.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class AnswerStatus:
    """A notification and the state of its escalation; `name` is the person's who changed that.

    `actions` are the answers that the link can give now; if it `shows_only`, it never has any.
    """

    notification: Notification
    escalation: Escalation | None
    name: str | None
    actions: tuple[Action, ...]
    shows_only: bool


async def see(capability: Capability, uow: UnitOfWork) -> AnswerStatus:
    """Return what the message is about; record that the recipient's own link was opened.

    The later steps of the person's rule follow all the same: scanners of mails open links, too.
    """
    notification = await _lock(capability, uow)
    # Anybody in a shared channel may open a link that only shows the message.
    if capability.purpose != "show":
        record(answers.see(notification, uow.now), uow)
    return await _answer_status(notification, capability, uow)


async def answer(capability: Capability, uow: UnitOfWork) -> AnswerStatus:
    """Take the answer of the person whom the link was sent to.

    Raises LinkPurposeError, LinkVoidError, NotificationNotFoundError, NothingToAcknowledgeError or
    AnswerTooLateError.
    """
    notification = await _lock(capability, uow)
    match capability.purpose:
        case "acknowledge" | "take_over":
            answered = await answer_locked(notification, capability.purpose, uow)
        case _:
            raise LinkPurposeError
    return await _answer_status(answered, capability, uow)


async def press(
    capability: Capability, medium: Medium, user_id: str, action: Action, uow: UnitOfWork
) -> None:
    """Take the answer of a channel's user, who may be another person than the message's recipient.

    Raises NotPagedError too, for a user who was not asked about the escalation.
    """
    own = await _message_of_user(capability, medium, user_id, uow)
    await answer_locked(own, action, uow)


async def _message_of_user(
    capability: Capability, medium: Medium, user_id: str, uow: UnitOfWork
) -> Notification:
    """Return the message by which the user was asked about the escalation of the one pressed."""
    if capability.purpose != "press":
        raise LinkPurposeError
    notification = await _lock(capability, uow)
    recipient = await uow.recipients.of_user(medium, user_id)
    if recipient is None or not recipient.active:
        raise NotPagedError
    own = _latest_of(recipient.person_id, notification, medium, uow)
    if own is None:
        raise NotPagedError
    return own


async def act_as_holder(
    capability: Capability, medium: Medium, user_id: str, act: HolderAct, uow: UnitOfWork
) -> None:
    """Snooze it or hand it back in the name of the channel's user, who holds it.

    Raises as `press`, and NotHeldError.
    """
    own, escalation = await _of_user(capability, medium, user_id, uow)
    record(answers.act_as_holder(own, escalation, act, uow.now), uow)


async def check_holder(
    capability: Capability, medium: Medium, user_id: str, uow: UnitOfWork
) -> str:
    """Return the language of the channel's user; raise as `act_as_holder` unless they hold it."""
    own, escalation = await _of_user(capability, medium, user_id, uow)
    answers.require_holder(own, escalation)
    return own.language


async def _of_user(
    capability: Capability, medium: Medium, user_id: str, uow: UnitOfWork
) -> tuple[Notification, Escalation | None]:
    own = await _message_of_user(capability, medium, user_id, uow)
    return own, await _escalation_of(own, uow)


async def answer_locked(
    notification: Notification, action: Action, uow: UnitOfWork
) -> Notification:
    """Take the answer of the recipient; the notifications of the contact must be locked.

    Raises NothingToAcknowledgeError or AnswerTooLateError.
    """
    escalation = await _escalation_of(notification, uow)
    decision = answers.answer(notification, escalation, action, uow.now)
    record(decision, uow)
    cancel_later_steps(notification, f"answered on {notification.medium}", uow)
    return decision.notification


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


async def lock_message(notification: Notification, uow: UnitOfWork) -> Notification:
    """Lock it as event handlers do, with all of its contact, so that the order is the same."""
    await uow.lock_contacts((notification.contact_id,))
    return await uow.notifications.lock(notification.notification_id) or notification


async def _lock(capability: Capability, uow: UnitOfWork) -> Notification:
    notification = await uow.notifications.get(capability.notification_id)
    if notification is None:
        raise NotificationNotFoundError
    require_link(await uow.recipients.get(notification.person_id), capability.link_epoch)
    return await lock_message(notification, uow)


async def _answer_status(
    notification: Notification, capability: Capability, uow: UnitOfWork
) -> AnswerStatus:
    escalation = await _escalation_of(notification, uow)
    name = await uow.recipients.name(escalation.by) if escalation and escalation.by else None
    possible = answers.possible_actions(notification, escalation)
    actions = tuple(action for action in possible if action == capability.purpose)
    return AnswerStatus(notification, escalation, name, actions, capability.purpose == "show")


async def _escalation_of(notification: Notification, uow: UnitOfWork) -> Escalation | None:
    if notification.escalation_id is None:
        return None
    return await uow.escalations.lock(notification.escalation_id)

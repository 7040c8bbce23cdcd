"""What it means that a person opens a message's link, or answers it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, assert_never

from msgspec.structs import replace

from common.contracts.notifications import Action, Medium, NotificationActedOn, NotificationSeen
from notifier.domain.content import HeldPage
from notifier.domain.errors import (
    AnswerTooLateError,
    ApprovalRequiredError,
    NotHeldError,
    NothingToAcknowledgeError,
)
from notifier.domain.escalations import Escalation
from notifier.domain.notifications import Decision, Notification
from notifier.domain.reasons import asks_for

# Nobody snoozes twice so soon: the button was pressed twice, or the request came twice.
_REPEATED: Final = timedelta(seconds=10)
HolderAction = Literal["snooze", "hand_back"]


@dataclass(frozen=True, slots=True)
class HolderAct:
    """`note` is the guidance of who hands it back, or why it is snoozed for `snooze`."""

    action: HolderAction
    note: str | None = None
    snooze: timedelta | None = None


def see(notification: Notification, at: datetime) -> Decision:
    """Record that its link was opened; only the first time counts."""
    if notification.seen_at is not None or notification.medium is None:
        return Decision(notification)
    event = NotificationSeen(
        contact_id=notification.contact_id,
        occurred_at=at,
        notification_id=notification.notification_id,
        page_id=notification.page_id,
        person_id=notification.person_id,
        medium=notification.medium,
    )
    return Decision(replace(notification, seen_at=at), (event,))


def has_buttons(page: Notification | HeldPage) -> bool:
    """Return whether the message is sent with buttons to answer it."""
    return page.escalation_id is not None and asks_for(page.content.reason) == "answer"


def possible_actions(
    notification: Notification, escalation: Escalation | None
) -> tuple[Action, ...]:
    """Return the answers that would change something now."""
    if escalation is None or not _takes_answer(notification):
        return ()
    if escalation.state == "raised":
        already = _action_since(notification, escalation)
        if already is None:
            return ("acknowledge", "take_over")
        return ("take_over",) if already == "acknowledge" else ()
    if escalation.state == "acknowledged" and escalation.by == notification.person_id:
        already = _action_since(notification, escalation)
        return () if already == "take_over" or escalation.approval_asked else ("take_over",)
    return ()


def answer(
    notification: Notification, escalation: Escalation | None, action: Action, at: datetime
) -> Decision:
    """Take the answer of the person who was notified; the same answer again changes nothing.

    Raises NothingToAcknowledgeError, or AnswerTooLateError after another person's answer.
    """
    if not _takes_answer(notification):
        approval = asks_for(notification.content.reason) == "approval"
        raise ApprovalRequiredError if approval else NothingToAcknowledgeError
    current, medium = _require_open(notification, escalation)
    if action not in possible_actions(notification, current):
        return Decision(notification)
    return _act(notification, current, medium, action, at)


def has_holder_buttons(notification: Notification) -> bool:
    """Return whether a message is for who holds the escalation: to snooze it or hand it back."""
    status = notification.content.status
    if notification.escalation_id is None:
        return False
    if status is None:
        return asks_for(notification.content.reason) == "progress"
    return status.holder == notification.person_id


def require_holder(
    notification: Notification, escalation: Escalation | None
) -> tuple[Escalation, Medium]:
    """Return the escalation if the person who was notified holds it, and where it was said.

    Raises NothingToAcknowledgeError, NotHeldError or AnswerTooLateError.
    """
    current, medium = _require_open(notification, escalation)
    if current.state == "raised":
        raise NotHeldError
    return current, medium


def act_as_holder(
    notification: Notification, escalation: Escalation | None, act: HolderAct, at: datetime
) -> Decision:
    """Snooze it or hand it back; the same again within a moment changes nothing.

    Raises as `require_holder`.
    """
    current, medium = require_holder(notification, escalation)
    acted_at = notification.acted_at
    if notification.action == act.action and acted_at and at - acted_at < _REPEATED:
        return Decision(notification)
    until = None if act.snooze is None else at + act.snooze
    return _act(notification, current, medium, act.action, at, act.note, until)


def _act(
    notification: Notification,
    escalation: Escalation,
    medium: Medium,
    action: Action,
    at: datetime,
    note: str | None = None,
    until: datetime | None = None,
) -> Decision:
    acted = NotificationActedOn(
        contact_id=notification.contact_id,
        occurred_at=at,
        notification_id=notification.notification_id,
        page_id=notification.page_id,
        person_id=notification.person_id,
        escalation_id=escalation.escalation_id,
        action=action,
        medium=medium,
        note=note,
        until=until,
    )
    return Decision(replace(notification, acted_at=at, action=action), (acted,))


def _require_open(
    notification: Notification, escalation: Escalation | None
) -> tuple[Escalation, Medium]:
    """Return the escalation and where it was told of, unless it ended or another person has it."""
    if notification.escalation_id is None or notification.medium is None or escalation is None:
        raise NothingToAcknowledgeError
    match escalation.state:
        case "raised":
            pass
        case "acknowledged" | "taken_over":
            if escalation.by != notification.person_id:
                raise AnswerTooLateError(escalation)
        case "handed_back" | "resolved" | "closed":
            raise AnswerTooLateError(escalation)
        case _:
            assert_never(escalation.state)
    return escalation, notification.medium


def _takes_answer(notification: Notification) -> bool:
    """Return whether its link may answer; also in a message that only informs."""
    ask = asks_for(notification.content.reason)
    return notification.escalation_id is not None and ask in ("answer", "progress", "nothing")


def _action_since(notification: Notification, escalation: Escalation) -> Action | None:
    """Return the answer since the last change of state; an earlier answer may be repeated."""
    if notification.acted_at is None or notification.acted_at < escalation.at:
        return None
    return notification.action

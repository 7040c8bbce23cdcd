"""Facts about who was told, owned by `notifier`."""

from typing import Literal

from common.contracts.event import (
    ContactEvent,
    EscalationId,
    Event,
    NotificationId,
    PageId,
    PersonId,
)

Medium = Literal["slack", "email", "sms", "teams", "webhook"]
Action = Literal["acknowledge", "take_over"]


class NotificationsEvent(ContactEvent):
    topic = "notifications"

    notification_id: NotificationId
    page_id: PageId
    person_id: PersonId


class NotificationSent(NotificationsEvent):
    """The outside system accepted it. `ambiguous`: an earlier attempt may have arrived as well."""

    medium: Medium
    attempt: int
    ambiguous: bool = False


class NotificationFailed(NotificationsEvent):
    """It will not be tried again on this medium."""

    medium: Medium | None = None
    attempts: int
    reason: str


class NotificationSeen(NotificationsEvent):
    medium: Medium


class NotificationActedOn(NotificationsEvent):
    """A person pressed a button or followed a signed link in the message."""

    escalation_id: EscalationId
    action: Action
    medium: Medium


EVENTS: tuple[type[Event], ...] = (
    NotificationSent,
    NotificationFailed,
    NotificationSeen,
    NotificationActedOn,
)

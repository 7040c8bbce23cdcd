"""Events about notifications and their answers, owned by `notifier`."""

import re
from datetime import datetime
from typing import Literal

from common.contracts.event import (
    UUID_PATTERN,
    ContactEvent,
    EscalationId,
    Event,
    NotificationId,
    PageId,
    PersonId,
)
from common.contracts.texts import NoteText
from common.core.ids import derived_id

Medium = Literal[
    "slack", "email", "sms", "teams", "webhook", "web_push", "voice", "whatsapp", "apprise"
]
Action = Literal["acknowledge", "take_over", "snooze", "hand_back"]


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


class NotificationDelivered(NotificationsEvent):
    """The outside system reports that it arrived: on the phone, or that the call was answered.

    Only some media report it.
    """

    medium: Medium


class NotificationFailed(NotificationsEvent):
    """There is no further attempt on this medium. `medium` is None if the person has no address.

    `page_media` are all the media of the page: it reached nobody once it failed on each of them.
    """

    medium: Medium | None = None
    page_media: tuple[Medium, ...] = ()
    attempts: int
    reason: str


class NotificationSeen(NotificationsEvent):
    """The link of the message was opened for the first time."""

    medium: Medium


class NotificationActedOn(NotificationsEvent):
    """A person answered by a button of the message, or by its signed link.

    `take_over`: the person serves the customer instead of the representative. `note` is the
    guidance with which it is handed back, or why it is snoozed; `until` the end of the snooze.
    """

    escalation_id: EscalationId
    action: Action
    medium: Medium
    note: NoteText | None = None
    until: datetime | None = None


class RecipientChanged(Event):
    """On which media the person is reached from now on; none: no page reaches that person.

    Published when they change by either route. Addresses are never in it. It concerns no contact;
    its key is derived from the person.
    """

    topic = "notifications"
    key_pattern = re.compile(UUID_PATTERN)

    person_id: PersonId
    media: tuple[Medium, ...]

    @property
    def key(self) -> str:
        return recipient_key(self.person_id)


def recipient_key(person_id: PersonId) -> str:
    """Return what stands for a contact in messages that are about the person alone."""
    return derived_id("recipient", person_id)


EVENTS: tuple[type[Event], ...] = (
    NotificationSent,
    NotificationDelivered,
    NotificationFailed,
    NotificationSeen,
    NotificationActedOn,
    RecipientChanged,
)

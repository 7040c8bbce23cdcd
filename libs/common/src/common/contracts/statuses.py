"""What channels are told of their contacts: each status by `intake`, who wants it by `notifier`.

Both have topics of their own, so that nobody reads them who has no use for them.
"""

import re
from typing import Literal

from common.contracts.event import (
    UUID_PATTERN,
    ContactEvent,
    ContactId,
    Event,
    PersonId,
    SystemName,
)
from common.core.ids import derived_id

ContactStatus = Literal[
    "received",
    "assigned",
    "waiting_on_customer",
    "waiting_ended",
    "escalated",
    "acknowledged",
    "taken_over",
    "handed_back",
    "escalation_ended",
    "resolved",
    "abandoned",
    "discarded",
    "merged",
    "reopened",
]


class ContactStatusChanged(ContactEvent):
    """A contact of a system with a status webhook has this status since `occurred_at`.

    It has no words of anybody. `change_id` is the same if the change is published again.
    `person_id` is who got the contact, or who acted. `level` is of the escalation.
    """

    topic = "statuses"

    change_id: str
    source: SystemName
    external_ref: str | None = None
    status: ContactStatus
    person_id: PersonId | None = None
    level: str | None = None
    merged_into: ContactId | None = None


class StatusWebhookChanged(Event):
    """Whether statuses of the contacts of this system are wanted from now on.

    The later `occurred_at` counts. It concerns no contact; its key is derived from the system.
    """

    topic = "webhooks"
    key_pattern = re.compile(UUID_PATTERN)

    source: SystemName
    is_active: bool

    @property
    def key(self) -> str:
        return derived_id("status webhook", self.source)


EVENTS: tuple[type[Event], ...] = (ContactStatusChanged, StatusWebhookChanged)

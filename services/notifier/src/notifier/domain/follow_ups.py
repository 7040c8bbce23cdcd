"""Where a message can't be changed, another says what happened: each reader gets it once."""

from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from common.contracts.notifications import Medium
from notifier.domain.content import Status
from notifier.domain.notifications import Notification

MEDIA: Final[frozenset[Medium]] = frozenset({"teams"})


def is_further_message(notification: Notification) -> bool:
    """Return whether it is an update that changes nothing, but is sent as a message of its own."""
    return notification.kind == "update" and notification.medium in MEDIA


def is_followed_up(
    notification: Notification, status: Status, others: Iterable[Notification]
) -> bool:
    """Return whether the reader is told the same by the update of another message about it."""
    if notification.medium not in MEDIA:
        return False
    reader = (notification.person_id, notification.medium)
    updates = [
        other
        for other in others
        if other.kind == "update"
        and (other.person_id, other.medium) == reader
        and other.state in ("pending", "sending", "sent")
        and other.requested_at > notification.requested_at
    ]
    latest = max(updates, key=attrgetter("requested_at"), default=None)
    return latest is not None and latest.content.status == status

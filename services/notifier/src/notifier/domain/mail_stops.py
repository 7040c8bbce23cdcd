"""Kinds of mail that a person may stop: those that ask for nothing and lead to nothing.

A summary is none: it may carry pages that ask for an answer.
"""

from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from common.contracts.event import PersonId
from notifier.domain.notifications import Notification

StoppableMail = Literal["updated", "coaching"]
STOPPABLE_MAILS: Final[tuple[StoppableMail, ...]] = ("updated", "coaching")


class MailStop(Struct, frozen=True):
    """`stopped_by`: the person, a manager or an admin; `link` for the link in a mail."""

    person_id: PersonId
    kind: StoppableMail
    stopped_at: datetime
    stopped_by: str


def stoppable(notification: Notification) -> StoppableMail | None:
    """Return the kind of a mail that its recipient may stop; None for all others."""
    if notification.medium != "email" or notification.kind != "page":
        return None
    return next((kind for kind in STOPPABLE_MAILS if kind == notification.content.reason), None)

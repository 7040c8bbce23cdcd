"""What a claim of deliveries goes by, and what it gives."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from common.contracts.event import ContactId, NotificationId
from common.contracts.notifications import Medium
from notifier.domain.brake import (
    BrakePolicy,
)
from notifier.domain.circuits import CircuitPolicy
from notifier.domain.content_levels import ContentLevels
from notifier.domain.delivery import RetryPolicy
from notifier.domain.delivery_reasons import BudgetKind
from notifier.domain.maintenance import MaintenanceWindow
from notifier.domain.notifications import Attempt, Notification


@dataclass(frozen=True, slots=True)
class DeliveryRules:
    """`threaded`: the media on which a message can answer an earlier one.

    `receipt_within`: how long a receipt is waited for, not counting a call that is under way.
    `lists_storms`: messages lead to a console, which lists what a message has no room for.
    `changeable`: the media on which a summary can change the message of the one before. `content`:
    how much a message may show.
    `maintenance`: the windows that have not ended.
    """

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    brake: BrakePolicy = field(default_factory=BrakePolicy)
    threaded: frozenset[Medium] = frozenset()
    circuit: CircuitPolicy = field(default_factory=CircuitPolicy)
    receipt_within: timedelta = timedelta(seconds=60)
    lists_storms: bool = False
    changeable: frozenset[Medium] = frozenset()
    content: ContentLevels = field(default_factory=ContentLevels)
    maintenance: tuple[MaintenanceWindow, ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """An attempt that has begun: what to send, and for how long it was due."""

    notification: Notification
    medium: Medium
    attempt: Attempt
    waited: timedelta

    @property
    def written_at(self) -> datetime:
        """Return a time that all messages of a second share, and so their words."""
        at = self.attempt.started_at
        return at + timedelta(microseconds=-at.microsecond % 1_000_000)

    @property
    def is_storm(self) -> bool:
        """Tell whether it carries more pages than it shows."""
        summary = self.notification.content.summary
        return summary is not None and summary.elsewhere > 0

    @property
    def contact_ids(self) -> Iterator[ContactId]:
        """Return the contacts whose notifications the outcome changes."""
        yield self.notification.contact_id
        if summary := self.notification.content.summary:
            yield from (page.contact_id for page in summary.pages)


@dataclass(slots=True)
class Claim:
    """The attempts that have begun, and for each page that was held back what is in the way.

    `put_aside` became dead letters: their rows can't be read. On the media `behind` more is due.
    `hopeless` are the contacts of pages that can't be sent where they were to be sent, or have no
    attempt left.
    """

    deliveries: list[ClaimedDelivery] = field(default_factory=list)
    held_back: list[tuple[Medium | None, BudgetKind | Literal["quiet_hours"]]] = field(
        default_factory=list
    )
    put_aside: list[tuple[Medium | None, NotificationId, Exception]] = field(default_factory=list)
    behind: set[Medium] = field(default_factory=set)
    hopeless: set[ContactId] = field(default_factory=set)

"""What a page is about, as parts of the event that requests it, owned by `escalation`."""

from decimal import Decimal
from typing import Literal

from common.contracts.contacts import Channel, Priority, Tier
from common.contracts.contract import Contract, Instant
from common.contracts.decimals import require_finite
from common.contracts.event import CustomerId, PersonId, SystemName
from common.contracts.texts import NoteText, ReasonText

Outcome = Literal[
    "answer", "apology", "refund", "credit", "replacement", "service_adjustment", "other"
]


class PagedContact(Contract):
    """The contact that a page is about, as far as its sender knows it. Texts are the customer's."""

    channel: Channel
    topic: ReasonText
    subject: ReasonText
    priority: Priority
    language: ReasonText
    tier: Tier
    customer_name: ReasonText | None = None
    representative_id: PersonId | None = None
    customer_id: CustomerId | None = None
    received_from: SystemName | None = None
    campaign: ReasonText | None = None


class PagedCoaching(Contract):
    """`by` asks that `person_id` be coached; `text` says about what."""

    by: PersonId
    person_id: PersonId
    text: NoteText


class PagedAbsence(Contract):
    """In whose place a person is asked: `person_id` is away until then.

    If it is the person who is asked, nobody could stand in.
    """

    person_id: PersonId
    until: Instant


class PagedQueue(Contract):
    """No active representative has the skill and the language of `queue`.

    Its contacts wait in `fallback_queue`; without one nobody serves them.
    """

    queue: ReasonText
    fallback_queue: ReasonText | None = None


class PagedDutyGap(Contract):
    """Nobody is on duty from `starts_at`; without `ends_at` the gap has no end in sight.

    `absent` would have the turn, as far as they are few.
    """

    schedule_id: str
    starts_at: Instant
    ends_at: Instant | None = None
    absent: tuple[PersonId, ...] = ()


class PagedApproval(Contract):
    """The outcome for which an approval is asked; `amount` in units of `currency`."""

    by: PersonId
    outcome: Outcome
    amount: Decimal
    currency: str
    note: NoteText

    def __post_init__(self) -> None:
        super().__post_init__()
        require_finite(self.amount)

"""Facts about escalations and who is paged, owned by `escalation`."""

from decimal import Decimal
from typing import Final, Literal, get_args

from common.contracts.change_reasons import ChangeReason
from common.contracts.clocks import ClockName, ClockState
from common.contracts.contacts import Priority
from common.contracts.contract import Contract, Instant
from common.contracts.decimals import require_finite
from common.contracts.event import (
    ComplaintId,
    ContactEvent,
    EscalationId,
    Event,
    PageId,
    PersonId,
    SystemName,
)
from common.contracts.notifications import Medium
from common.contracts.page_subjects import (
    Outcome,
    PagedAbsence,
    PagedApproval,
    PagedCoaching,
    PagedContact,
    PagedDutyGap,
    PagedQueue,
)
from common.contracts.texts import ExplanationText, NoteText, ReasonText
from common.contracts.vacancies import Vacancy

Severity = Literal["low", "medium", "high", "critical"]
# The least severe first.
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
Cause = Literal[
    "breach",
    "warning",
    "customer_request",
    "referral",
    "repeated_contact",
    "feedback",
    "complaint",
    "vip",
    "manual",
]
PageReason = Literal[
    "warning",
    "raised",
    "climbed",
    "repeated",
    "returned",
    "updated",
    "handed_over",
    "lease_ending",
    "snooze_over",
    "approval_asked",
    "approval_refused",
    "unanswered",
    "unreachable",
    "met",
    "coaching",
    "duty_gap",
    "unserved",
]
LeaseEnd = Literal["progress", "shift", "snooze"]
# What an open escalation waits for: an acknowledgement, or progress of the holder.
Wait = Literal["acknowledgement_due", "lease"]
# What becomes of an unacknowledged escalation once all its reasons were met.
WhenMet = Literal["close", "stay"]


class EscalationsEvent(ContactEvent):
    topic = "escalations"


class PriorityChangeAsked(EscalationsEvent):
    """A clock's threshold asks for another priority; intake decides, since it owns the priority."""

    priority: Priority
    reason: ReasonText


class EscalationsOwnEvent(EscalationsEvent):
    escalation_id: EscalationId


class EscalationRaised(EscalationsOwnEvent):
    """`reason`: the words of the customer or the colleague, or what a rule found; may be empty."""

    cause: Cause
    reason: ReasonText
    severity: Severity
    ladder_id: str
    ladder_version: int
    level: int
    level_name: str
    received_from: SystemName | None = None
    external_ref: str | None = None


class EscalationCauseAdded(EscalationsOwnEvent):
    """A further cause joined the open escalation; `reason` as in EscalationRaised."""

    cause: Cause
    reason: ReasonText
    severity: Severity


class EscalationClimbed(EscalationsOwnEvent):
    """`lateness_ms` and `waited_for` are None when no timer sent it up.

    Then a person did, or nobody was reached. `unreached` are those of the level before whom no
    message reached, if nobody there has answered. `vacancies` are why levels were passed, as
    `reason`.
    """

    from_level: int
    to_level: int
    level_name: str
    reason: ExplanationText
    lateness_ms: float | None = None
    waited_for: Wait | None = None
    vacancies: tuple[Vacancy, ...] = ()
    unreached: tuple[PersonId, ...] = ()


class EscalationPageFailed(EscalationsOwnEvent):
    """No message reached `person_id`, who was paged at the level and is still awaited.

    Once that is so of everybody who was paged, it goes on at once.
    """

    person_id: PersonId
    level: int
    level_name: str
    reason: ExplanationText


class EscalationCausesMet(EscalationsOwnEvent):
    """Every clock that it was raised for was met before anybody acknowledged it: it climbs no more.

    `breached_clocks` are those of them that were breached, and stay so. With `close`
    EscalationClosed follows.
    """

    level: int
    level_name: str
    breached_clocks: tuple[ClockName, ...]
    when_met: WhenMet
    reason: ExplanationText


class EscalationUnanswered(EscalationsOwnEvent):
    """The top of the ladder did not answer in time, or was not reached.

    The whole ladder has gone unanswered since `standing_since`: an alarm stands since then. The top
    is paged again, each time after twice the time, as often as the ladder says.
    """

    level: int
    lateness_ms: float
    standing_since: Instant | None = None
    waited_for: Wait | None = None


class PagedCause(Contract):
    """One cause of the escalation, or of the warning.

    `reason` is that of EscalationRaised or EscalationCauseAdded: the words of the customer or of
    the colleague `by`, or what a rule found, as last given; `count` says how often. For a clock
    `due_at` is its deadline and `clock_state` how it stood when the page was requested. Feedback
    has a `score` from 1 to 5. A complaint, or feedback that is one, is `about` a person; its words
    are with the complaint.
    """

    cause: Cause
    reason: ReasonText
    at: Instant
    by: PersonId | None = None
    about: PersonId | None = None
    score: int | None = None
    clock: ClockName | None = None
    due_at: Instant | None = None
    clock_state: ClockState | None = None
    count: int = 1
    complaint_id: ComplaintId | None = None


class PageRequested(EscalationsEvent):
    """One person must be notified, once, on each of that person's media or on those of `media`.

    It carries data; the notifier writes the words. `causes` begin with the one that raised the
    escalation and are the last ones of `cause_count`; with the reason `updated` the last one is
    new. `explanation` says why it comes to this person now; `on_duty`: as who is on duty;
    `absence`: in place of whom.
    `escalation_id` is None for a warning, since nothing was raised yet, and for what outlives its
    escalation: coaching, contact methods that reach nobody, and that it was closed as met.
    `respond_by` is when it moves on without that person; `lease_end` is what ends a lease then. A
    gap in a duty schedule and a queue that nobody serves have an id derived from it as contact.
    """

    page_id: PageId
    person_id: PersonId
    reason: PageReason
    escalation_id: EscalationId | None = None
    severity: Severity | None = None
    level_name: str | None = None
    respond_by: Instant | None = None
    lease_end: LeaseEnd | None = None
    media: tuple[Medium, ...] | None = None
    contact: PagedContact | None = None
    causes: tuple[PagedCause, ...] = ()
    cause_count: int = 0
    explanation: ExplanationText | None = None
    approval: PagedApproval | None = None
    coaching: PagedCoaching | None = None
    duty_gap: PagedDutyGap | None = None
    unserved_queue: PagedQueue | None = None
    on_duty: bool = False
    absence: PagedAbsence | None = None


class EscalationAcknowledged(EscalationsOwnEvent):
    by: PersonId
    lease_expires_at: Instant


class EscalationTakenOver(EscalationsOwnEvent):
    """`by` works on the contact now; the representative no longer has it."""

    by: PersonId
    lease_expires_at: Instant | None = None


class EscalationLeaseRenewed(EscalationsOwnEvent):
    """The holder made progress."""

    by: PersonId
    lease_expires_at: Instant


class EscalationReturned(EscalationsOwnEvent):
    """The shift of the holder `from_person` ended: those now on duty at the level are paged."""

    from_person: PersonId
    level: int
    level_name: str
    reason: ReasonText
    lateness_ms: float


class EscalationHandedOver(EscalationsOwnEvent):
    """The holder gave it to a colleague, who is paged."""

    by: PersonId
    to: PersonId
    context: ReasonText


class EscalationReferredUp(EscalationsOwnEvent):
    """A person sends it up the ladder; EscalationClimbed says where it went."""

    by: PersonId
    reason: ReasonText


class EscalationSnoozed(EscalationsOwnEvent):
    by: PersonId
    until: Instant
    reason: ReasonText


class EscalationNoted(EscalationsOwnEvent):
    by: PersonId
    text: NoteText


class CoachingRequested(EscalationsOwnEvent):
    """The holder asks that `person_id` be coached about it."""

    by: PersonId
    person_id: PersonId
    text: NoteText


class EscalationMediated(EscalationsOwnEvent):
    """The holder heard both sides and proposes a solution."""

    by: PersonId
    customer_statement: NoteText
    representative_statement: NoteText
    proposal: NoteText


class ApprovalAsked(EscalationsOwnEvent):
    """The outcome costs more than `by` may grant; `approvers` may decide."""

    by: PersonId
    outcome: Outcome
    amount: Decimal
    currency: str
    note: NoteText
    level: int
    level_name: str
    approvers: tuple[PersonId, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        require_finite(self.amount)


class ApprovalRefused(EscalationsOwnEvent):
    """It is back with the person who asked."""

    by: PersonId
    reason: ReasonText


class EscalationHandedBack(EscalationsOwnEvent):
    by: PersonId
    guidance: NoteText


class EscalationResolved(EscalationsOwnEvent):
    by: PersonId
    outcome: Outcome
    note: NoteText
    level: int
    amount: Decimal | None = None
    currency: str | None = None
    approved_by: PersonId | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_finite(self.amount)


class EscalationReopened(EscalationsOwnEvent):
    """It is open again, at the level where it ended."""

    by: PersonId
    reason: ReasonText
    severity: Severity
    level: int
    level_name: str


class EscalationClosed(EscalationsOwnEvent):
    """It ended because the contact did, or because all that it was raised for was done."""

    reason: ReasonText
    change_reason: ChangeReason | None = None


class PagesErased(EscalationsEvent):
    """The words of and about the customer are to be erased from all pages, which came before."""


class TimerMissing(EscalationsEvent):
    """A contact's timer was missing or had another time; it is recreated. Operations are paged.

    `slot` names what the timer is for, `due_at` is when it is due; `instead` is the time of the
    timer that was there.
    """

    page_id: PageId
    slot: str
    due_at: Instant
    instead: Instant | None = None


EVENTS: tuple[type[Event], ...] = (
    PriorityChangeAsked,
    EscalationRaised,
    EscalationCauseAdded,
    EscalationClimbed,
    EscalationPageFailed,
    EscalationCausesMet,
    EscalationUnanswered,
    PageRequested,
    EscalationAcknowledged,
    EscalationTakenOver,
    EscalationLeaseRenewed,
    EscalationReturned,
    EscalationHandedOver,
    EscalationReferredUp,
    EscalationSnoozed,
    EscalationNoted,
    CoachingRequested,
    EscalationMediated,
    ApprovalAsked,
    ApprovalRefused,
    EscalationHandedBack,
    EscalationResolved,
    EscalationReopened,
    EscalationClosed,
    PagesErased,
    TimerMissing,
)

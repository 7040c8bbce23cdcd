"""Facts about promises and who was called upstairs, owned by `escalation`."""

from decimal import Decimal
from typing import Literal

from pydantic import AwareDatetime

from common.contracts.contacts import Channel, Priority, Tier
from common.contracts.event import ContactEvent, Contract, EscalationId, Event, PageId, PersonId
from common.contracts.notifications import Medium

ClockName = Literal[
    "assignment",
    "first_response",
    "next_response",
    "periodic_update",
    "resolution",
    "acknowledgement",
]
ThresholdAction = Literal["warn_representative", "warn_supervisor", "raise", "change_priority"]
Severity = Literal["low", "medium", "high", "critical"]
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
    "coaching",
    "duty_gap",
]
ClockState = Literal["running", "paused", "breached", "met", "met_late", "cancelled"]
LeaseEnd = Literal["progress", "shift", "snooze"]
# What an open escalation waits for: that somebody answers, or makes progress.
Wait = Literal["acknowledgement_due", "lease"]
Outcome = Literal[
    "answer", "apology", "refund", "credit", "replacement", "service_adjustment", "other"
]


class EscalationsEvent(ContactEvent):
    topic = "escalations"


class ClockThreshold(Contract):
    """A point on a clock's way; at 100 percent is the deadline itself.

    `offset_s` is given for one that was set as so long before or after the deadline. `priority` is
    what `change_priority` changes it to.
    """

    percent: int
    due_at: AwareDatetime
    action: ThresholdAction
    offset_s: float | None = None
    priority: Priority | None = None


class ClockDeadline(Contract):
    """`started_at` is when the promise counts from, `target_s` its length in business time.

    `run` counts the clock's starts: one that starts anew has another. One that `runs_while_waiting`
    does not stand still while the next word is the customer's.
    """

    clock: ClockName
    due_at: AwareDatetime
    run: int = 1
    started_at: AwareDatetime | None = None
    target_s: float | None = None
    thresholds: tuple[ClockThreshold, ...] = ()
    runs_while_waiting: bool = False


class ClocksStarted(EscalationsEvent):
    """Promises of one contact, by which policy, in business time of which calendar; nil is 24x7."""

    policy_id: str
    policy_version: int
    clocks: tuple[ClockDeadline, ...]
    calendar_id: str | None = None
    calendar_version: int | None = None
    reason: str | None = None


class ClockPaused(EscalationsEvent):
    """`elapsed_s` of business time is spent."""

    clock: ClockName
    paused_at: AwareDatetime
    elapsed_s: float
    reason: str


class ClockResumed(EscalationsEvent):
    """`thresholds` are all of the clock's, those that have fired as they were."""

    clock: ClockName
    resumed_at: AwareDatetime
    due_at: AwareDatetime
    thresholds: tuple[ClockThreshold, ...]
    reason: str


class ClockRetargeted(EscalationsEvent):
    """Another promise is made in the middle: the time that is spent counts on.

    `thresholds` are all of the clock's, those that have fired as they were. `retargeted_at` is from
    when the new terms count.
    """

    clock: ClockName
    policy_id: str
    policy_version: int
    calendar_id: str | None = None
    calendar_version: int | None = None
    target_s: float
    elapsed_s: float
    due_at: AwareDatetime
    thresholds: tuple[ClockThreshold, ...]
    reason: str
    retargeted_at: AwareDatetime | None = None
    runs_while_waiting: bool = False


class ClockWarned(EscalationsEvent):
    """A threshold other than the deadline was passed, `lateness_ms` after it was due.

    `due_at` is the deadline of the clock, `threshold_due_at` that of the threshold.
    """

    clock: ClockName
    threshold_percent: int
    due_at: AwareDatetime
    lateness_ms: float
    threshold_due_at: AwareDatetime | None = None
    action: ThresholdAction | None = None
    policy_id: str | None = None
    policy_version: int | None = None


class ClockBreached(EscalationsEvent):
    clock: ClockName
    due_at: AwareDatetime
    lateness_ms: float
    policy_id: str | None = None
    policy_version: int | None = None


class PriorityChangeAsked(EscalationsEvent):
    """A promise's threshold asks for another priority; the contact's priority is intake's own."""

    priority: Priority
    reason: str


class ClockMet(EscalationsEvent):
    clock: ClockName
    due_at: AwareDatetime
    met_at: AwareDatetime


class ClockCancelled(EscalationsEvent):
    """`cancelled_at` is when what cancelled it happened."""

    clock: ClockName
    reason: str
    cancelled_at: AwareDatetime | None = None


class EscalationsOwnEvent(EscalationsEvent):
    escalation_id: EscalationId


class EscalationRaised(EscalationsOwnEvent):
    cause: Cause
    reason: str
    severity: Severity
    ladder_id: str
    ladder_version: int
    level: int
    level_name: str


class EscalationReasonAdded(EscalationsOwnEvent):
    """A further cause joined the open escalation."""

    cause: Cause
    reason: str
    severity: Severity


class EscalationClimbed(EscalationsOwnEvent):
    """`lateness_ms` and `waited_for` are nil when a person, not a timer, sent it up."""

    from_level: int
    to_level: int
    level_name: str
    reason: str
    lateness_ms: float | None = None
    waited_for: Wait | None = None


class EscalationUnanswered(EscalationsOwnEvent):
    """The top of the ladder did not answer in time; it is paged again.

    `standing_since` is when the whole ladder first was of no avail: an alarm stands since then.
    """

    level: int
    lateness_ms: float
    standing_since: AwareDatetime | None = None
    waited_for: Wait | None = None


class PagedContact(Contract):
    """The contact that a page is about, as far as its sender knows it. Texts are the customer's."""

    channel: Channel
    topic: str
    subject: str
    priority: Priority
    language: str
    tier: Tier
    customer_name: str | None = None
    representative_id: PersonId | None = None


class PagedCause(Contract):
    """One cause of the escalation, or of the warning.

    `reason` is the text of EscalationRaised or EscalationReasonAdded: the words of the customer or
    the colleague, or the promise at stake. For a clock `due_at` is its deadline and `clock_state`
    how it stood when the page was requested. A complaint is `about` a representative.
    """

    cause: Cause
    reason: str
    at: AwareDatetime
    by: PersonId | None = None
    about: PersonId | None = None
    clock: ClockName | None = None
    due_at: AwareDatetime | None = None
    clock_state: ClockState | None = None


class PagedApproval(Contract):
    """The outcome for which an approval is asked; `amount` in units of `currency`."""

    by: PersonId
    outcome: Outcome
    amount: Decimal
    currency: str
    note: str


class PagedCoaching(Contract):
    """`by` asks that `person_id` be coached; `text` says about what."""

    by: PersonId
    person_id: PersonId
    text: str


class PagedDutyGap(Contract):
    """Nobody is on duty from `starts_at`; without `ends_at` the gap has no end in sight.

    `absent` would have the turn.
    """

    schedule_id: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None = None
    absent: tuple[PersonId, ...] = ()


class PageRequested(EscalationsEvent):
    """One person must be notified, once, on each of that person's media or on those of `media`.

    It carries data; the notifier writes the words. `causes` begin with the one that raised the
    escalation; with the reason `updated` the last one is new. `explanation` says why it comes to
    this person now, as the audit trail does. `escalation_id` is None for a warning, since nothing
    was raised yet, and for coaching, which outlives its escalation. `respond_by` is when it moves
    on without that person; `lease_end` says what ends a lease then. A gap in a duty schedule has no
    contact: `contact_id` is derived from the schedule.
    """

    page_id: PageId
    person_id: PersonId
    reason: PageReason
    escalation_id: EscalationId | None = None
    severity: Severity | None = None
    level_name: str | None = None
    respond_by: AwareDatetime | None = None
    lease_end: LeaseEnd | None = None
    media: tuple[Medium, ...] | None = None
    contact: PagedContact | None = None
    causes: tuple[PagedCause, ...] = ()
    explanation: str | None = None
    approval: PagedApproval | None = None
    coaching: PagedCoaching | None = None
    duty_gap: PagedDutyGap | None = None
    # To go as soon as escalation and notifier use the data above.
    headline: str = ""
    why: str = ""


class EscalationAcknowledged(EscalationsOwnEvent):
    by: PersonId
    lease_expires_at: AwareDatetime


class EscalationTakenOver(EscalationsOwnEvent):
    """`by` now owns the contact; the representative is free of it."""

    by: PersonId
    lease_expires_at: AwareDatetime | None = None


class EscalationLeaseRenewed(EscalationsOwnEvent):
    """Whoever has it made progress."""

    by: PersonId
    lease_expires_at: AwareDatetime


class EscalationReturned(EscalationsOwnEvent):
    """The shift of its holder `from_person` ended: those now on duty at the level are asked."""

    from_person: PersonId
    level: int
    level_name: str
    reason: str
    lateness_ms: float


class EscalationHandedOver(EscalationsOwnEvent):
    """Given sideways to a colleague, who is asked to answer."""

    by: PersonId
    to: PersonId
    context: str


class EscalationReferredUp(EscalationsOwnEvent):
    """A person sends it up; EscalationClimbed says where it went."""

    by: PersonId
    reason: str


class EscalationSnoozed(EscalationsOwnEvent):
    by: PersonId
    until: AwareDatetime
    reason: str


class EscalationNoted(EscalationsOwnEvent):
    by: PersonId
    text: str


class CoachingRequested(EscalationsOwnEvent):
    """Whoever has it asks that `person_id` be coached about it."""

    by: PersonId
    person_id: PersonId
    text: str


class EscalationMediated(EscalationsOwnEvent):
    """Both sides were heard."""

    by: PersonId
    customer_statement: str
    representative_statement: str
    proposal: str


class ApprovalAsked(EscalationsOwnEvent):
    """The outcome costs more than `by` may grant; `asked` may decide."""

    by: PersonId
    outcome: Outcome
    amount: Decimal
    currency: str
    note: str
    level: int
    level_name: str
    asked: tuple[PersonId, ...]


class ApprovalRefused(EscalationsOwnEvent):
    """It is back with whoever asked."""

    by: PersonId
    reason: str


class EscalationHandedBack(EscalationsOwnEvent):
    by: PersonId
    guidance: str


class EscalationResolved(EscalationsOwnEvent):
    by: PersonId
    outcome: Outcome
    note: str
    amount: Decimal | None = None
    currency: str | None = None
    approved_by: PersonId | None = None


class EscalationReopened(EscalationsOwnEvent):
    """It had ended, and is open again at the level where it ended."""

    by: PersonId
    reason: str
    severity: Severity
    level: int
    level_name: str


class EscalationClosed(EscalationsOwnEvent):
    """Ended with nobody upstairs having acted: the contact was resolved below."""

    reason: str


class TimerMissing(EscalationsEvent):
    """What the contact waits for had no timer, or one for another time. Operations must be told.

    `slot` is what was to happen, `due_at` when; `instead` is when the timer that stood there would
    have fired. It has been set anew.
    """

    page_id: PageId
    slot: str
    due_at: AwareDatetime
    instead: AwareDatetime | None = None
    headline: str
    why: str


EVENTS: tuple[type[Event], ...] = (
    ClocksStarted,
    ClockPaused,
    ClockResumed,
    ClockRetargeted,
    ClockWarned,
    ClockBreached,
    PriorityChangeAsked,
    ClockMet,
    ClockCancelled,
    EscalationRaised,
    EscalationReasonAdded,
    EscalationClimbed,
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
    TimerMissing,
)

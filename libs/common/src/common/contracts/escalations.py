"""Facts about promises and who was called upstairs, owned by `escalation`."""

from typing import Literal

from pydantic import AwareDatetime

from common.contracts.event import Contract, EscalationId, Event, PageId, PersonId

ClockName = Literal["assignment", "first_response", "resolution"]
Severity = Literal["low", "medium", "high", "critical"]
Cause = Literal["breach", "customer_request", "referral", "manual"]
PageReason = Literal["warning", "raised", "climbed", "repeated"]
Outcome = Literal[
    "answer", "apology", "refund", "credit", "replacement", "service_adjustment", "other"
]


class EscalationsEvent(Event):
    topic = "escalations"


class ClockDeadline(Contract):
    clock: ClockName
    due_at: AwareDatetime


class ClocksStarted(EscalationsEvent):
    """The promises of one contact; `policy` says which policy made them."""

    policy_id: str
    policy_version: int
    clocks: tuple[ClockDeadline, ...]


class ClockWarned(EscalationsEvent):
    """A threshold before the deadline was passed. `lateness_ms`: fired after it was due by this."""

    clock: ClockName
    threshold_percent: int
    due_at: AwareDatetime
    lateness_ms: float


class ClockBreached(EscalationsEvent):
    clock: ClockName
    due_at: AwareDatetime
    lateness_ms: float


class ClockMet(EscalationsEvent):
    clock: ClockName
    due_at: AwareDatetime
    met_at: AwareDatetime


class ClockCancelled(EscalationsEvent):
    clock: ClockName
    because: str


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
    """`lateness_ms` is nil when a person, not a timer, sent it up."""

    from_level: int
    to_level: int
    level_name: str
    because: str
    lateness_ms: float | None = None


class EscalationUnanswered(EscalationsOwnEvent):
    """The top of the ladder did not answer in time; it is paged again."""

    level: int
    lateness_ms: float


class PageRequested(EscalationsEvent):
    """One person must be told, once, on each of that person's media.

    `escalation_id` is nil for a warning: nothing was raised yet. `respond_by` is when it goes on
    without that person.
    """

    page_id: PageId
    person_id: PersonId
    reason: PageReason
    headline: str
    why: str
    escalation_id: EscalationId | None = None
    severity: Severity | None = None
    level_name: str | None = None
    respond_by: AwareDatetime | None = None


class EscalationAcknowledged(EscalationsOwnEvent):
    by: PersonId
    lease_expires_at: AwareDatetime


class EscalationTakenOver(EscalationsOwnEvent):
    """`by` now owns the contact; the representative is free of it."""

    by: PersonId


class EscalationHandedBack(EscalationsOwnEvent):
    by: PersonId
    guidance: str


class EscalationResolved(EscalationsOwnEvent):
    by: PersonId
    outcome: Outcome
    note: str


class EscalationClosed(EscalationsOwnEvent):
    """Ended with nobody upstairs having acted: the contact was resolved below."""

    because: str


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
    ClockWarned,
    ClockBreached,
    ClockMet,
    ClockCancelled,
    EscalationRaised,
    EscalationReasonAdded,
    EscalationClimbed,
    EscalationUnanswered,
    PageRequested,
    EscalationAcknowledged,
    EscalationTakenOver,
    EscalationHandedBack,
    EscalationResolved,
    EscalationClosed,
    TimerMissing,
)

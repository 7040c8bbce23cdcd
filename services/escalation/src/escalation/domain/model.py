"""What escalation keeps of one contact, and of its open escalation."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from common.contracts.contacts import Priority
from common.contracts.escalations import Cause, ClockName, Outcome, Severity, ThresholdAction
from common.contracts.event import ContactId, CustomerId, EscalationId, PersonId, TeamId
from escalation.domain.settings.ladders import Ladder
from escalation.domain.settings.policies import DEADLINE_PERCENT, Contact
from escalation.domain.settings.registry import Ref, Versioned
from escalation.domain.values import replace

DEFAULT_SEVERITY: Severity = "medium"

# The others are ours to keep, whoever has the next word.
_CUSTOMERS_TURN: frozenset[ClockName] = frozenset(
    ("next_response", "periodic_update", "resolution")
)

ClockState = Literal["running", "paused", "breached", "met", "cancelled"]
EscalationState = Literal[
    "raised",
    "acknowledged",
    "taken_over",
    "approval_asked",
    "handed_back",
    "resolved",
    "closed",
]
OPEN_STATES: tuple[EscalationState, ...] = (
    "raised",
    "acknowledged",
    "taken_over",
    "approval_asked",
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A point on a clock's way. The one without an `offset_s` at 100 percent is the deadline.

    `offset_s` is given for one set as so long before (below nothing) or after the deadline.
    """

    percent: int
    due_at: datetime
    fired_at: datetime | None = None
    action: ThresholdAction = "raise"
    offset_s: float | None = None
    priority: Priority | None = None

    @property
    def is_deadline(self) -> bool:
        return self.percent == DEADLINE_PERCENT and self.offset_s is None

    @property
    def lateness_ms(self) -> float:
        return 0.0 if self.fired_at is None else ms_between(self.due_at, self.fired_at)


def ms_between(due_at: datetime, at: datetime) -> float:
    return (at - due_at).total_seconds() * 1000


@dataclass(frozen=True, slots=True)
class Clock:
    """One promise and what became of it; `thresholds` are in the order in which they come due.

    `run` counts its starts. `spent_s` is the business time spent before `resumed_at`; without that
    it has run since `started_at`, unless `paused_at` says that it stands still. `before` is what it
    was until `resumed_at`, for news of its end from before then.
    """

    name: ClockName
    policy: Ref
    calendar: Ref | None
    started_at: datetime
    target_s: float
    thresholds: tuple[Threshold, ...]
    met_at: datetime | None = None
    cancelled_at: datetime | None = None
    run: int = 1
    spent_s: float = 0.0
    resumed_at: datetime | None = None
    paused_at: datetime | None = None
    runs_while_waiting: bool = False
    before: "Clock | None" = None

    @property
    def deadline(self) -> Threshold:
        return next(each for each in self.thresholds if each.is_deadline)

    @property
    def due_at(self) -> datetime:
        return self.deadline.due_at

    @property
    def runs_since(self) -> datetime:
        return self.resumed_at or self.started_at

    @property
    def breached(self) -> bool:
        return self.deadline.fired_at is not None

    @property
    def fired_ones(self) -> tuple[Threshold, ...]:
        return tuple(each for each in self.thresholds if each.fired_at is not None)

    @property
    def ended(self) -> bool:
        return self.met_at is not None or self.cancelled_at is not None

    @property
    def state(self) -> ClockState:
        """A breach stays a breach, whatever came after it."""
        if self.breached:
            return "breached"
        if self.cancelled_at is not None:
            return "cancelled"
        if self.met_at is not None:
            return "met"
        return "running" if self.paused_at is None else "paused"

    @property
    def waits_for_customer(self) -> bool:
        """Tell whether it stands still while the next word is the customer's."""
        return self.name in _CUSTOMERS_TURN and not self.runs_while_waiting

    @property
    def next_threshold(self) -> Threshold | None:
        if self.ended or self.paused_at is not None:
            return None
        for threshold in self.thresholds:
            if threshold.fired_at is None:
                return threshold
        return None

    def fired(self, threshold: Threshold, at: datetime) -> "Clock":
        now_fired = replace(threshold, fired_at=at)
        return replace(
            self,
            thresholds=tuple(now_fired if t is threshold else t for t in self.thresholds),
        )


@dataclass(frozen=True, slots=True)
class Referral:
    by: PersonId
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Watch:
    """One contact as escalation sees it; `contact` is nil until the channels' own event comes.

    `opened_at` is when the contact was received or last reopened. `referral` came before the
    event that opens the contact, and waits for it. `waiting_since` is nil unless the next word is
    the customer's; `replied_at` is when we last replied.
    """

    contact_id: ContactId
    contact: Contact | None = None
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    customer_id: CustomerId | None = None
    representative_id: PersonId | None = None
    team_id: TeamId | None = None
    assigned_at: datetime | None = None
    replied_at: datetime | None = None
    waiting_since: datetime | None = None
    referral: Referral | None = None
    ladder_id: str | None = None
    severity: Severity = DEFAULT_SEVERITY
    clocks: tuple[Clock, ...] = ()
    escalation_id: EscalationId | None = None
    escalations: int = 0

    @property
    def is_open(self) -> bool:
        return self.opened_at is not None and self.resolved_at is None

    def clock(self, name: ClockName) -> Clock | None:
        for clock in self.clocks:
            if clock.name == name:
                return clock
        return None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the contact is upstairs; `clock` and its `due_at` are given for a breach or a warning.

    `about` is the representative about whom a complaint is.
    """

    cause: Cause
    text: str
    at: datetime
    by: PersonId | None = None
    clock: ClockName | None = None
    due_at: datetime | None = None
    about: PersonId | None = None


LeaseEnd = Literal["progress", "shift", "snooze"]


@dataclass(frozen=True, slots=True)
class Approval:
    """An outcome that its holder may not grant alone, and how the holder had it.

    `level` is where those are who are asked to approve it.
    """

    asked_by: PersonId
    outcome: Outcome
    amount: Decimal
    currency: str
    note: str
    asked_at: datetime
    state: EscalationState
    level: int


@dataclass(frozen=True, slots=True)
class Escalation:
    """`ladder` is the version at which it was raised, nil if there was none.

    `version` counts its changes. `awaited` were asked last and may all still answer. `deadline` is
    when it goes on without them, or without its `holder`; `lease_end` says what ends the lease
    then: no progress, the end of the holder's shift, or a snooze. `warn_at` is when the holder is
    warned of that end, nil once done. `round` counts how often this level was asked, `repeats` how
    often it was gone through again, `lease_no` the leases. `alarm_since` is when the whole ladder
    first was of no avail. `trail_length` and `trail_hash` are those of its audit trail.
    """

    escalation_id: EscalationId
    contact_id: ContactId
    state: EscalationState
    severity: Severity
    ladder: Versioned[Ladder] | None
    level: int
    round: int
    reasons: tuple[Reason, ...]
    awaited: tuple[PersonId, ...]
    holder: PersonId | None
    lease_no: int
    deadline: datetime | None
    raised_at: datetime
    closed_at: datetime | None = None
    outcome: Outcome | None = None
    note: str | None = None
    version: int = 0
    lease_end: LeaseEnd | None = None
    warn_at: datetime | None = None
    snoozes: int = 0
    snoozed_until: datetime | None = None
    approval: Approval | None = None
    amount: Decimal | None = None
    currency: str | None = None
    approved_by: PersonId | None = None
    alarm_since: datetime | None = None
    repeats: int = 0
    trail_length: int = 0
    trail_hash: str = ""

    @property
    def level_name(self) -> str:
        return "nobody" if self.ladder is None else self.ladder.body.levels[self.level].name

    @property
    def level_asked(self) -> int:
        """Where those are who are asked last: for an approval it may be further up."""
        return self.level if self.approval is None else self.approval.level

"""What escalation stores of one contact and of its escalations."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BeforeValidator, WrapSerializer

from common.contracts.clocks import ClockName, ThresholdAction
from common.contracts.contacts import Priority
from common.contracts.escalations import Cause, LeaseEnd, Severity
from common.contracts.event import (
    ComplaintId,
    ContactId,
    CustomerId,
    EscalationId,
    PageId,
    PersonId,
    TeamId,
)
from common.contracts.notifications import Medium
from common.contracts.page_subjects import Outcome
from escalation.domain.complaint_model import ComplaintRef
from escalation.domain.settings.ladders import Ladder, Level
from escalation.domain.settings.policies import DEADLINE_PERCENT, ContactDetails
from escalation.domain.settings.registry import NO_LADDER, Ref, Versioned

DEFAULT_SEVERITY: Severity = "medium"

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


class Threshold(Struct, frozen=True, omit_defaults=True, gc=False):
    """A point in a clock's run. The one that raises at 100 percent is the deadline.

    `offset_s` is set for a point so many seconds before (negative) or after the deadline.
    """

    percent: int
    due_at: datetime
    fired_at: datetime | None = None
    action: ThresholdAction = "raise"
    offset_s: float | None = None
    priority: Priority | None = None

    @property
    def is_deadline(self) -> bool:
        return (self.percent, self.offset_s, self.action) == (DEADLINE_PERCENT, None, "raise")

    @property
    def lateness_ms(self) -> float:
        return 0.0 if self.fired_at is None else ms_between(self.due_at, self.fired_at)


def ms_between(due_at: datetime, at: datetime) -> float:
    return (at - due_at).total_seconds() * 1000


class SlaClock(Struct, frozen=True, omit_defaults=True, gc=False):
    """One service level and how it stands; `thresholds` are in the order of their due times.

    `run` counts its starts, and `met_run` is the last before that was met. The run has spent
    `spent_s` of business time up to `resumed_at`, and runs since then or since `started_at`, unless
    it is paused since `paused_at`. `previous_terms` is the clock as it was up to `resumed_at`, for
    events of that time that come later.
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
    met_run: int = 0
    spent_s: float = 0.0
    resumed_at: datetime | None = None
    paused_at: datetime | None = None
    pause_reason: str | None = None
    runs_while_waiting: bool = False
    previous_terms: "SlaClock | None" = None

    @property
    def deadline(self) -> Threshold:
        return next(threshold for threshold in self.thresholds if threshold.is_deadline)

    @property
    def due_at(self) -> datetime:
        return self.deadline.due_at

    @property
    def running_since(self) -> datetime:
        return self.resumed_at or self.started_at

    @property
    def breached(self) -> bool:
        return self.deadline.fired_at is not None

    @property
    def fired_thresholds(self) -> tuple[Threshold, ...]:
        return tuple(threshold for threshold in self.thresholds if threshold.fired_at is not None)

    @property
    def ended(self) -> bool:
        return self.met_at is not None or self.cancelled_at is not None

    @property
    def state(self) -> ClockState:
        """A breached clock stays breached when it is met or cancelled later."""
        if self.breached:
            return "breached"
        if self.cancelled_at is not None:
            return "cancelled"
        if self.met_at is not None:
            return "met"
        return "running" if self.paused_at is None else "paused"

    @property
    def next_threshold(self) -> Threshold | None:
        if self.ended or self.paused_at is not None:
            return None
        return next((item for item in self.thresholds if item.fired_at is None), None)

    def with_fired(self, threshold: Threshold, at: datetime) -> "SlaClock":
        fired = replace(threshold, fired_at=at)
        thresholds = (fired if item is threshold else item for item in self.thresholds)
        return replace(self, thresholds=tuple(thresholds))


class Referral(Struct, frozen=True, gc=False):
    by: PersonId
    reason: str
    at: datetime


class TrackedContact(Struct, frozen=True, gc=False):
    """One contact as escalation sees it; `details` is None until ContactReceived comes.

    `opened_at` is when the contact was received or last reopened; `reopenings` counts the latter. A
    `referral` that came before ContactReceived waits for it. `waiting_since` is None unless we wait
    for the customer, `wait_ends_at` at the latest. `replied_at` is when we last replied, and
    `reply_owed_since` when the customer turned to us after that. `assigned_at` are the times of the
    last assignments. `representatives` have or had it, the last ones.
    """

    contact_id: ContactId
    details: ContactDetails | None = None
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    customer_id: CustomerId | None = None
    representative_id: PersonId | None = None
    representatives: tuple[PersonId, ...] = ()
    team_id: TeamId | None = None
    assigned_at: tuple[datetime, ...] = ()
    replied_at: datetime | None = None
    reply_owed_since: datetime | None = None
    waiting_since: datetime | None = None
    wait_ends_at: datetime | None = None
    referral: Referral | None = None
    ladder_id: str | None = None
    severity: Severity = DEFAULT_SEVERITY
    clocks: tuple[SlaClock, ...] = ()
    escalation_id: EscalationId | None = None
    escalation_count: int = 0
    reopenings: int = 0

    @property
    def is_open(self) -> bool:
        return self.opened_at is not None and self.resolved_at is None

    def clock(self, name: ClockName) -> SlaClock | None:
        for clock in self.clocks:
            if clock.name == name:
                return clock
        return None

    def runs(self, name: ClockName) -> bool:
        """Tell whether the clock has not ended; it may be paused or breached."""
        clock = self.clock(name)
        return clock is not None and not clock.ended


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """What a policy's rule found as a contact came in; `topic` if all `contacts` have it."""

    policy_id: str
    policy_version: int
    contacts: int | None = None
    within_days: int | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class EscalationCause:
    """Why the contact is escalated; a breach or a warning has a `clock` and its `due_at`.

    `reason` has the words of the customer or of the colleague `by`, or what a rule found, as last
    given at `at`; `count` says how often. Feedback has a `score` from 1 to 5. A complaint, or
    feedback that is one, is `about` a person with these `line_managers`; its words and who
    complains are with the complaint. `clock_run` is the run of the clock. `finding` is
    what a rule about customers found.
    """

    kind: Cause
    reason: str
    at: datetime
    by: PersonId | None = None
    clock: ClockName | None = None
    due_at: datetime | None = None
    about: PersonId | None = None
    score: int | None = None
    count: int = 1
    complaint_id: ComplaintId | None = None
    line_managers: tuple[PersonId, ...] = ()
    clock_run: int = 1
    finding: RuleFinding | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """The holder has the escalation until its deadline; `ends_by` says what ends the lease then.

    `warn_at` is when the holder is warned of that end; None once that is done.
    """

    holder: PersonId
    ends_by: LeaseEnd
    warn_at: datetime | None = None
    snoozed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AwaitedPage:
    """The page of a person who may answer, and on which media it failed.

    `round` is the escalation's when it was requested. `failure` says why it reached nobody.
    """

    page_id: PageId
    person_id: PersonId
    round: int
    failed_media: tuple[Medium, ...] = ()
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """An outcome that the holder may not grant alone, asked from the people of `level`.

    If it is refused, the escalation returns to `state_before`.
    """

    asked_by: PersonId
    outcome: Outcome
    amount: Decimal
    currency: str
    note: str
    asked_at: datetime
    state_before: EscalationState
    level: int


@dataclass(frozen=True, slots=True)
class Resolution:
    """How it ended: `by` is the last holder. Only a resolved escalation has an `outcome`."""

    by: PersonId | None
    note: str
    outcome: Outcome | None = None
    amount: Decimal | None = None
    currency: str | None = None
    approved_by: PersonId | None = None


@dataclass(frozen=True, slots=True)
class TrailHead:
    """How many entries the audit trail has, and the hash of the last one."""

    length: int = 0
    hash: str = ""


def _store_ladder(ladder: Versioned[Ladder], dump: Callable[[Any], Any]) -> Any:
    return None if ladder == NO_LADDER else dump(ladder)


@dataclass(frozen=True, slots=True)
class Escalation:
    """`ladder` is the version in force when it was raised. `causes` are the last of `cause_count`.

    `participants` raised it or acted on it, `responders` were paged at a level: the last ones of
    each. `complaints` are about people. `version` counts its changes, `round` how often this level
    was paged, `repeats` how often the level was paged again from its start, `lease_no` its leases,
    `snoozes` those of its holders. `awaited` were paged last and may all still answer; `pages` are
    theirs. `deadline` is when it moves on without an answer, or without progress of the holder.
    The whole ladder has gone unanswered since `alarm_since`; `top_repeats` counts repeats of its
    top. `reopened`: by hand.
    """

    escalation_id: EscalationId
    contact_id: ContactId
    state: EscalationState
    severity: Severity
    ladder: Annotated[
        Versioned[Ladder],
        BeforeValidator(lambda stored: NO_LADDER if stored is None else stored),
        WrapSerializer(_store_ladder),
    ]
    causes: tuple[EscalationCause, ...]
    raised_at: datetime
    cause_count: int = 1
    complaints: tuple[ComplaintRef, ...] = ()
    participants: tuple[PersonId, ...] = ()
    responders: tuple[PersonId, ...] = ()
    level: int = 0
    round: int = 0
    repeats: int = 0
    top_repeats: int = 0
    awaited: tuple[PersonId, ...] = ()
    pages: tuple[AwaitedPage, ...] = ()
    deadline: datetime | None = None
    lease: Lease | None = None
    lease_no: int = 0
    snoozes: int = 0
    approval: Approval | None = None
    alarm_since: datetime | None = None
    reopened: bool = False
    closed_at: datetime | None = None
    resolution: Resolution | None = None
    version: int = 0
    trail: TrailHead = TrailHead()

    @property
    def levels(self) -> tuple[Level, ...]:
        return self.ladder.body.levels

    @property
    def level_name(self) -> str:
        return self.name_of(self.level)

    def name_of(self, level: int) -> str:
        return self.levels[level].name if self.levels else "nobody"

    @property
    def paged_level(self) -> int:
        """The level whose people were paged last; that of an approval may be further up."""
        return self.level if self.approval is None else self.approval.level

    @property
    def holder(self) -> PersonId | None:
        """Who has it, or had it when it ended."""
        if self.lease is not None:
            return self.lease.holder
        return None if self.resolution is None else self.resolution.by

    @property
    def warn_at(self) -> datetime | None:
        return None if self.lease is None else self.lease.warn_at

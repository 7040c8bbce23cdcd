"""What escalation keeps of one contact, and of its open escalation."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from common.contracts.escalations import Cause, ClockName, Outcome, Severity
from common.contracts.event import ContactId, EscalationId, PersonId
from escalation.domain.configuration import Ref, Versioned
from escalation.domain.ladders import Ladder
from escalation.domain.policies import Contact

DEADLINE_PERCENT = 100
DEFAULT_SEVERITY: Severity = "medium"

ClockState = Literal["running", "breached", "met", "cancelled"]
EscalationState = Literal[
    "raised", "acknowledged", "taken_over", "handed_back", "resolved", "closed"
]
OPEN_STATES: tuple[EscalationState, ...] = ("raised", "acknowledged", "taken_over")


@dataclass(frozen=True, slots=True)
class Threshold:
    percent: int
    due_at: datetime
    fired_at: datetime | None = None

    @property
    def lateness_ms(self) -> float:
        return 0.0 if self.fired_at is None else ms_between(self.due_at, self.fired_at)


def ms_between(due_at: datetime, at: datetime) -> float:
    return (at - due_at).total_seconds() * 1000


@dataclass(frozen=True, slots=True)
class Clock:
    """One promise and what became of it. The last threshold is the deadline."""

    name: ClockName
    policy: Ref
    calendar: Ref | None
    started_at: datetime
    target_s: float
    thresholds: tuple[Threshold, ...]
    met_at: datetime | None = None
    cancelled_at: datetime | None = None

    @property
    def due_at(self) -> datetime:
        return self.thresholds[-1].due_at

    @property
    def breached(self) -> bool:
        return self.thresholds[-1].fired_at is not None

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
        return "running" if self.met_at is None else "met"

    @property
    def next_threshold(self) -> Threshold | None:
        if self.ended:
            return None
        return next((each for each in self.thresholds if each.fired_at is None), None)

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
    event that opens the contact, and waits for it.
    """

    contact_id: ContactId
    contact: Contact | None = None
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    representative_id: PersonId | None = None
    assigned_at: datetime | None = None
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
        return next((clock for clock in self.clocks if clock.name == name), None)

    def having(self, *clocks: Clock) -> "Watch":
        """Return the watch with these clocks in place of any of the same name."""
        by_name = {clock.name: clock for clock in (*self.clocks, *clocks)}
        return replace(self, clocks=tuple(by_name.values()))


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the contact is upstairs; `clock` and its `due_at` are given for a breach."""

    cause: Cause
    text: str
    at: datetime
    by: PersonId | None = None
    clock: ClockName | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Escalation:
    """`ladder` is the version at which it was raised, nil if there was none.

    `awaited` were asked last and may all still answer. `deadline` is when it goes on without them,
    or without its `holder`. `round` counts how often this level was asked, `lease_no` the leases.
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

    @property
    def level_name(self) -> str:
        return "nobody" if self.ladder is None else self.ladder.body.levels[self.level].name

"""Facts about the clocks of a contact's service levels, owned by `escalation`."""

from typing import Literal

from common.contracts.change_reasons import ChangeReason
from common.contracts.contacts import Priority
from common.contracts.contract import Contract, Instant
from common.contracts.event import ContactEvent, Event, PersonId, TeamId
from common.contracts.texts import ReasonText

ClockName = Literal[
    "assignment",
    "first_response",
    "next_response",
    "periodic_update",
    "resolution",
    "acknowledgement",
]
ThresholdAction = Literal["warn_representative", "warn_supervisor", "raise", "change_priority"]
ClockState = Literal["running", "paused", "breached", "met", "met_late", "cancelled"]


class ClocksEvent(ContactEvent):
    """`reason` says in English what `change_reason` says as data."""

    topic = "clocks"


class ClockThreshold(Contract):
    """A point in a clock's run; the one at 100 percent is the deadline.

    `offset_s` is set for a point so many seconds before (negative) or after the deadline.
    `priority` is the new priority of `change_priority`.
    """

    percent: int
    due_at: Instant
    action: ThresholdAction
    offset_s: float | None = None
    priority: Priority | None = None


class ClockDeadline(Contract):
    """The clock counts from `started_at`; `target_s` is its length in business time.

    `run` counts the clock's starts. Of the clocks that may pause while we wait for the
    customer (next response, periodic update, resolution), those with `runs_while_waiting` do not.
    """

    clock: ClockName
    due_at: Instant
    run: int
    started_at: Instant
    target_s: float
    thresholds: tuple[ClockThreshold, ...]
    runs_while_waiting: bool = False


class ClocksStarted(ClocksEvent):
    """Clocks of one contact started by a policy; without a calendar they run 24x7."""

    policy_id: str
    policy_version: int
    clocks: tuple[ClockDeadline, ...]
    calendar_id: str | None = None
    calendar_version: int | None = None
    reason: ReasonText
    change_reason: ChangeReason | None = None


class ClockChangeEvent(ClocksEvent):
    clock: ClockName


class ClockPaused(ClockChangeEvent):
    """`elapsed_s` is the business time that the run has spent."""

    paused_at: Instant
    elapsed_s: float
    reason: ReasonText
    change_reason: ChangeReason | None = None


class ClockResumed(ClockChangeEvent):
    """`thresholds` are all of the clock's; those that have fired are unchanged."""

    resumed_at: Instant
    due_at: Instant
    thresholds: tuple[ClockThreshold, ...]
    reason: ReasonText
    change_reason: ChangeReason | None = None


class ClockRetargeted(ClockChangeEvent):
    """A running clock got another target from `retargeted_at` on; the time it has spent counts.

    `thresholds` are all of the clock's; those that have fired are unchanged. `counted_until` is set
    if the clock had ended with its contact, which was reopened: no time counts from then on up to
    `retargeted_at`.
    """

    policy_id: str
    policy_version: int
    calendar_id: str | None = None
    calendar_version: int | None = None
    target_s: float
    elapsed_s: float
    due_at: Instant
    thresholds: tuple[ClockThreshold, ...]
    reason: ReasonText
    change_reason: ChangeReason | None = None
    retargeted_at: Instant
    counted_until: Instant | None = None
    runs_while_waiting: bool = False


class ClockWarned(ClockChangeEvent):
    """A threshold other than the deadline passed, `lateness_ms` after it was due.

    `due_at` is the deadline of the clock, `threshold_due_at` that of the threshold.
    """

    threshold_percent: int
    due_at: Instant
    lateness_ms: float
    threshold_due_at: Instant
    action: ThresholdAction
    policy_id: str
    policy_version: int


class ClockBreached(ClockChangeEvent):
    """The deadline passed, `lateness_ms` before this event. The representative
    and the team are those of the contact at that time."""

    due_at: Instant
    lateness_ms: float
    policy_id: str
    policy_version: int
    run: int
    representative_id: PersonId | None = None
    team_id: TeamId | None = None


class ClockMet(ClockChangeEvent):
    """It is late if `met_at` is after `due_at`. Representative and team had the contact then."""

    due_at: Instant
    met_at: Instant
    run: int
    representative_id: PersonId | None = None
    team_id: TeamId | None = None


class ClockCancelled(ClockChangeEvent):
    """`cancelled_at` is when what cancelled it happened."""

    reason: ReasonText
    change_reason: ChangeReason | None = None
    cancelled_at: Instant


EVENTS: tuple[type[Event], ...] = (
    ClocksStarted,
    ClockPaused,
    ClockResumed,
    ClockRetargeted,
    ClockWarned,
    ClockBreached,
    ClockMet,
    ClockCancelled,
)

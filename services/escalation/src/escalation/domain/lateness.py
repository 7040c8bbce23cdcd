"""How late a deadline was noticed: told by the event that noticed it."""

from dataclasses import dataclass

from common.contracts.escalations import (
    ClockBreached,
    ClockName,
    ClockWarned,
    EscalationClimbed,
    EscalationReturned,
    EscalationUnanswered,
    Wait,
)
from common.contracts.event import Event

LATENESS_TOLERANCE_MS = 50

Kind = ClockName | Wait


@dataclass(frozen=True, slots=True)
class ObservedLateness:
    """`policy` is nil for what an escalation waits for: its ladder set that deadline."""

    policy: str | None
    kind: Kind
    lateness_ms: float


@dataclass(frozen=True, slots=True)
class Lateness:
    """Of all deadlines of one policy and kind; `over` were later than is tolerated."""

    policy: str | None
    kind: Kind
    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    over_50_ms: int


def observed_lateness(event: Event) -> ObservedLateness | None:
    """Read what an event says of a deadline; nothing if no timer brought it about."""
    if isinstance(event, ClockWarned | ClockBreached):
        return ObservedLateness(event.policy_id, event.clock, event.lateness_ms)
    if isinstance(event, EscalationReturned):
        return ObservedLateness(None, "lease", event.lateness_ms)
    if isinstance(event, EscalationClimbed | EscalationUnanswered):
        if event.waited_for is None or event.lateness_ms is None:
            return None
        return ObservedLateness(None, event.waited_for, event.lateness_ms)
    return None

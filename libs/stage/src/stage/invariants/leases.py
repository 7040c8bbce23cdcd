"""Part of invariant 2: an escalation is with one person at a time, for as long as was promised."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from common.contracts.escalations import (
    ApprovalAsked,
    EscalationAcknowledged,
    EscalationClimbed,
    EscalationClosed,
    EscalationHandedBack,
    EscalationHandedOver,
    EscalationLeaseRenewed,
    EscalationRaised,
    EscalationReopened,
    EscalationResolved,
    EscalationReturned,
    EscalationSnoozed,
    EscalationTakenOver,
    EscalationUnanswered,
    PageReason,
    PageRequested,
)
from common.contracts.event import Event
from stage.invariants.findings import Ledger

# Only then does it wait for somebody: whoever has it is told of other things too.
_ASKING: tuple[PageReason, ...] = ("raised", "climbed", "repeated", "returned", "handed_over")

Taken = EscalationAcknowledged | EscalationTakenOver | EscalationLeaseRenewed | EscalationSnoozed
Lost = EscalationClimbed | EscalationUnanswered | EscalationReturned


@dataclass(frozen=True, slots=True)
class Hold:
    """`until` is nil where it was not published, and while an approval is asked for."""

    by: str
    until: datetime | None


def check(told: Iterable[Event], ledger: Ledger) -> None:
    """Replay who has one contact's escalations."""
    hold: Hold | None = None
    for event in told:
        match event:
            case (
                EscalationAcknowledged(lease_expires_at=until)
                | EscalationTakenOver(lease_expires_at=until)
                | EscalationLeaseRenewed(lease_expires_at=until)
                | EscalationSnoozed(until=until)
            ):
                hold = _passed_on(hold, event, until, ledger)
            case ApprovalAsked(by=by):
                hold = Hold(by, None)
            case EscalationClimbed() | EscalationUnanswered() | EscalationReturned():
                _not_taken_away(hold, event, ledger)
                hold = None
            case _ if _frees(event):
                hold = None


def _frees(event: Event) -> bool:
    match event:
        case EscalationRaised() | EscalationReopened() | EscalationHandedOver():
            return True
        case EscalationHandedBack() | EscalationResolved() | EscalationClosed():
            return True
        case PageRequested():
            return event.reason in _ASKING
        case _:
            return False


def _passed_on(
    hold: Hold | None,
    event: Taken,
    until: datetime | None,
    ledger: Ledger,
) -> Hold:
    free = hold is None or hold.by == event.by
    ledger.require(free, "two have it", event.contact_id, event.escalation_id, event.by)
    return Hold(event.by, until)


def _not_taken_away(hold: Hold | None, event: Lost, ledger: Ledger) -> None:
    """Hold a timer to the lease; a person may send it up at any time."""
    taken = (
        hold is not None
        and hold.until is not None
        and event.lateness_ms is not None
        and event.occurred_at < hold.until
    )
    ledger.require(not taken, "climbed while somebody had it", event.contact_id, event.type)

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
from stage.invariants.findings import Findings

# Only then does it wait for somebody: whoever has it is told of other things too.
_PAGES_FOR_A_HOLDER: tuple[PageReason, ...] = (
    "raised",
    "climbed",
    "repeated",
    "returned",
    "handed_over",
)

LeaseGrant = (
    EscalationAcknowledged | EscalationTakenOver | EscalationLeaseRenewed | EscalationSnoozed
)
LeaseLoss = EscalationClimbed | EscalationUnanswered | EscalationReturned


@dataclass(frozen=True, slots=True)
class Lease:
    """`until` is nil where it was not published, and while an approval is asked for."""

    holder: str
    expires_at: datetime | None


def check(told: Iterable[Event], ledger: Findings) -> None:
    """Replay who has one contact's escalations."""
    hold: Lease | None = None
    for event in told:
        match event:
            case (
                EscalationAcknowledged(lease_expires_at=until)
                | EscalationTakenOver(lease_expires_at=until)
                | EscalationLeaseRenewed(lease_expires_at=until)
                | EscalationSnoozed(until=until)
            ):
                hold = _grant(hold, event, until, ledger)
            case ApprovalAsked(by=by):
                hold = Lease(by, None)
            case EscalationClimbed() | EscalationUnanswered() | EscalationReturned():
                _require_expired(hold, event, ledger)
                hold = None
            case _ if _ends_lease(event):
                hold = None


def _ends_lease(event: Event) -> bool:
    match event:
        case EscalationRaised() | EscalationReopened() | EscalationHandedOver():
            return True
        case EscalationHandedBack() | EscalationResolved() | EscalationClosed():
            return True
        case PageRequested():
            return event.reason in _PAGES_FOR_A_HOLDER
        case _:
            return False


def _grant(
    hold: Lease | None,
    event: LeaseGrant,
    until: datetime | None,
    ledger: Findings,
) -> Lease:
    free = hold is None or hold.holder == event.by
    ledger.require(free, "two have it", event.contact_id, event.escalation_id, event.by)
    return Lease(event.by, until)


def _require_expired(hold: Lease | None, event: LeaseLoss, ledger: Findings) -> None:
    """Hold a timer to the lease; a person may send it up at any time."""
    taken = (
        hold is not None
        and hold.expires_at is not None
        and event.lateness_ms is not None
        and event.occurred_at < hold.expires_at
    )
    ledger.require(not taken, "climbed while somebody had it", event.contact_id, event.type)

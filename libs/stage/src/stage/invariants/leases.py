"""Part of invariant 2: one person at a time holds an escalation, until the lease ends."""

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

# These pages look for a new holder; other pages also go to the current one.
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
    """`expires_at` is None if it was not published, and while an approval is requested."""

    holder: str
    expires_at: datetime | None


def check(events: Iterable[Event], findings: Findings) -> None:
    """Replay who holds one contact's escalations."""
    lease: Lease | None = None
    for event in events:
        match event:
            case (
                EscalationAcknowledged(lease_expires_at=until)
                | EscalationTakenOver(lease_expires_at=until)
                | EscalationLeaseRenewed(lease_expires_at=until)
                | EscalationSnoozed(until=until)
            ):
                lease = _grant(lease, event, until, findings)
            case ApprovalAsked(by=by):
                lease = Lease(by, None)
            case EscalationClimbed() | EscalationUnanswered() | EscalationReturned():
                _require_expired(lease, event, findings)
                lease = None
            case _ if _ends_lease(event):
                lease = None
            case _:
                pass


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
    lease: Lease | None,
    event: LeaseGrant,
    until: datetime | None,
    findings: Findings,
) -> Lease:
    free = lease is None or lease.holder == event.by
    findings.require(
        free, "two people hold one escalation", event.contact_id, event.escalation_id, event.by
    )
    return Lease(event.by, until)


def _require_expired(lease: Lease | None, event: LeaseLoss, findings: Findings) -> None:
    """A timer must respect the lease; a person may escalate further at any time."""
    early = (
        lease is not None
        and lease.expires_at is not None
        and event.lateness_ms is not None
        and event.occurred_at < lease.expires_at
    )
    findings.require(not early, "moved on before the lease ended", event.contact_id, event.type)

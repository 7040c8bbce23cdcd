"""Part of invariant 2: an escalation is with one person at a time, for as long as was promised."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClimbed,
    EscalationClosed,
    EscalationHandedBack,
    EscalationRaised,
    EscalationResolved,
    EscalationTakenOver,
    EscalationUnanswered,
    PageRequested,
)
from common.contracts.event import Event
from stage.invariants.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Hold:
    """Until when is not published of a take-over."""

    by: str
    until: datetime | None


def check(told: Iterable[Event], ledger: Ledger) -> None:
    """Replay who has one contact's escalations."""
    hold: Hold | None = None
    for event in told:
        match event:
            case EscalationAcknowledged():
                hold = _passed_on(hold, event, event.lease_expires_at, ledger)
            case EscalationTakenOver():
                hold = _passed_on(hold, event, None, ledger)
            case EscalationClimbed() | EscalationUnanswered():
                _not_taken_away(hold, event, ledger)
                hold = None
            case EscalationRaised() | EscalationHandedBack():
                hold = None
            case EscalationResolved() | EscalationClosed():
                hold = None
            # A warning is about no escalation; any other page says that it waits for somebody.
            case PageRequested(escalation_id=escalation_id) if escalation_id is not None:
                hold = None


def _passed_on(
    hold: Hold | None,
    event: EscalationAcknowledged | EscalationTakenOver,
    until: datetime | None,
    ledger: Ledger,
) -> Hold:
    free = hold is None or hold.by == event.by
    ledger.require(free, "two have it", event.contact_id, event.escalation_id, event.by)
    return Hold(event.by, until)


def _not_taken_away(
    hold: Hold | None, event: EscalationClimbed | EscalationUnanswered, ledger: Ledger
) -> None:
    """Hold a timer to the lease; a person may send it up at any time."""
    taken = (
        hold is not None
        and hold.until is not None
        and event.lateness_ms is not None
        and event.occurred_at < hold.until
    )
    ledger.require(not taken, "climbed while somebody had it", event.contact_id, event.type)

"""Escalations that the checker's tests share."""

from datetime import datetime

from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClimbed,
    EscalationTakenOver,
    EscalationUnanswered,
)
from common.contracts.event import PersonId
from unit.stage.history import ADA, RAISED, at

MARCO = PersonId("marco")
UNANSWERED = EscalationUnanswered(
    contact_id=ADA, occurred_at=at(30), escalation_id=RAISED, level=0, lateness_ms=1.0
)


def acknowledged(by: PersonId, until: datetime) -> EscalationAcknowledged:
    return EscalationAcknowledged(
        contact_id=ADA,
        occurred_at=at(15),
        escalation_id=RAISED,
        by=by,
        lease_expires_at=until,
    )


def taken_over(by: PersonId) -> EscalationTakenOver:
    return EscalationTakenOver(contact_id=ADA, occurred_at=at(16), escalation_id=RAISED, by=by)


def climbed(lateness_ms: float | None) -> EscalationClimbed:
    return EscalationClimbed(
        contact_id=ADA,
        occurred_at=at(20),
        escalation_id=RAISED,
        from_level=0,
        to_level=1,
        level_name="managers",
        because="no answer",
        lateness_ms=lateness_ms,
    )

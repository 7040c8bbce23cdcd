"""Escalations, as far as the notifier must know them: does one still wait, and for what."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from common.contracts.event import ContactId, EscalationId, PersonId

EscalationState = Literal[
    "raised", "acknowledged", "taken_over", "handed_back", "resolved", "closed"
]


class Escalation(Struct, frozen=True):
    """`by` caused the last change of state, at `at`; None while it is raised.

    `approval_asked`: `by`, who holds it, waits for an approval.
    """

    escalation_id: EscalationId
    contact_id: ContactId
    state: EscalationState
    by: PersonId | None
    at: datetime
    approval_asked: bool = False

    @property
    def awaits_answer(self) -> bool:
        return self.state == "raised"

    @property
    def has_ended(self) -> bool:
        return self.state in ("handed_back", "resolved", "closed")

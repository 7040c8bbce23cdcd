"""Escalations as far as notifier must know them: whether somebody is still wanted."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from common.contracts.event import ContactId, EscalationId, PersonId

EscalationState = Literal[
    "raised", "acknowledged", "taken_over", "handed_back", "resolved", "closed"
]


@dataclass(frozen=True, slots=True)
class Escalation:
    """`by` did the last thing that happened to it, `at` that time; nobody while it is raised.

    `approval_asked`: `by`, who has it, waits for somebody's approval.
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

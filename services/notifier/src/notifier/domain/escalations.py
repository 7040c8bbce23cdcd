"""Escalations, as far as the notifier must know them: does one still wait, and for what."""

from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from common.contracts.event import ContactId, EscalationId, PersonId, SystemName

EscalationState = Literal[
    "raised", "acknowledged", "taken_over", "handed_back", "resolved", "closed"
]


class Escalation(Struct, frozen=True):
    """`by` caused the last change of state, at `at`; None while it is raised.

    `held_until`: when it goes on without who holds it, unless they make progress, or their snooze
    ends.

    `approval_asked`: `by`, who holds it, waits for an approval. `system` is the helpdesk or CRM
    that the contact came from, and `external_ref` how it names the case, if it can be written to.
    """

    escalation_id: EscalationId
    contact_id: ContactId
    state: EscalationState
    by: PersonId | None
    at: datetime
    approval_asked: bool = False
    system: SystemName | None = None
    external_ref: str | None = None
    held_until: datetime | None = None

    @property
    def holder(self) -> PersonId | None:
        return self.by if self.state in ("acknowledged", "taken_over") else None

    @property
    def awaits_answer(self) -> bool:
        return self.state == "raised"

    @property
    def has_ended(self) -> bool:
        return self.state in ("handed_back", "resolved", "closed")


def in_state(
    before: Escalation | None,
    escalation_id: EscalationId,
    contact_id: ContactId,
    state: EscalationState,
    by: PersonId | None,
    at: datetime,
    held_until: datetime | None = None,
) -> Escalation:
    """Return the escalation in this state; the case that it is about stays the same."""
    changed = Escalation(escalation_id, contact_id, state, by, at, held_until=held_until)
    if before is None:
        return changed
    return replace(changed, system=before.system, external_ref=before.external_ref)


def prolong(escalation: Escalation, by: PersonId, until: datetime) -> Escalation:
    """Return it as held until then, if this person holds it."""
    return replace(escalation, held_until=until) if escalation.holder == by else escalation

"""Who may see an escalation, and how much of it.

Representatives see escalations of contacts that they have or had, and those that they raised, but
never one in which they are named by a complaint, and never what colleagues said.
"""

from dataclasses import dataclass

from common.contracts.clocks import ClockBreached, ClockWarned
from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClosed,
    EscalationHandedBack,
    EscalationResolved,
    EscalationTakenOver,
)
from common.contracts.event import PersonId, Role
from escalation.domain.model import Escalation, EscalationCause, TrackedContact

# What the contact's representative must know; the others carry what colleagues wrote.
TYPES_FOR_REPRESENTATIVES: frozenset[str] = frozenset(
    kind.type
    for kind in (
        EscalationAcknowledged,
        EscalationTakenOver,
        EscalationHandedBack,
        EscalationResolved,
        EscalationClosed,
        ClockWarned,
        ClockBreached,
    )
)


@dataclass(frozen=True, slots=True)
class Viewer:
    person: PersonId
    role: Role

    @property
    def is_representative(self) -> bool:
        return self.role == "representative"

    def sees_contact(self, contact: TrackedContact) -> bool:
        return not self.is_representative or self.person in contact.representatives

    def sees(self, escalation: Escalation, contact: TrackedContact) -> bool:
        if not self.is_representative:
            return True
        is_named = any(complaint.about == self.person for complaint in escalation.complaints)
        return not is_named and (
            self.sees_contact(contact) or self.person in escalation.participants
        )

    def sees_event(self, event_type: str) -> bool:
        return not self.is_representative or event_type in TYPES_FOR_REPRESENTATIVES

    def sees_cause(self, cause: EscalationCause) -> bool:
        """Who raises an escalation by hand does not learn that it is also about them."""
        return not self.is_representative or cause.about != self.person

    def sees_words(self, cause: EscalationCause) -> bool:
        """Tell whether the viewer may know whom a cause comes from or is about, and its words."""
        from_colleague = cause.by is not None or cause.about is not None
        return not self.is_representative or not from_colleague or cause.by == self.person

"""Who may see an escalation, and how much of it.

Supervisors see those of their teams and people, those of contacts that have no team yet, and those
that concern them: see `is_concerned`. Representatives see escalations of contacts that they
have or had, and those that they raised, but never what colleagues said, and none in which a
complaint names them, unless they raised it too: then they see it as it would be without the
complaint, so that it does not tell.
"""

from dataclasses import dataclass, replace
from typing import Literal

from common.contracts.clocks import ClockBreached, ClockWarned
from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClosed,
    EscalationHandedBack,
    EscalationResolved,
    EscalationTakenOver,
)
from common.contracts.event import PersonId, Role
from escalation.domain.escalations.causes import severity_of
from escalation.domain.model import Escalation, EscalationCause, TrackedContact
from escalation.domain.settings.people import SupervisorScope
from escalation.domain.settings.registry import Configuration

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


Visibility = Literal["team", "all"]


def is_concerned(person: PersonId, escalation: Escalation) -> bool:
    """Tell whether the person is or was asked to act on it, raised it or acted on it."""
    return person in (*escalation.awaited, *escalation.responders, *escalation.participants)


@dataclass(frozen=True, slots=True)
class Viewer:
    """`visibility` is that of supervisors; managers and admins see all."""

    person: PersonId
    role: Role
    visibility: Visibility = "team"

    @property
    def is_representative(self) -> bool:
        return self.role == "representative"

    @property
    def is_scoped(self) -> bool:
        """Whether it is a supervisor who does not see the escalations of all teams."""
        return self.role == "supervisor" and self.visibility == "team"

    def as_supervisor(self, person: PersonId) -> "Viewer":
        """Return another person, as a supervisor of this installation."""
        return replace(self, person=person, role="supervisor")

    def scope_in(self, configuration: Configuration) -> SupervisorScope | None:
        """Return that of a supervisor who is scoped; None for all others."""
        return configuration.scope_of(self.person) if self.is_scoped else None

    def sees_contact(self, contact: TrackedContact, configuration: Configuration) -> bool:
        if self.is_representative:
            return self.person in contact.representatives
        scope = self.scope_in(configuration)
        if scope is None or contact.team_id is None:
            return True
        return contact.team_id in scope.teams or contact.representative_id in scope.people

    def sees(
        self, escalation: Escalation, contact: TrackedContact, configuration: Configuration
    ) -> bool:
        sees_contact = self.sees_contact(contact, configuration)
        if not self.is_representative:
            return sees_contact or is_concerned(self.person, escalation)
        if self.is_named(escalation):
            return any(cause.by == self.person for cause in escalation.causes)
        return sees_contact or self.person in escalation.participants

    def is_named(self, escalation: Escalation) -> bool:
        """Tell whether a complaint is about the representative who looks at it."""
        return self.is_representative and any(
            complaint.about == self.person for complaint in escalation.complaints
        )

    def shown(self, escalation: Escalation, contact: TrackedContact) -> Escalation:
        """Return what representatives may see of it, and others all."""
        if not self.is_representative:
            return escalation
        # An approval has words of colleagues.
        shown = replace(escalation, approval=None)
        return self._without_complaint(shown, contact) if self.is_named(shown) else shown

    def _without_complaint(self, escalation: Escalation, contact: TrackedContact) -> Escalation:
        """Return it as if only what the viewer may know had raised it."""
        causes = tuple(cause for cause in escalation.causes if self.sees_cause(cause))
        hidden = (cause.count for cause in escalation.causes if not self.sees_cause(cause))
        shown = replace(
            escalation,
            causes=causes,
            cause_count=escalation.cause_count - sum(hidden),
            severity=severity_of(contact.severity, causes),
        )
        if not causes or self.sees_cause(escalation.causes[0]):
            return shown
        return replace(
            shown,
            raised_at=min(cause.at for cause in causes),
            level=0,
            awaited=(),
            deadline=None,
            alarm_since=None,
            snoozes=0,
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

"""The input of a decision, and its result."""

from collections.abc import Callable
from datetime import datetime
from typing import Concatenate, ParamSpec

from msgspec import Struct
from msgspec.structs import replace

from common.contracts.event import ContactEvent, ContactId, PersonId
from common.messages import TimerChange
from escalation.domain.complaint_model import Complaint
from escalation.domain.model import Escalation, TrackedContact
from escalation.domain.money import Grant
from escalation.domain.settings.policies import SlaPolicy
from escalation.domain.settings.registry import Configuration, Versioned

P = ParamSpec("P")


class Situation(Struct, frozen=True):
    """All that a decision about one contact depends on; `escalation` is the open one.

    `earlier_contacts` of the same customer are counted only if a policy has a rule for them.
    `complaints` of the contact, and who took part in its earlier escalations, are read only for a
    new complaint; `grants` to the contact and its customer only for outcomes that cost something.
    `offline` has the contact's representative, if offline; it is read only for a decision that
    warns that person.
    """

    contact: TrackedContact
    escalation: Escalation | None
    configuration: Configuration
    at: datetime
    earlier_contacts: int = 0
    complaints: tuple[Complaint, ...] = ()
    grants: tuple[Grant, ...] = ()
    earlier_participants: frozenset[PersonId] = frozenset()
    offline: frozenset[PersonId] = frozenset()

    @property
    def contact_id(self) -> ContactId:
        return self.contact.contact_id

    def with_contact(self, contact: TrackedContact) -> "Situation":
        return replace(self, contact=contact)

    def with_escalation(self, escalation: Escalation | None) -> "Situation":
        return replace(self, escalation=escalation)

    @property
    def policy(self) -> Versioned[SlaPolicy] | None:
        """The policy in force for the contact, once its details are known."""
        details = self.contact.details
        return self.configuration.policy_for(details) if details else None


class Decision(Struct, frozen=True):
    """The situation after it, with its events and timers. `surprises` go to the log."""

    situation: Situation
    events: tuple[ContactEvent, ...] = ()
    timers: tuple[TimerChange, ...] = ()
    surprises: tuple[str, ...] = ()
    ended_escalations: tuple[Escalation, ...] = ()
    complaints: tuple[Complaint, ...] = ()

    @property
    def escalation(self) -> Escalation:
        """The escalation that was decided on, open or ended; there must be one."""
        return self.situation.escalation or self.ended_escalations[-1]

    def then(
        self,
        step: Callable[Concatenate[Situation, P], "Decision"],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> "Decision":
        """Decide further in the situation after this decision."""
        following = step(self.situation, *args, **kwargs)
        return Decision(
            following.situation,
            self.events + following.events,
            self.timers + following.timers,
            self.surprises + following.surprises,
            self.ended_escalations + following.ended_escalations,
            self.complaints + following.complaints,
        )


Decide = Callable[[Situation], Decision]


def no_change(situation: Situation) -> Decision:
    return Decision(situation)

"""What a decision looks at, and what it is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from common.contracts.escalations import EscalationsEvent
from common.contracts.event import ContactId
from common.messages import TimerChange
from escalation.domain.model import Escalation, TrackedContact
from escalation.domain.settings.registry import Configuration


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision about one contact looks at; `escalation` is the open one.

    `earlier_contacts` of the same customer are counted only where a policy asks for it.
    """

    contact: TrackedContact
    escalation: Escalation | None
    configuration: Configuration
    at: datetime
    earlier_contacts: int = 0

    @property
    def contact_id(self) -> ContactId:
        return self.contact.contact_id


@dataclass(frozen=True, slots=True)
class Decision:
    """The situation after it, and all that it causes. `surprises` are for the log."""

    situation: Situation
    events: tuple[EscalationsEvent, ...] = ()
    timers: tuple[TimerChange, ...] = ()
    surprises: tuple[str, ...] = ()
    ended_escalations: tuple[Escalation, ...] = ()

    @property
    def escalation(self) -> Escalation:
        """The one that was decided on, open or ended; there must be one."""
        return self.situation.escalation or self.ended_escalations[-1]

    def then(self, step: "Decide") -> "Decision":
        following = step(self.situation)
        if not (self.events or self.timers or self.surprises or self.ended_escalations):
            return following
        return Decision(
            following.situation,
            self.events + following.events,
            self.timers + following.timers,
            self.surprises + following.surprises,
            self.ended_escalations + following.ended_escalations,
        )


Decide = Callable[[Situation], Decision]


def no_change(situation: Situation) -> Decision:
    return Decision(situation)

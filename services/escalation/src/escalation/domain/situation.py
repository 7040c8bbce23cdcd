"""What a decision looks at, and what it is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from common.contracts.escalations import EscalationsEvent
from common.contracts.event import ContactId
from common.messages import TimerChange
from escalation.domain.model import Escalation, Watch
from escalation.domain.settings.registry import Configuration


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision about one contact looks at; `escalation` is the open one.

    `earlier_contacts` of the same customer are counted only where a policy asks for it.
    """

    watch: Watch
    escalation: Escalation | None
    configuration: Configuration
    at: datetime
    earlier_contacts: int = 0

    @property
    def contact_id(self) -> ContactId:
        return self.watch.contact_id


@dataclass(frozen=True, slots=True)
class Decision:
    """The situation after it, and all that it causes. `surprises` are for the log."""

    situation: Situation
    events: tuple[EscalationsEvent, ...] = ()
    timers: tuple[TimerChange, ...] = ()
    surprises: tuple[str, ...] = ()
    ended: tuple[Escalation, ...] = ()

    @property
    def escalation(self) -> Escalation:
        """The one that was decided on, open or ended; there must be one."""
        return self.situation.escalation or self.ended[-1]

    def then(self, step: "Step") -> "Decision":
        following = step(self.situation)
        if not (self.events or self.timers or self.surprises or self.ended):
            return following
        return Decision(
            following.situation,
            self.events + following.events,
            self.timers + following.timers,
            self.surprises + following.surprises,
            self.ended + following.ended,
        )


Step = Callable[[Situation], Decision]


def nothing(situation: Situation) -> Decision:
    return Decision(situation)

"""What a policy would have done: the past of contacts, played again by the decisions of today.

Nothing is worked out anew here: facts and timers go to the functions that the service itself runs,
on a clock that jumps from one to the next.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from common.contracts.assignments import AssignmentReleased, ContactAssigned, ContactReferred
from common.contracts.contacts import (
    ContactPrioritized,
    ContactReceived,
    ContactReopened,
    ContactResolved,
    CustomerWrote,
    FeedbackReceived,
    RepresentativeReplied,
    SupervisorRequested,
    WaitingOnCustomer,
)
from common.contracts.escalations import (
    ClockBreached,
    ClockMet,
    ClockRetargeted,
    ClocksStarted,
    EscalationClimbed,
    EscalationRaised,
    EscalationUnanswered,
    PageRequested,
    PriorityChangeAsked,
)
from common.contracts.event import ContactId, Event, PersonId
from common.messages import Cancel, Schedule, Timer
from escalation.domain import reactions
from escalation.domain.clocks import lifecycle
from escalation.domain.escalations import actions, timeouts
from escalation.domain.model import Escalation, Watch
from escalation.domain.settings.registry import Configuration
from escalation.domain.situation import Decision, Situation, Step
from escalation.domain.timers import (
    ESCALATION_SLOT,
    WARNING_SLOT,
    AcknowledgementDue,
    ClockDue,
    LeaseEnding,
    LeaseExpires,
)

# What people did to an escalation of the past says nothing of one that is made up.
MEANINGS: Mapping[type[Event], Callable[..., Decision]] = {
    ContactReceived: reactions.received,
    CustomerWrote: reactions.wrote,
    RepresentativeReplied: reactions.replied,
    WaitingOnCustomer: reactions.waiting,
    SupervisorRequested: reactions.supervisor_requested,
    ContactPrioritized: reactions.prioritized,
    ContactResolved: reactions.resolved,
    ContactReopened: reactions.reopened,
    FeedbackReceived: reactions.rated,
    ContactAssigned: reactions.assigned,
    ContactReferred: reactions.referred,
    AssignmentReleased: reactions.released,
}
_TIMERS: Mapping[type[Timer], Callable[..., Decision]] = {
    ClockDue: lifecycle.come_due,
    AcknowledgementDue: timeouts.acknowledgement_due,
    LeaseEnding: timeouts.lease_ending,
    LeaseExpires: timeouts.lease_expires,
}
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Habits:
    """How people are taken to answer: the one asked first does after `answer_after`, or nobody.

    Whoever answers keeps it until the contact's own end: what people do then, no policy says.
    """

    answer_after: timedelta | None


@dataclass(frozen=True, slots=True)
class Breach:
    contact_id: ContactId
    clock: str
    policy: str
    due_at: datetime


@dataclass(slots=True)
class Tally:
    """What came of it. Promises and breaches are counted by (clock, policy)."""

    contacts: int = 0
    without_policy: int = 0
    promised: Counter[tuple[str, str]] = field(default_factory=Counter)
    kept: Counter[tuple[str, str]] = field(default_factory=Counter)
    broken: Counter[tuple[str, str]] = field(default_factory=Counter)
    escalations: Counter[str] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    pages: Counter[tuple[PersonId, str]] = field(default_factory=Counter)
    breaches: list[Breach] = field(default_factory=list)

    @property
    def clocks(self) -> int:
        return self.promised.total()

    def add(self, other: "Tally") -> None:
        self.contacts += other.contacts
        self.without_policy += other.without_policy
        self.promised += other.promised
        self.kept += other.kept
        self.broken += other.broken
        self.escalations += other.escalations
        self.levels += other.levels
        self.unanswered += other.unanswered
        self.pages += other.pages
        self.breaches = (self.breaches + other.breaches)[:_LISTED]


def tally(
    contacts: Iterable[tuple[ContactId, Sequence[Event]]],
    configuration: Configuration,
    until: datetime,
    habits: Habits,
) -> Tally:
    """Play each contact's facts, given in the order in which they happened, up to `until`."""
    total = Tally()
    for contact_id, facts in contacts:
        _count(contact_id, Play(contact_id, configuration, until, habits).events(facts), total)
    return total


class Play:
    """One contact's life, played again."""

    def __init__(
        self, contact_id: ContactId, configuration: Configuration, until: datetime, habits: Habits
    ) -> None:
        self._watch = Watch(contact_id)
        self._escalation: Escalation | None = None
        self._configuration = configuration
        self._until = until
        self._habits = habits
        self._timers: dict[str, Schedule] = {}
        self._answer: tuple[datetime, PersonId] | None = None

    def events(self, facts: Sequence[Event]) -> Iterator[Event]:
        """Yield all that would have been published."""
        for fact in facts:
            meaning = MEANINGS.get(type(fact))
            if meaning is None or _by_rule(fact):
                continue
            yield from self._pass_time(fact.occurred_at)
            yield from self._do(partial(meaning, event=fact), fact.occurred_at)
        yield from self._pass_time(self._until)

    def _pass_time(self, until: datetime) -> Iterator[Event]:
        """Fire what comes due before `until`, each on the dot."""
        while True:
            due = min(self._timers.values(), key=_due_at, default=None)
            answers = self._answer is not None and (due is None or self._answer[0] < due.due_at)
            if answers and self._answer is not None and self._answer[0] < until:
                yield from self._answered(*self._answer)
            elif due is not None and not answers and due.due_at < until:
                del self._timers[due.timer.slot]
                step = partial(_TIMERS[type(due.timer)], timer=due.timer)
                yield from self._do(step, due.due_at)
            else:
                return

    def _answered(self, at: datetime, by: PersonId) -> Iterator[Event]:
        self._answer = None
        if self._escalation is None or self._escalation.state != "raised":
            return
        yield from self._do(partial(actions.acknowledge, by=by), at)
        self._timers.pop(ESCALATION_SLOT, None)
        self._timers.pop(WARNING_SLOT, None)

    def _do(self, step: Step, at: datetime) -> Iterator[Event]:
        decision = step(Situation(self._watch, self._escalation, self._configuration, at))
        self._watch = decision.situation.watch
        self._escalation = decision.situation.escalation
        for change in decision.timers:
            match change:
                case Schedule(timer):
                    self._timers[timer.slot] = change
                case Cancel(slot=slot):
                    self._timers.pop(slot, None)
        for event in decision.events:
            yield event
            match event:
                case EscalationUnanswered():
                    # The top would be paged again and again: once says it.
                    self._timers.pop(ESCALATION_SLOT, None)
                case PriorityChangeAsked():
                    changed = ContactPrioritized(
                        contact_id=event.contact_id,
                        occurred_at=at,
                        priority=event.priority,
                        reason=event.reason,
                    )
                    yield from self._do(partial(reactions.prioritized, event=changed), at)
                case _:
                    pass
        self._expect_answer(at)

    def _expect_answer(self, at: datetime) -> None:
        escalation, after = self._escalation, self._habits.answer_after
        if escalation is None or escalation.state != "raised" or after is None:
            self._answer = None
        elif self._answer is None and escalation.awaited:
            self._answer = at + after, escalation.awaited[0]
        elif self._answer is not None and self._answer[1] not in escalation.awaited:
            # It climbed, or it is another's turn: the time to answer begins anew.
            self._answer = (at + after, escalation.awaited[0]) if escalation.awaited else None


def _due_at(one: Schedule) -> datetime:
    return one.due_at


def _by_rule(fact: Event) -> bool:
    """Tell what the policy of the time did: the one that is tried out does its own."""
    return isinstance(fact, ContactPrioritized) and fact.by is None


def _count(contact_id: ContactId, events: Iterable[Event], total: Tally) -> None:
    total.contacts += 1
    promised = False
    policies: dict[str, str] = {}
    for event in events:
        match event:
            case ClocksStarted():
                promised = True
                policies |= dict.fromkeys((one.clock for one in event.clocks), event.policy_id)
                total.promised.update((one.clock, event.policy_id) for one in event.clocks)
            case ClockRetargeted():
                total.promised[event.clock, policies[event.clock]] -= 1
                total.promised[event.clock, event.policy_id] += 1
                policies[event.clock] = event.policy_id
            case ClockBreached():
                _broken(Breach(contact_id, event.clock, policies[event.clock], event.due_at), total)
            case ClockMet():
                total.kept[event.clock, policies[event.clock]] += event.met_at <= event.due_at
            case _:
                _count_escalation(event, total)
    total.without_policy += not promised


def _broken(breach: Breach, total: Tally) -> None:
    total.broken[breach.clock, breach.policy] += 1
    if len(total.breaches) < _LISTED:
        total.breaches.append(breach)


def _count_escalation(event: Event, total: Tally) -> None:
    match event:
        case EscalationRaised():
            total.escalations[event.cause] += 1
            total.levels[event.level_name] += 1
        case EscalationClimbed():
            total.levels[event.level_name] += 1
        case EscalationUnanswered():
            total.unanswered += 1
        case PageRequested():
            total.pages[event.person_id, event.reason] += 1
        case _:
            pass

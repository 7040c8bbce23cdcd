"""What a policy would have done: replays the events of contacts through today's decisions.

Events and timers go to the functions that the service itself runs, with a clock that jumps from one
to the next.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from common.contracts import assignments, contacts
from common.contracts.clocks import ClockBreached, ClockMet, ClockRetargeted, ClocksStarted
from common.contracts.contacts import ContactPrioritized
from common.contracts.escalations import (
    EscalationClimbed,
    EscalationRaised,
    EscalationUnanswered,
    PageRequested,
    PriorityChangeAsked,
)
from common.contracts.event import ContactEvent, ContactId, PersonId
from common.messages import Cancel, Schedule
from escalation.domain.clocks.acknowledgement import follow
from escalation.domain.escalations import actions
from escalation.domain.model import Escalation, TrackedContact
from escalation.domain.reactions import DECISIONS, decide
from escalation.domain.settings.registry import Configuration
from escalation.domain.situation import Decide, Decision, Situation
from escalation.domain.timers import ESCALATION_SLOT, WARNING_SLOT

# What people did to a real escalation says nothing about a simulated one.
REPLAYED_EVENTS: frozenset[type[ContactEvent]] = frozenset(
    kind
    for kind in DECISIONS
    if issubclass(kind, contacts.ContactsEvent | assignments.AssignmentsEvent)
)
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Assumptions:
    """How people answer: the first person paged does after `answer_after`; with None nobody does.

    A person who answers keeps the escalation until the contact ends: no policy says what people do
    then.
    """

    answer_after: timedelta | None


@dataclass(frozen=True, slots=True)
class Breach:
    contact_id: ContactId
    clock: str
    policy: str
    due_at: datetime


@dataclass(slots=True)
class Totals:
    """The outcomes. Clocks are counted by (clock, policy)."""

    contacts: int = 0
    without_policy: int = 0
    started: Counter[tuple[str, str]] = field(default_factory=Counter)
    met_in_time: Counter[tuple[str, str]] = field(default_factory=Counter)
    breached: Counter[tuple[str, str]] = field(default_factory=Counter)
    escalations: Counter[str] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    pages: Counter[tuple[PersonId, str]] = field(default_factory=Counter)
    pages_by_level: Counter[str] = field(default_factory=Counter)
    breaches: list[Breach] = field(default_factory=list)

    @property
    def clocks(self) -> int:
        return self.started.total()

    def add(self, other: "Totals") -> None:
        self.contacts += other.contacts
        self.without_policy += other.without_policy
        self.started += other.started
        self.met_in_time += other.met_in_time
        self.breached += other.breached
        self.escalations += other.escalations
        self.levels += other.levels
        self.unanswered += other.unanswered
        self.pages += other.pages
        self.pages_by_level += other.pages_by_level
        self.breaches = (self.breaches + other.breaches)[:_LISTED]


def replay(
    histories: Iterable[tuple[ContactId, Sequence[ContactEvent]]],
    configuration: Configuration,
    until: datetime,
    assumptions: Assumptions,
) -> Totals:
    """Replay each contact's events, given in their order, up to `until`."""
    totals = Totals()
    for contact_id, events in histories:
        contact = ContactReplay(contact_id, configuration, until, assumptions)
        _count(contact_id, contact.replay(events), totals)
    return totals


class ContactReplay:
    """Replays one contact."""

    def __init__(
        self,
        contact_id: ContactId,
        configuration: Configuration,
        until: datetime,
        assumptions: Assumptions,
    ) -> None:
        self._contact = TrackedContact(contact_id)
        self._escalation: Escalation | None = None
        self._configuration = configuration
        self._until = until
        self._assumptions = assumptions
        self._timers: dict[str, Schedule] = {}
        self._answer: tuple[datetime, PersonId] | None = None

    def replay(self, events: Sequence[ContactEvent]) -> Iterator[ContactEvent]:
        """Yield all that would have been published."""
        for event in events:
            if type(event) not in REPLAYED_EVENTS or _is_by_rule(event):
                continue
            yield from self._pass_time(event.occurred_at)
            yield from self._apply(partial(decide, message=event), event.occurred_at)
        yield from self._pass_time(self._until)

    def _pass_time(self, until: datetime) -> Iterator[ContactEvent]:
        """Fire each timer that is due before `until`, exactly in time."""
        while True:
            due = min(self._timers.values(), key=_due_at, default=None)
            answers = self._answer is not None and (due is None or self._answer[0] < due.due_at)
            if answers and self._answer is not None and self._answer[0] < until:
                yield from self._acknowledge(*self._answer)
            elif due is not None and not answers and due.due_at < until:
                del self._timers[due.timer.slot]
                yield from self._apply(partial(decide, message=due.timer), due.due_at)
            else:
                return

    def _acknowledge(self, at: datetime, by: PersonId) -> Iterator[ContactEvent]:
        self._answer = None
        if self._escalation is None or self._escalation.state != "raised":
            return
        yield from self._apply(partial(_acknowledge, by=by), at)
        self._timers.pop(ESCALATION_SLOT, None)
        self._timers.pop(WARNING_SLOT, None)

    def _apply(self, step: Decide, at: datetime) -> Iterator[ContactEvent]:
        decision = step(Situation(self._contact, self._escalation, self._configuration, at))
        self._contact = decision.situation.contact
        self._escalation = decision.situation.escalation
        for change in decision.timers:
            match change:
                case Schedule(timer):
                    self._timers[timer.slot] = change
                case Cancel(slot=slot):
                    self._timers.pop(slot, None)
        for event in decision.events:
            yield event
            yield from self._consequences(event, at)
        self._expect_answer(at)

    def _consequences(self, event: ContactEvent, at: datetime) -> Iterator[ContactEvent]:
        match event:
            case EscalationUnanswered():
                # The top would be paged again and again; one page is enough to count.
                self._timers.pop(ESCALATION_SLOT, None)
            case PriorityChangeAsked():
                changed = ContactPrioritized(
                    contact_id=event.contact_id,
                    occurred_at=at,
                    priority=event.priority,
                    reason=event.reason,
                )
                yield from self._apply(partial(decide, message=changed), at)
            case _:
                pass

    def _expect_answer(self, at: datetime) -> None:
        escalation, after = self._escalation, self._assumptions.answer_after
        if escalation is None or escalation.state != "raised" or after is None:
            self._answer = None
        elif self._answer is None and escalation.awaited:
            self._answer = at + after, escalation.awaited[0]
        elif self._answer is not None and self._answer[1] not in escalation.awaited:
            # Somebody else is paged now: the time to answer begins again.
            self._answer = (at + after, escalation.awaited[0]) if escalation.awaited else None


def _acknowledge(situation: Situation, by: PersonId) -> Decision:
    return follow(actions.acknowledge(situation, by))


def _due_at(schedule: Schedule) -> datetime:
    return schedule.due_at


def _is_by_rule(event: ContactEvent) -> bool:
    """Tell whether the policy of the time did it: the simulated policy does its own."""
    if not isinstance(event, ContactPrioritized):
        return False
    return event.by is None and event.reported_by is None


def _count(contact_id: ContactId, events: Iterable[ContactEvent], totals: Totals) -> None:
    totals.contacts += 1
    has_clocks = False
    policies: dict[str, str] = {}
    for event in events:
        match event:
            case ClocksStarted():
                has_clocks = True
                policies |= dict.fromkeys((clock.clock for clock in event.clocks), event.policy_id)
                totals.started.update((clock.clock, event.policy_id) for clock in event.clocks)
            case ClockRetargeted():
                totals.started[event.clock, policies[event.clock]] -= 1
                totals.started[event.clock, event.policy_id] += 1
                policies[event.clock] = event.policy_id
            case ClockBreached():
                _count_breach(
                    Breach(contact_id, event.clock, policies[event.clock], event.due_at), totals
                )
            case ClockMet():
                totals.met_in_time[event.clock, policies[event.clock]] += (
                    event.met_at <= event.due_at
                )
            case _:
                _count_escalation(event, totals)
    totals.without_policy += not has_clocks


def _count_breach(breach: Breach, totals: Totals) -> None:
    totals.breached[breach.clock, breach.policy] += 1
    if len(totals.breaches) < _LISTED:
        totals.breaches.append(breach)


def _count_escalation(event: ContactEvent, totals: Totals) -> None:
    match event:
        case EscalationRaised():
            totals.escalations[event.cause] += 1
            totals.levels[event.level_name] += 1
        case EscalationClimbed():
            totals.levels[event.level_name] += 1
        case EscalationUnanswered():
            totals.unanswered += 1
        case PageRequested():
            totals.pages[event.person_id, event.reason] += 1
            if event.level_name is not None:
                totals.pages_by_level[event.level_name] += 1
        case _:
            pass

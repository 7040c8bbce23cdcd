"""A desk at which one contact is played through: the domain alone, with a clock to move."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from common.contracts.assignments import ContactAssigned, ContactReferred
from common.contracts.contacts import (
    ContactPrioritized,
    ContactReceived,
    ContactReopened,
    ContactResolved,
    Customer,
    CustomerWrote,
    Priority,
    RepresentativeReplied,
    SupervisorRequested,
    WaitingOnCustomer,
)
from common.contracts.escalations import (
    PageRequested,
)
from common.contracts.event import (
    ContactId,
    CustomerId,
    Event,
    MessageId,
    NotificationId,
    PageId,
    PersonId,
    TeamId,
)
from common.contracts.notifications import NotificationActedOn
from common.messages import Schedule, Timer
from escalation.domain import reactions, timer_check
from escalation.domain.clocks import lifecycle
from escalation.domain.clocks.events import ClockEvent, evolve
from escalation.domain.duty.schedules import DutySchedule, Rotation
from escalation.domain.escalations import timeouts
from escalation.domain.model import Clock, Escalation, Watch
from escalation.domain.settings.ladders import Ladder, Level, Named, OnDuty
from escalation.domain.settings.policies import SlaPolicy, Target, ThresholdRule
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.situation import Decision, Situation, Step
from escalation.domain.timers import (
    AcknowledgementDue,
    ClockDue,
    LeaseEnding,
    LeaseExpires,
    PolicyChanged,
)

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
CONTACT = ContactId("018f0000-0000-7000-8000-000000000001")
RITA, SAM, MIA, DAN = (PersonId(name) for name in ("rita", "sam", "mia", "dan"))
E = TypeVar("E", bound=Event)

DUTY = DutySchedule((Rotation("UTC", START - timedelta(days=1), 365 * 86400, (SAM,)),))
LADDER = Ladder(
    levels=(
        Level("supervisors", 5, (OnDuty("duty", "supervisors"),)),
        Level("managers", 7, (Named("person", MIA),)),
    ),
    lease_s=20,
    working_lease_s=60,
)
POLICY = SlaPolicy(
    targets=(
        Target("assignment", 4, (ThresholdRule("warn_representative", 50),)),
        Target("first_response", 10, (ThresholdRule("warn_representative", 70),)),
        Target("resolution", 100),
    ),
    ladder_id="default",
    severity="medium",
)
SETTINGS = Configuration(
    policies={"gold": Versioned("gold", 3, POLICY)},
    ladders={"default": Versioned("default", 1, LADDER)},
    schedules={"supervisors": Versioned("supervisors", 1, DUTY)},
)
TIMERS: dict[type, Callable[..., Decision]] = {
    ClockDue: lifecycle.come_due,
    AcknowledgementDue: timeouts.acknowledgement_due,
    LeaseEnding: timeouts.lease_ending,
    LeaseExpires: timeouts.lease_expires,
    PolicyChanged: lifecycle.policy_changed,
}


@dataclass
class Desk:
    """One contact, its timers, and all that was published, with time in seconds from START."""

    settings: Configuration = SETTINGS
    now: float = 0
    watch: Watch = field(default_factory=lambda: Watch(CONTACT))
    escalation: Escalation | None = None
    past: list[Escalation] = field(default_factory=list)
    timers: dict[str, Schedule] = field(default_factory=dict)
    replaced: list[Schedule] = field(default_factory=list)
    published: list[Event] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    retold: tuple[Clock, ...] = ()

    @property
    def at(self) -> datetime:
        return START + timedelta(seconds=self.now)

    def do(self, step: Step) -> None:
        decision = step(Situation(self.watch, self.escalation, self.settings, self.at))
        self.watch = decision.situation.watch
        self.escalation = decision.situation.escalation
        self.past += decision.ended
        self.published += decision.events
        self.surprises += decision.surprises
        for event in decision.events:
            if isinstance(event, ClockEvent):
                self.retold = evolve(self.retold, event)
        for change in decision.timers:
            slot = change.timer.slot if isinstance(change, Schedule) else change.slot
            if slot in self.timers:
                self.replaced.append(self.timers.pop(slot))
            if isinstance(change, Schedule):
                self.timers[slot] = change
        self._audit()

    def _audit(self) -> None:
        """After every decision the timers that stand are those that the state waits for."""
        awaited = timer_check.awaited(CONTACT, self.watch.clocks, self.escalation)
        assert set(self.timers.values()) == set(awaited)
        assert self.retold == self.watch.clocks

    def wait_until(self, now: float, lag: float = 0) -> None:
        """Let time pass; each timer fires `lag` seconds after it is due."""
        while due := [one for one in self.timers.values() if self._fires(one, lag) <= now]:
            first = min(due, key=lambda one: one.due_at)
            self.now = max(self.now, self._fires(first, lag))
            del self.timers[first.timer.slot]
            self.fire(first.timer)
        self.now = now

    def fire(self, timer: Timer) -> None:
        self.do(partial(TIMERS[type(timer)], timer=timer))

    @staticmethod
    def _fires(one: Schedule, lag: float) -> float:
        return (one.due_at - START).total_seconds() + lag

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.published if isinstance(event, kind)]

    def the(self, kind: type[E]) -> E:
        (event,) = self.all(kind)
        return event

    def paged(self) -> list[tuple[str, str]]:
        return [(page.person_id, page.reason) for page in self.all(PageRequested)]

    def receive(self, happened: float | None = None) -> None:
        self.do(partial(reactions.received, event=received(self._when(happened))))

    def assign(self, happened: float | None = None) -> None:
        self.do(partial(reactions.assigned, event=assigned(self._when(happened))))

    def refer(self, happened: float | None = None) -> None:
        self.do(partial(reactions.referred, event=referral(self._when(happened))))

    def reply(self, happened: float | None = None) -> None:
        event = RepresentativeReplied(
            contact_id=CONTACT, occurred_at=self._when(happened), message_id=MessageId("m")
        )
        self.do(partial(reactions.replied, event=event))

    def write(self, happened: float | None = None) -> None:
        event = CustomerWrote(
            contact_id=CONTACT,
            occurred_at=self._when(happened),
            message_id=MessageId("w"),
            excerpt="And now?",
        )
        self.do(partial(reactions.wrote, event=event))

    def wait_for_customer(self, happened: float | None = None) -> None:
        event = WaitingOnCustomer(contact_id=CONTACT, occurred_at=self._when(happened))
        self.do(partial(reactions.waiting, event=event))

    def prioritize(self, priority: Priority, happened: float | None = None) -> None:
        event = ContactPrioritized(
            contact_id=CONTACT,
            occurred_at=self._when(happened),
            priority=priority,
            reason="the press is on the line",
        )
        self.do(partial(reactions.prioritized, event=event))

    def ask_for_supervisor(self) -> None:
        event = SupervisorRequested(contact_id=CONTACT, occurred_at=self.at, quote="Your boss!")
        self.do(partial(reactions.supervisor_requested, event=event))

    def resolve(self, happened: float | None = None) -> None:
        self.do(partial(reactions.resolved, event=resolution(self._when(happened))))

    def reopen(self, happened: float | None = None) -> None:
        event = ContactReopened(
            contact_id=CONTACT, occurred_at=self._when(happened), reason="again"
        )
        self.do(partial(reactions.reopened, event=event))

    def press(self, person: PersonId, action: str = "acknowledge") -> None:
        page = next(p for p in reversed(self.all(PageRequested)) if p.escalation_id)
        self.do(
            partial(
                reactions.acted_on,
                event=NotificationActedOn.model_validate(
                    {
                        "contact_id": CONTACT,
                        "occurred_at": self.at,
                        "notification_id": NotificationId("n"),
                        "page_id": PageId("p"),
                        "person_id": person,
                        "escalation_id": page.escalation_id,
                        "action": action,
                        "medium": "slack",
                    }
                ),
            )
        )

    def _when(self, happened: float | None) -> datetime:
        return self.at if happened is None else START + timedelta(seconds=happened)


def received(at: datetime) -> ContactReceived:
    return ContactReceived(
        contact_id=CONTACT,
        occurred_at=at,
        channel="ticket",
        customer=Customer(customer_id=CustomerId("c"), name="Ada Lovelace"),
        subject="Charged twice",
        topic_of_contact="billing",
        language="en",
        priority="high",
    )


def assigned(at: datetime) -> ContactAssigned:
    return ContactAssigned(
        contact_id=CONTACT,
        occurred_at=at,
        representative_id=RITA,
        team_id=TeamId("t"),
        reason="only one free",
    )


def referral(at: datetime) -> ContactReferred:
    return ContactReferred(
        contact_id=CONTACT, occurred_at=at, representative_id=RITA, reason="too angry for me"
    )


def resolution(at: datetime) -> ContactResolved:
    return ContactResolved(contact_id=CONTACT, occurred_at=at, by=RITA)

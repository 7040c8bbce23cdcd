"""Plays one contact through the domain alone, with a clock that the test moves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from common.contracts.contacts import (
    ContactAbandoned,
    ContactPrioritized,
    ContactReopened,
    CustomerWrote,
    Priority,
    RepresentativeReplied,
    SupervisorRequested,
    WaitEnd,
    WaitingOnCustomer,
    WaitingOnCustomerEnded,
)
from common.contracts.escalations import EscalationsOwnEvent, PageRequested
from common.contracts.event import (
    ComplaintId,
    ContactEvent,
    MessageId,
    NotificationId,
    PageId,
    PersonId,
)
from common.contracts.notifications import NotificationActedOn
from common.messages import Schedule, Timer
from escalation.domain import reactions, timer_check
from escalation.domain.clocks.acknowledgement import follow
from escalation.domain.clocks.events import ClockEvent, apply
from escalation.domain.complaint_model import Complaint
from escalation.domain.escalations.causes import last_people, people_acting, with_participants
from escalation.domain.model import Escalation, SlaClock, TrackedContact
from escalation.domain.money import Grant, grants_of
from escalation.domain.settings.registry import Configuration
from escalation.domain.situation import Decide, Decision, Situation
from unit.escalation.examples import (
    CONTACT,
    DAN,
    SETTINGS,
    START,
    contact_assigned,
    contact_received,
    contact_referred,
    contact_resolved,
    second,
)

E = TypeVar("E", bound=ContactEvent)


@dataclass
class ContactHarness:
    """One contact, its timers, and all that was published; `now` is in seconds from START."""

    settings: Configuration = SETTINGS
    now: float = 0
    contact: TrackedContact = field(default_factory=lambda: TrackedContact(CONTACT))
    escalation: Escalation | None = None
    ended: list[Escalation] = field(default_factory=list)
    timers: dict[str, Schedule] = field(default_factory=dict)
    replaced_timers: list[Schedule] = field(default_factory=list)
    published: list[ContactEvent] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    folded_clocks: tuple[SlaClock, ...] = ()
    earlier_grants: tuple[Grant, ...] = ()
    complaints: dict[ComplaintId, Complaint] = field(default_factory=dict)

    @property
    def at(self) -> datetime:
        return second(self.now)

    @property
    def open_escalation(self) -> Escalation:
        assert self.escalation is not None
        return self.escalation

    def send(self, message: ContactEvent | Timer) -> None:
        self._record(reactions.decide(self.situation, message))

    def act(self, by: PersonId, action: Callable[..., Decision], **params: object) -> None:
        """Do what a person does with the escalation."""
        self.apply(partial(action, by=by, **params))

    def apply(self, step: Decide) -> None:
        self._record(follow(step(self.situation)))

    @property
    def situation(self) -> Situation:
        return Situation(
            self.contact,
            self.escalation,
            self.settings,
            self.at,
            complaints=tuple(self.complaints.values()),
            grants=(*self.earlier_grants, *grants_of(self.contact.customer_id, self.published)),
            earlier_participants=frozenset(
                person for escalation in self.ended for person in escalation.participants
            ),
        )

    def _record(self, decision: Decision) -> None:
        self.contact = decision.situation.contact
        escalation = decision.situation.escalation
        self.escalation = escalation and self._written(decision, escalation)
        self.ended += (self._written(decision, ended) for ended in decision.ended_escalations)
        self.complaints |= {complaint.complaint_id: complaint for complaint in decision.complaints}
        self.published += decision.events
        self.surprises += decision.surprises
        for event in decision.events:
            if isinstance(event, ClockEvent):
                self.folded_clocks = apply(self.folded_clocks, event)
        for change in decision.timers:
            slot = change.timer.slot if isinstance(change, Schedule) else change.slot
            if slot in self.timers:
                self.replaced_timers.append(self.timers.pop(slot))
            if isinstance(change, Schedule):
                self.timers[slot] = change
        self._check()

    @staticmethod
    def _written(decision: Decision, escalation: Escalation) -> Escalation:
        own = (
            event
            for event in decision.events
            if isinstance(event, EscalationsOwnEvent)
            and event.escalation_id == escalation.escalation_id
        )
        return with_participants(escalation, people_acting(own))

    def _check(self) -> None:
        """After each decision the timers are those that the state needs; clocks are a fold."""
        expected = timer_check.expected_timers(
            CONTACT, self.contact.clocks, self.escalation, self.contact.wait_ends_at
        )
        assert set(self.timers.values()) == set(expected)
        assert self.folded_clocks == self.contact.clocks

    def advance_to(self, now: float, lag: float = 0) -> None:
        """Let time pass; each timer fires `lag` seconds after it is due."""
        while due := [timer for timer in self.timers.values() if self._fires(timer, lag) <= now]:
            first = min(due, key=lambda schedule: schedule.due_at)
            self.now = max(self.now, self._fires(first, lag))
            del self.timers[first.timer.slot]
            self.send(first.timer)
        self.now = now

    @staticmethod
    def _fires(schedule: Schedule, lag: float) -> float:
        return (schedule.due_at - START).total_seconds() + lag

    def events(self, kind: type[E]) -> list[E]:
        return [event for event in self.published if isinstance(event, kind)]

    def event(self, kind: type[E]) -> E:
        (event,) = self.events(kind)
        return event

    def pages(self) -> list[tuple[str, str]]:
        """Return (person, reason) of each page."""
        return [(page.person_id, page.reason) for page in self.events(PageRequested)]

    @property
    def last_page(self) -> PageRequested:
        return self.events(PageRequested)[-1]

    def receive(self, happened: float | None = None) -> None:
        self.send(contact_received(self._when(happened)))

    def assign(self, happened: float | None = None) -> None:
        self.send(contact_assigned(self._when(happened)))

    def refer(self, happened: float | None = None) -> None:
        self.send(contact_referred(self._when(happened)))

    def reply(self, happened: float | None = None, *, automatic: bool = False) -> None:
        self.send(
            RepresentativeReplied(
                contact_id=CONTACT,
                occurred_at=self._when(happened),
                message_id=MessageId("m"),
                automatic=automatic,
            )
        )

    def write(self, happened: float | None = None, *, automatic: bool = False) -> None:
        self.send(
            CustomerWrote(
                contact_id=CONTACT,
                occurred_at=self._when(happened),
                message_id=MessageId("w"),
                excerpt="And now?",
                automatic=automatic,
            )
        )

    def wait_for_customer(self, happened: float | None = None) -> None:
        self.send(WaitingOnCustomer(contact_id=CONTACT, occurred_at=self._when(happened)))

    def end_wait(self, happened: float | None = None, *, cause: WaitEnd = "opened") -> None:
        at = self._when(happened)
        self.send(WaitingOnCustomerEnded(contact_id=CONTACT, occurred_at=at, cause=cause))

    def prioritize(self, priority: Priority, happened: float | None = None) -> None:
        self.send(
            ContactPrioritized(
                contact_id=CONTACT,
                occurred_at=self._when(happened),
                priority=priority,
                reason="the press is on the line",
            )
        )

    def ask_for_supervisor(self) -> None:
        self.send(SupervisorRequested(contact_id=CONTACT, occurred_at=self.at, quote="Your boss!"))

    def resolve(self, happened: float | None = None) -> None:
        self.send(contact_resolved(self._when(happened)))

    def abandon(self, happened: float | None = None, reason: str | None = None) -> None:
        at = self._when(happened)
        self.send(ContactAbandoned(contact_id=CONTACT, occurred_at=at, reason=reason))

    def reopen(self, happened: float | None = None) -> None:
        self.send(
            ContactReopened(contact_id=CONTACT, occurred_at=self._when(happened), reason="again")
        )

    def complain(self, about: PersonId, by: PersonId = DAN) -> None:
        """Complain about a person who had the contact."""
        people = last_people(self.contact.representatives, (about,))
        self.contact = replace(self.contact, representatives=people)
        self.apply(partial(reactions.complain, by=by, about=about, reason="was rude"))

    def press(self, person: PersonId, action: str = "acknowledge", **more: object) -> None:
        """Choose an action in the last page of the escalation."""
        page = next(p for p in reversed(self.events(PageRequested)) if p.escalation_id)
        self.send(
            msgspec.convert(
                {
                    "contact_id": CONTACT,
                    "occurred_at": self.at,
                    "notification_id": NotificationId("n"),
                    "page_id": PageId("p"),
                    "person_id": person,
                    "escalation_id": page.escalation_id,
                    "action": action,
                    "medium": "slack",
                    **more,
                },
                NotificationActedOn,
            )
        )

    def _when(self, happened: float | None) -> datetime:
        return self.at if happened is None else second(happened)

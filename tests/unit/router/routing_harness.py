"""Applies decisions of the domain as the unit of work does, in memory."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from common.contracts.assignments import (
    AssignmentCompleted,
    AssignmentReleased,
    ContactAssigned,
    ContactOffered,
    ContactQueued,
    OfferDeclined,
    OfferExpired,
)
from common.contracts.contacts import (
    ContactAbandoned,
    ContactPrioritized,
    ContactReceived,
    ContactReopened,
    ContactResolved,
    Customer,
    Priority,
)
from common.contracts.escalations import (
    EscalationHandedBack,
    EscalationResolved,
    EscalationTakenOver,
)
from common.contracts.event import ContactId, CustomerId, EscalationId, Event, PersonId, TeamId
from common.messages import Cancel, Schedule, Timer
from router.domain import reactions
from router.domain.assignments import WAITING, Assignment, Decision, State
from router.domain.routing.fallback import place_in_queue
from router.domain.routing.matching import match
from router.domain.routing.pool import AvailabilityPool
from router.domain.routing.strategies import RoutingPolicy
from router.domain.staffing.adjustments import AdjustmentEntry
from router.domain.staffing.people import Person
from router.domain.staffing.presence import set_presence
from router.domain.staffing.representatives import (
    Representative,
    StaffingChange,
    Workload,
    adjust,
    follow_person,
    set_workload,
)
from unit.router.plain_matching import match_plainly

POLICY = RoutingPolicy(team_wait=timedelta(minutes=1))
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ESCALATION = EscalationId("e1")
MIA = PersonId("mia")


class RoutingHarness:
    def __init__(self) -> None:
        self.at = START
        self.assignments: dict[ContactId, Assignment] = {}
        self.entries: dict[PersonId, Person] = {}
        self.people: dict[PersonId, Representative] = {}
        self.adjustments: dict[PersonId, AdjustmentEntry | None] = {}
        self.pool = AvailabilityPool(POLICY)
        self.timers: dict[tuple[ContactId, str], tuple[datetime, Timer]] = {}
        self.live: dict[ContactId, PersonId] = {}

    def record(self, decision: Decision) -> None:
        for assignment in decision.assignments:
            self.assignments[assignment.contact_id] = assignment
        for person in decision.representatives:
            before = self.people.get(person.representative_id)
            if before and person.load > before.load:
                assert person.load <= person.capacity, "given more than its capacity"
                needs = [contact.need for contact in decision.assignments if contact.need]
                assert all(map(person.fits, needs)), "given what it does not take"
            self.people[person.representative_id] = person
            self.pool.put(person)
        for event in decision.events:
            self.publish(event)
        for change in decision.timers:
            match change:
                case Schedule(timer, due_at):
                    self.timers[timer.contact_id, timer.slot] = (due_at, timer)
                case Cancel(contact_id, slot):
                    self.timers.pop((contact_id, slot), None)

    def hire(
        self,
        person_id: PersonId,
        skills: Sequence[str],
        languages: Sequence[str],
        workload: Workload,
        team: str = "front",
    ) -> None:
        """Add an available representative."""
        entry = self.entries[person_id] = Person(
            "R",
            person_id=person_id,
            version=1,
            roles=("representative",),
            team_id=TeamId(team),
            skills=tuple(skills),
            languages=tuple(languages),
        )
        new = follow_person(None, entry, at=self.at)
        assert new
        added = set_workload(new.representative, workload, at=self.at).representative
        self.record_staffing(set_presence(added, "available", at=self.at))

    def adjust(self, person_id: PersonId, adjustment: AdjustmentEntry | None) -> None:
        self.adjustments[person_id] = adjustment
        current, entry = self.people[person_id], self.entries[person_id]
        self.record_staffing(adjust(current, entry, adjustment, at=self.at))

    def record_staffing(self, change: StaffingChange) -> None:
        self.record(Decision(representatives=(change.representative,), events=change.events))
        self.place("queued")

    def place(self, state: State) -> None:
        """Choose the queues of these contacts, as the unit of work does."""
        for contact in list(self.assignments.values()):
            if contact.state == state and (
                state == "seeking"
                or contact.unserved_need
                or (contact.need and not self.pool.serves(contact.need))
            ):
                self.record(place_in_queue(contact, self.pool.serves, POLICY, at=self.at))

    def publish(self, event: Event) -> None:
        """Follow the events alone, as a consumer would."""
        match event:
            case ContactOffered(contact_id=contact_id, representative_id=person):
                assert contact_id not in self.live, "offered while another has it"
                self.live[contact_id] = person
            case ContactAssigned(contact_id=contact_id, representative_id=person):
                assert self.live.setdefault(contact_id, person) == person, "two live assignments"
            case (
                OfferDeclined(contact_id=contact_id, representative_id=person)
                | OfferExpired(contact_id=contact_id, representative_id=person)
                | AssignmentReleased(contact_id=contact_id, representative_id=person)
            ):
                assert self.live.pop(contact_id) == person
            case AssignmentCompleted(contact_id=contact_id, representative_id=ended):
                assert self.live.pop(contact_id, None) == ended
            case ContactQueued(contact_id=contact_id):
                assert contact_id not in self.live, "queued while somebody has it"
            case _:
                pass

    def match(self) -> None:
        self.place("seeking")
        waiting = [
            assignment for assignment in self.assignments.values() if assignment.state in WAITING
        ]
        new_pool = AvailabilityPool(POLICY, self.people.values())
        expected = list(match(waiting, new_pool, POLICY, at=self.at))
        holders = match_plainly(waiting, self.people, at=self.at)
        decisions = list(match(waiting, self.pool, POLICY, at=self.at))
        assert decisions == expected, "the pool that lives on decides otherwise"
        decided = {each.contact_id: each for decision in decisions for each in decision.assignments}
        for contact_id, holder in holders.items():
            decided_holder = (
                decided[contact_id].representative_id if contact_id in decided else None
            )
            assert decided_holder == holder, "the pool decides otherwise than the plain rules"
        for decision in decisions:
            self.record(decision)

    def holder(self, contact_id: ContactId) -> Representative | None:
        assignment = self.assignments.get(contact_id)
        holder = assignment.representative_id if assignment else None
        return self.people[holder] if holder else None

    def receive(
        self,
        contact_id: ContactId,
        skill: str,
        language: str,
        priority: Any,
        team: str | None = None,
    ) -> None:
        event = ContactReceived(
            contact_id=contact_id,
            occurred_at=self.at,
            channel="chat",
            customer=Customer(customer_id=CustomerId("u1")),
            subject="?",
            topic_of_contact=skill,
            language=language,
            priority=priority,
            team=TeamId(team) if team else None,
        )
        current = self.assignments.get(contact_id)
        self.record(reactions.receive(current, event, at=self.at))

    def resolve(self, contact_id: ContactId, occurred_at: datetime) -> None:
        event = ContactResolved(contact_id=contact_id, occurred_at=occurred_at)
        current, holder = self.assignments.get(contact_id), self.holder(contact_id)
        self.record(reactions.resolve(current, holder, event, at=self.at))

    def abandon(self, contact_id: ContactId, occurred_at: datetime) -> None:
        event = ContactAbandoned(contact_id=contact_id, occurred_at=occurred_at)
        current, holder = self.assignments.get(contact_id), self.holder(contact_id)
        self.record(reactions.abandon(current, holder, event, at=self.at))

    def reopen(self, contact_id: ContactId, occurred_at: datetime) -> None:
        event = ContactReopened(contact_id=contact_id, occurred_at=occurred_at, reason="again")
        self.record(reactions.reopen(self.assignments.get(contact_id), event, at=self.at))

    def take_over(self, contact_id: ContactId, occurred_at: datetime) -> None:
        event = EscalationTakenOver(
            contact_id=contact_id, occurred_at=occurred_at, escalation_id=ESCALATION, by=MIA
        )
        current, holder = self.assignments.get(contact_id), self.holder(contact_id)
        self.record(reactions.take_over(current, holder, event, at=self.at))

    def hand_back(self, contact_id: ContactId, occurred_at: datetime) -> None:
        event = EscalationHandedBack(
            contact_id=contact_id,
            occurred_at=occurred_at,
            escalation_id=ESCALATION,
            by=MIA,
            guidance="Do it so.",
        )
        self.record(reactions.hand_back(self.assignments.get(contact_id), event, at=self.at))

    def end_escalation(self, contact_id: ContactId, occurred_at: datetime) -> None:
        event = EscalationResolved(
            contact_id=contact_id,
            occurred_at=occurred_at,
            escalation_id=ESCALATION,
            by=MIA,
            outcome="apology",
            level=0,
            note="Explained.",
        )
        current = self.assignments.get(contact_id)
        self.record(reactions.end_escalation(current, event, at=self.at))

    def prioritize(self, contact_id: ContactId, priority: Priority) -> None:
        event = ContactPrioritized(
            contact_id=contact_id, occurred_at=self.at, priority=priority, reason="asked"
        )
        self.record(reactions.prioritize(self.assignments.get(contact_id), event))

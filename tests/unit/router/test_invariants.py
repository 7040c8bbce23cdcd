"""Properties of the routing that hold after any events in any order."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

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
from common.contracts.people import Presence
from common.messages import Cancel, Schedule, Timer
from router.domain import actions, reactions, timeouts
from router.domain.assignments import ENDED, WAITING, Assignment, Decision
from router.domain.routing.matching import match
from router.domain.routing.strategies import RoutingPolicy
from router.domain.staffing import representatives
from router.domain.staffing.presence import set_presence
from router.domain.staffing.representatives import Profile, Representative, StaffingChange
from router.domain.timers import ExclusionEnds, OfferExpires

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SKILLS = ("billing", "orders", "returns")
LANGUAGES = ("en", "de")
ESCALATION = EscalationId("e1")
MIA = PersonId("mia")


class RoutingHarness:
    """Applies decisions as the unit of work does, in plain dictionaries."""

    def __init__(self) -> None:
        self.at = START
        self.assignments: dict[ContactId, Assignment] = {}
        self.people: dict[PersonId, Representative] = {}
        self.timers: dict[tuple[ContactId, str], tuple[datetime, Timer]] = {}
        self.live: dict[ContactId, PersonId] = {}

    def record(self, decision: Decision) -> None:
        for assignment in decision.assignments:
            self.assignments[assignment.contact_id] = assignment
        for person in decision.representatives:
            before = self.people.get(person.representative_id)
            if before and person.load > before.load:
                assert person.load <= person.capacity, "given more than its capacity"
            self.people[person.representative_id] = person
        for event in decision.events:
            self.publish(event)
        for change in decision.timers:
            match change:
                case Schedule(timer, due_at):
                    self.timers[timer.contact_id, timer.slot] = (due_at, timer)
                case Cancel(contact_id, slot):
                    self.timers.pop((contact_id, slot), None)

    def record_staffing(self, change: StaffingChange) -> None:
        self.record(Decision(representatives=(change.representative,), events=change.events))

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

    def match(self) -> None:
        waiting = [
            assignment for assignment in self.assignments.values() if assignment.state in WAITING
        ]
        for decision in match(waiting, self.people.values(), RoutingPolicy(), at=self.at):
            self.record(decision)

    def holder(self, contact_id: ContactId) -> Representative | None:
        assignment = self.assignments.get(contact_id)
        holder = assignment.representative_id if assignment else None
        return self.people[holder] if holder else None

    def receive(self, contact_id: ContactId, skill: str, language: str, priority: Any) -> None:
        event = ContactReceived(
            contact_id=contact_id,
            occurred_at=self.at,
            channel="chat",
            customer=Customer(customer_id=CustomerId("u1")),
            subject="?",
            topic_of_contact=skill,
            language=language,
            priority=priority,
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
            note="Explained.",
        )
        current = self.assignments.get(contact_id)
        self.record(reactions.end_escalation(current, event, at=self.at))

    def prioritize(self, contact_id: ContactId, priority: Priority) -> None:
        event = ContactPrioritized(
            contact_id=contact_id, occurred_at=self.at, priority=priority, reason="asked"
        )
        self.record(reactions.prioritize(self.assignments.get(contact_id), event))


def profile(skills: Sequence[str], languages: Sequence[str], capacity: int, auto: bool) -> Profile:  # noqa: FBT001
    return Profile(
        name="R",
        team_id=TeamId("front"),
        skills=tuple(skills),
        languages=tuple(languages),
        capacity=capacity,
        auto_accept=auto,
    )


people = st.sampled_from([PersonId(f"r{n}") for n in range(4)])
contacts = st.sampled_from([ContactId(f"c{n}") for n in range(8)])
capacities = st.integers(1, 3)


class RoutingMachine(RuleBasedStateMachine):
    """Every rule is one message of a batch. `match` ends the batch, as the flush does."""

    @initialize(
        skills=st.lists(st.sets(st.sampled_from(SKILLS), min_size=1), min_size=4, max_size=4),
        languages=st.lists(st.sets(st.sampled_from(LANGUAGES), min_size=1), min_size=4, max_size=4),
        capacity=capacities,
    )
    def start(self, skills: list[set[str]], languages: list[set[str]], capacity: int) -> None:
        self.harness = RoutingHarness()
        self.is_matched = True
        for n in range(4):
            person = PersonId(f"r{n}")
            terms = profile(sorted(skills[n]), sorted(languages[n]), capacity, n % 2 == 0)
            added = representatives.upsert(None, person, terms, at=START).representative
            self.harness.record_staffing(set_presence(added, "available", at=START))

    def act(self, decision: Decision) -> None:
        self.harness.record(decision)
        self.is_matched = False

    @rule(person=people, presence=st.sampled_from(["available", "away", "offline"]))
    def change_presence(self, person: PersonId, presence: Presence) -> None:
        current = self.harness.people[person]
        self.harness.record_staffing(set_presence(current, presence, at=self.harness.at))
        self.is_matched = False

    @rule(person=people, capacity=capacities)
    def change_capacity(self, person: PersonId, capacity: int) -> None:
        current = self.harness.people[person]
        terms = profile(current.skills, current.languages, capacity, current.auto_accept)
        change = representatives.upsert(current, person, terms, at=self.harness.at)
        self.harness.record_staffing(change)
        self.is_matched = False

    @rule(
        contact=contacts,
        skill=st.sampled_from(SKILLS),
        language=st.sampled_from(LANGUAGES),
        priority=st.sampled_from(["low", "urgent"]),
    )
    def receive(self, contact: ContactId, skill: str, language: str, priority: str) -> None:
        self.harness.receive(contact, skill, language, priority)
        self.is_matched = False

    @rule(contact=contacts)
    def resolve(self, contact: ContactId) -> None:
        self.harness.resolve(contact, self.harness.at)
        self.is_matched = False

    @rule(contact=contacts)
    def abandon(self, contact: ContactId) -> None:
        self.harness.abandon(contact, self.harness.at)
        self.is_matched = False

    @rule(contact=contacts)
    def reopen(self, contact: ContactId) -> None:
        self.harness.reopen(contact, self.harness.at)
        self.is_matched = False

    @rule(contact=contacts, late_s=st.integers(0, 60))
    def take_over(self, contact: ContactId, late_s: int) -> None:
        occurred_at = self.harness.at - timedelta(seconds=late_s)
        self.harness.take_over(contact, occurred_at)
        self.is_matched = False

    @rule(contact=contacts)
    def hand_back(self, contact: ContactId) -> None:
        self.harness.hand_back(contact, self.harness.at)
        self.is_matched = False

    @rule(contact=contacts)
    def end_escalation(self, contact: ContactId) -> None:
        self.harness.end_escalation(contact, self.harness.at)
        self.is_matched = False

    @rule(contact=contacts, priority=st.sampled_from(get_args(Priority)))
    def prioritize(self, contact: ContactId, priority: Priority) -> None:
        self.harness.prioritize(contact, priority)
        self.is_matched = False

    @rule(contact=contacts, accepts=st.booleans())
    def answer(self, contact: ContactId, accepts: bool) -> None:  # noqa: FBT001
        current, holder = self.harness.assignments.get(contact), self.harness.holder(contact)
        if current is None or current.state != "offered":
            return
        if accepts:
            self.act(actions.accept(current, holder, at=self.harness.at))
        else:
            self.act(actions.decline(current, holder, "busy", at=self.harness.at))

    @rule(contact=contacts, action=st.sampled_from(["complete", "release", "refer"]))
    def work(self, contact: ContactId, action: str) -> None:
        current, holder = self.harness.assignments.get(contact), self.harness.holder(contact)
        at = self.harness.at
        if current is None or current.state != "assigned":
            return
        if action == "complete":
            self.act(actions.complete(current, holder, at=at))
        elif action == "release":
            self.act(actions.release(current, holder, "returned", "shift ends", at=at))
        elif current.referral is None:
            self.act(actions.refer(current, holder, "too hard", at=at))

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        self.harness.at += timedelta(seconds=seconds)

    @rule()
    def fire(self) -> None:
        due = [timer for due_at, timer in self.harness.timers.values() if due_at <= self.harness.at]
        for timer in due:
            del self.harness.timers[timer.contact_id, timer.slot]
            current = self.harness.assignments.get(timer.contact_id)
            match timer:
                case OfferExpires():
                    holder = self.harness.holder(timer.contact_id)
                    decided = timeouts.expire_offer(current, holder, timer, at=self.harness.at)
                case _:
                    decided = timeouts.end_exclusion(current)
            self.act(decided)

    @precondition(lambda self: not self.is_matched)
    @rule()
    def match(self) -> None:
        self.harness.match()
        self.is_matched = True

    @invariant()
    def load_counts_the_contacts_of_each_representative(self) -> None:
        loads = Counter(
            assignment.representative_id for assignment in self.harness.assignments.values()
        )
        for person in self.harness.people.values():
            assert person.load == loads[person.representative_id] <= person.load_limit

    @invariant()
    def holder_fits_and_is_the_person_in_the_events(self) -> None:
        holders = {}
        for assignment in self.harness.assignments.values():
            has_holder = assignment.representative_id is not None
            assert has_holder == (assignment.state in ("offered", "assigned"))
            if assignment.representative_id:
                holders[assignment.contact_id] = assignment.representative_id
                assert assignment.need
                assert self.harness.people[assignment.representative_id].fits(assignment.need)
        assert holders == self.harness.live

    @invariant()
    def supervisor_is_recorded_for_each_contact_with_a_supervisor(self) -> None:
        for assignment in self.harness.assignments.values():
            assert assignment.state != "with_supervisor" or assignment.supervisor_id

    @invariant()
    def timers_belong_to_the_state(self) -> None:
        for assignment in self.harness.assignments.values():
            offer = self.harness.timers.get((assignment.contact_id, OfferExpires.type))
            assert (offer is not None) == (assignment.state == "offered")
            # Those left out get their turn: the exclusion has an end.
            exclusion = self.harness.timers.get((assignment.contact_id, ExclusionEnds.type))
            assert (exclusion is not None) == assignment.is_excluding

    @invariant()
    def ended_contact_has_no_timer_and_no_holder(self) -> None:
        for assignment in self.harness.assignments.values():
            if assignment.state in ENDED:
                assert assignment.contact_id not in self.harness.live
                assert not [key for key in self.harness.timers if key[0] == assignment.contact_id]

    @invariant()
    def no_contact_waits_while_a_representative_could_take_it(self) -> None:
        if not self.is_matched:
            return
        for assignment in self.harness.assignments.values():
            assert assignment.state != "seeking"
            if assignment.state != "queued":
                continue
            assert assignment.need
            assert not [
                person
                for person in self.harness.people.values()
                if person.free_slots
                and person.fits(assignment.need)
                and person.representative_id not in assignment.declined_by
            ]


RoutingMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60)
TestRouting = RoutingMachine.TestCase

History = list[tuple[str, datetime]]
FROM_INTAKE = ("receive", "resolve", "abandon", "reopen")


@st.composite
def histories(draw: st.DrawFn) -> tuple[History, History]:
    """Return one history in the order of time, and as two topics may deliver it."""
    happened: History = [("receive", START)]
    ended = taken_over = False
    for second in range(1, draw(st.integers(1, 7))):
        possible = ["reopen"] if ended else ["resolve", "abandon"]
        possible.append("take_over")
        if taken_over:
            # An escalation that ends while the contact is open resolves it: here only after that.
            possible += ["hand_back", "end"] if ended else ["hand_back"]
        event = draw(st.sampled_from(possible))
        ended = {"resolve": True, "abandon": True, "reopen": False}.get(event, ended)
        taken_over = {"take_over": True, "hand_back": False, "end": False}.get(event, taken_over)
        happened.append((event, START + timedelta(seconds=second)))
    from_intake = [entry for entry in happened if entry[0] in FROM_INTAKE]
    from_escalation = [entry for entry in happened if entry[0] not in FROM_INTAKE]
    delivered: History = []
    while from_intake or from_escalation:
        first = from_intake if draw(st.booleans()) else from_escalation
        delivered.append((first or from_intake or from_escalation).pop(0))
    return happened, delivered


@settings(max_examples=300)
@given(histories(), st.booleans())
def test_order_across_topics_does_not_change_the_result(
    orders: tuple[History, History],
    batched: bool,  # noqa: FBT001
) -> None:
    happened, delivered = orders
    assert outcome(happened, batched=False) == outcome(delivered, batched=batched)


def deliver(harness: RoutingHarness, contact: ContactId, event: str, occurred_at: datetime) -> None:
    match event:
        case "receive":
            harness.receive(contact, "billing", "en", "normal")
        case "resolve":
            harness.resolve(contact, occurred_at)
        case "abandon":
            harness.abandon(contact, occurred_at)
        case "reopen":
            harness.reopen(contact, occurred_at)
        case "take_over":
            harness.take_over(contact, occurred_at)
        case "hand_back":
            harness.hand_back(contact, occurred_at)
        case "end":
            harness.end_escalation(contact, occurred_at)


def outcome(history: History, *, batched: bool) -> tuple[object, ...]:
    harness = RoutingHarness()
    rita = PersonId("rita")
    terms = profile(["billing"], ["en"], 1, auto=True)
    added = representatives.upsert(None, rita, terms, at=START).representative
    harness.record_staffing(set_presence(added, "available", at=START))
    contact = ContactId("c1")
    for event, occurred_at in history:
        deliver(harness, contact, event, occurred_at)
        if not batched:
            harness.match()
    harness.match()
    final = harness.assignments[contact]
    return (
        final.state,
        final.representative_id,
        final.supervisor_id,
        harness.people[rita].load,
        sorted(harness.timers),
    )

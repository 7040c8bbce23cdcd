"""Whatever happens in whatever order, the floor stays right."""

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
from router.domain import assignments, representatives
from router.domain.assignments import WAITING, Assignment, Decision, OfferExpires, RoundEnds
from router.domain.matching import match
from router.domain.representatives import Presence, Profile, Representative

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SKILLS = ("billing", "orders", "returns")
LANGUAGES = ("en", "de")
ESCALATION = EscalationId("e1")
MIA = PersonId("mia")


class Desk:
    """What the unit of work does with decisions, in plain dictionaries."""

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

    def publish(self, event: Event) -> None:
        """Follow the facts alone, as a consumer would."""
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

    def settle(self) -> None:
        waiting = [one for one in self.assignments.values() if one.state in WAITING]
        for decision in match(waiting, self.people.values(), at=self.at):
            self.record(decision)

    def holder(self, contact_id: ContactId) -> Representative | None:
        assignment = self.assignments.get(contact_id)
        held_by = assignment.representative_id if assignment else None
        return self.people[held_by] if held_by else None

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
        known = self.assignments.get(contact_id)
        self.record(assignments.receive(known, event, at=self.at))

    def resolve(self, contact_id: ContactId, occurred_at: datetime) -> None:
        event = ContactResolved(contact_id=contact_id, occurred_at=occurred_at)
        known, holder = self.assignments.get(contact_id), self.holder(contact_id)
        self.record(assignments.resolve(known, holder, event, at=self.at))

    def reopen(self, contact_id: ContactId, occurred_at: datetime) -> None:
        event = ContactReopened(contact_id=contact_id, occurred_at=occurred_at, reason="again")
        self.record(assignments.reopen(self.assignments.get(contact_id), event, at=self.at))

    def take_over(self, contact_id: ContactId, occurred_at: datetime) -> None:
        event = EscalationTakenOver(
            contact_id=contact_id, occurred_at=occurred_at, escalation_id=ESCALATION, by=MIA
        )
        known, holder = self.assignments.get(contact_id), self.holder(contact_id)
        self.record(assignments.take_over(known, holder, event, at=self.at))

    def hand_back(self, contact_id: ContactId, occurred_at: datetime) -> None:
        event = EscalationHandedBack(
            contact_id=contact_id,
            occurred_at=occurred_at,
            escalation_id=ESCALATION,
            by=MIA,
            guidance="Do it so.",
        )
        self.record(assignments.hand_back(self.assignments.get(contact_id), event, at=self.at))

    def end_upstairs(self, contact_id: ContactId, occurred_at: datetime) -> None:
        event = EscalationResolved(
            contact_id=contact_id,
            occurred_at=occurred_at,
            escalation_id=ESCALATION,
            by=MIA,
            outcome="apology",
            note="Explained.",
        )
        known = self.assignments.get(contact_id)
        self.record(assignments.end_upstairs(known, event, at=self.at))

    def prioritize(self, contact_id: ContactId, priority: Priority) -> None:
        event = ContactPrioritized(
            contact_id=contact_id, occurred_at=self.at, priority=priority, reason="asked"
        )
        self.record(assignments.prioritize(self.assignments.get(contact_id), event))


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


class FloorMachine(RuleBasedStateMachine):
    """Every rule is one message of a batch; `settle` ends the batch, as the flush does."""

    @initialize(
        skills=st.lists(st.sets(st.sampled_from(SKILLS), min_size=1), min_size=4, max_size=4),
        languages=st.lists(st.sets(st.sampled_from(LANGUAGES), min_size=1), min_size=4, max_size=4),
        capacity=capacities,
    )
    def open(self, skills: list[set[str]], languages: list[set[str]], capacity: int) -> None:
        self.desk = Desk()
        self.settled = True
        for n in range(4):
            person = PersonId(f"r{n}")
            shown = profile(sorted(skills[n]), sorted(languages[n]), capacity, n % 2 == 0)
            hired = representatives.describe(None, person, shown, at=START)
            available = representatives.appear(hired, "available", at=START)
            self.desk.record(Decision(representatives=(available,)))

    def act(self, decision: Decision) -> None:
        self.desk.record(decision)
        self.settled = False

    @rule(person=people, presence=st.sampled_from(["available", "away", "offline"]))
    def appear(self, person: PersonId, presence: Presence) -> None:
        seen = representatives.appear(self.desk.people[person], presence, at=self.desk.at)
        self.act(Decision(representatives=(seen,)))

    @rule(person=people, capacity=capacities)
    def change_capacity(self, person: PersonId, capacity: int) -> None:
        known = self.desk.people[person]
        shown = profile(known.skills, known.languages, capacity, known.auto_accept)
        changed = representatives.describe(known, person, shown, at=self.desk.at)
        self.act(Decision(representatives=(changed,)))

    @rule(
        contact=contacts,
        skill=st.sampled_from(SKILLS),
        language=st.sampled_from(LANGUAGES),
        priority=st.sampled_from(["low", "urgent"]),
    )
    def receive(self, contact: ContactId, skill: str, language: str, priority: str) -> None:
        self.desk.receive(contact, skill, language, priority)
        self.settled = False

    @rule(contact=contacts)
    def resolve(self, contact: ContactId) -> None:
        self.desk.resolve(contact, self.desk.at)
        self.settled = False

    @rule(contact=contacts)
    def reopen(self, contact: ContactId) -> None:
        self.desk.reopen(contact, self.desk.at)
        self.settled = False

    @rule(contact=contacts, late_s=st.integers(0, 60))
    def take_over(self, contact: ContactId, late_s: int) -> None:
        occurred_at = self.desk.at - timedelta(seconds=late_s)
        self.desk.take_over(contact, occurred_at)
        self.settled = False

    @rule(contact=contacts)
    def hand_back(self, contact: ContactId) -> None:
        self.desk.hand_back(contact, self.desk.at)
        self.settled = False

    @rule(contact=contacts)
    def end_upstairs(self, contact: ContactId) -> None:
        self.desk.end_upstairs(contact, self.desk.at)
        self.settled = False

    @rule(contact=contacts, priority=st.sampled_from(get_args(Priority)))
    def prioritize(self, contact: ContactId, priority: Priority) -> None:
        self.desk.prioritize(contact, priority)
        self.settled = False

    @rule(contact=contacts, accepts=st.booleans())
    def answer(self, contact: ContactId, accepts: bool) -> None:  # noqa: FBT001
        known, holder = self.desk.assignments.get(contact), self.desk.holder(contact)
        if known is None or known.state != "offered":
            return
        if accepts:
            self.act(assignments.accept(known, holder, at=self.desk.at))
        else:
            self.act(assignments.decline(known, holder, "busy", at=self.desk.at))

    @rule(contact=contacts, deed=st.sampled_from(["complete", "release", "refer"]))
    def work(self, contact: ContactId, deed: str) -> None:
        known, holder = self.desk.assignments.get(contact), self.desk.holder(contact)
        at = self.desk.at
        if known is None or known.state != "assigned":
            return
        if deed == "complete":
            self.act(assignments.complete(known, holder, at=at))
        elif deed == "release":
            self.act(assignments.release(known, holder, "shift ends", at=at))
        elif known.referral is None:
            self.act(assignments.refer(known, holder, "too hard", at=at))

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        self.desk.at += timedelta(seconds=seconds)

    @rule()
    def fire(self) -> None:
        due = [timer for due_at, timer in self.desk.timers.values() if due_at <= self.desk.at]
        for timer in due:
            del self.desk.timers[timer.contact_id, timer.slot]
            known = self.desk.assignments.get(timer.contact_id)
            match timer:
                case OfferExpires():
                    holder = self.desk.holder(timer.contact_id)
                    decided = assignments.expire(known, holder, timer, at=self.desk.at)
                case _:
                    decided = assignments.end_round(known)
            self.act(decided)

    @precondition(lambda self: not self.settled)
    @rule()
    def settle(self) -> None:
        self.desk.settle()
        self.settled = True

    @invariant()
    def loads_are_what_is_held(self) -> None:
        held = Counter(one.representative_id for one in self.desk.assignments.values())
        for person in self.desk.people.values():
            assert person.load == held[person.representative_id] <= person.load_limit

    @invariant()
    def who_holds_a_contact_fits_it_and_is_who_the_facts_name(self) -> None:
        held = {}
        for one in self.desk.assignments.values():
            assert (one.representative_id is not None) == (one.state in ("offered", "assigned"))
            if one.representative_id:
                held[one.contact_id] = one.representative_id
                assert one.need
                assert self.desk.people[one.representative_id].fits(one.need)
        assert held == self.desk.live

    @invariant()
    def what_is_with_a_supervisor_is_with_one(self) -> None:
        for one in self.desk.assignments.values():
            assert one.state != "with_supervisor" or one.supervisor_id

    @invariant()
    def every_offer_has_its_timer(self) -> None:
        for one in self.desk.assignments.values():
            timer = self.desk.timers.get((one.contact_id, OfferExpires.type))
            assert (timer is not None) == (one.state == "offered")

    @invariant()
    def nobody_waits_whom_a_free_representative_could_take(self) -> None:
        if not self.settled:
            return
        for one in self.desk.assignments.values():
            assert one.state != "seeking"
            if one.state != "queued":
                continue
            assert one.need
            assert not [
                person
                for person in self.desk.people.values()
                if person.places
                and person.fits(one.need)
                and person.representative_id not in one.passed
            ]
            # Those left out get their turn: the round has an end.
            assert not one.passed or (one.contact_id, RoundEnds.type) in self.desk.timers


FloorMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60)
TestFloor = FloorMachine.TestCase

Facts = list[tuple[str, datetime]]


@st.composite
def told_in_two_orders(draw: st.DrawFn) -> tuple[Facts, Facts]:
    """Return one history as it happened, and as two topics may deliver it."""
    happened: Facts = [("receive", START)]
    resolved = upstairs = False
    for second in range(1, draw(st.integers(1, 7))):
        possible = ["reopen" if resolved else "resolve", "take_over"]
        if upstairs:
            # What ends upstairs while it is open is resolved by that: here it is resolved before.
            possible += ["hand_back", "end"] if resolved else ["hand_back"]
        fact = draw(st.sampled_from(possible))
        resolved = {"resolve": True, "reopen": False}.get(fact, resolved)
        upstairs = {"take_over": True, "hand_back": False, "end": False}.get(fact, upstairs)
        happened.append((fact, START + timedelta(seconds=second)))
    from_intake = [one for one in happened if one[0] in ("receive", "resolve", "reopen")]
    from_escalation = [one for one in happened if one not in from_intake]
    delivered: Facts = []
    while from_intake or from_escalation:
        first = from_intake if draw(st.booleans()) else from_escalation
        delivered.append((first or from_intake or from_escalation).pop(0))
    return happened, delivered


@settings(max_examples=300)
@given(told_in_two_orders(), st.booleans())
def test_the_order_across_topics_does_not_matter(
    orders: tuple[Facts, Facts],
    batched: bool,  # noqa: FBT001
) -> None:
    happened, delivered = orders
    assert outcome(happened, batched=False) == outcome(delivered, batched=batched)


def hear(desk: Desk, contact: ContactId, fact: str, occurred_at: datetime) -> None:
    match fact:
        case "receive":
            desk.receive(contact, "billing", "en", "normal")
        case "resolve":
            desk.resolve(contact, occurred_at)
        case "reopen":
            desk.reopen(contact, occurred_at)
        case "take_over":
            desk.take_over(contact, occurred_at)
        case "hand_back":
            desk.hand_back(contact, occurred_at)
        case "end":
            desk.end_upstairs(contact, occurred_at)


def outcome(facts: Facts, *, batched: bool) -> tuple[object, ...]:
    desk = Desk()
    hired = representatives.describe(
        None, PersonId("rita"), profile(["billing"], ["en"], 1, auto=True), at=START
    )
    desk.record(Decision(representatives=(representatives.appear(hired, "available", at=START),)))
    contact = ContactId("c1")
    for fact, occurred_at in facts:
        hear(desk, contact, fact, occurred_at)
        if not batched:
            desk.settle()
    desk.settle()
    final = desk.assignments[contact]
    return (
        final.state,
        final.representative_id,
        final.supervisor_id,
        desk.people[PersonId("rita")].load,
    )

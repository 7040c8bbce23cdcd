"""Properties of the routing that hold after any events."""

from collections import Counter
from datetime import timedelta
from typing import get_args

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from common.contracts.contacts import (
    Priority,
)
from common.contracts.event import ContactId, PersonId, TeamId
from common.contracts.people import Presence
from router.domain import actions, timeouts
from router.domain.assignments import ENDED, WAITING, Decision
from router.domain.routing import queue
from router.domain.staffing.adjustments import AdjustmentEntry
from router.domain.staffing.presence import set_presence
from router.domain.staffing.representatives import Workload, follow_person, set_workload
from router.domain.timers import ExclusionEnds, OfferExpires, TeamWaitEnds
from unit.router.routing_harness import POLICY, RoutingHarness

SKILLS = ("billing", "orders", "returns")
LANGUAGES = ("en", "de")
TEAMS = ("front", "vip")


people = st.sampled_from([PersonId(f"r{n}") for n in range(4)])
contacts = st.sampled_from([ContactId(f"c{n}") for n in range(8)])
capacities = st.integers(1, 3)


class RoutingMachine(RuleBasedStateMachine):
    """Every rule is one message of a batch. `match` ends the batch, as the flush does."""

    @initialize(
        skills=st.lists(st.sets(st.sampled_from(SKILLS), min_size=1), min_size=4, max_size=4),
        languages=st.lists(st.sets(st.sampled_from(LANGUAGES), min_size=1), min_size=4, max_size=4),
        teams=st.lists(st.sampled_from(TEAMS), min_size=4, max_size=4),
        capacity=capacities,
    )
    def start(
        self, skills: list[set[str]], languages: list[set[str]], teams: list[str], capacity: int
    ) -> None:
        self.harness = RoutingHarness()
        self.is_matched = True
        for n in range(4):
            person = PersonId(f"r{n}")
            workload = Workload(capacity, auto_accept=n % 2 == 0)
            self.harness.hire(person, sorted(skills[n]), sorted(languages[n]), workload, teams[n])

    def act(self, decision: Decision) -> None:
        self.harness.record(decision)
        self.is_matched = False

    @rule(person=people, presence=st.sampled_from(["available", "away", "offline"]))
    def change_presence(self, person: PersonId, presence: Presence) -> None:
        current = self.harness.people[person]
        self.harness.record_staffing(set_presence(current, presence, at=self.harness.at))
        self.is_matched = False

    @rule(
        person=people,
        capacity=st.none() | capacities,
        added=st.sets(st.sampled_from(SKILLS)),
        only=st.none() | st.sampled_from(SKILLS),
    )
    def adjust(
        self, person: PersonId, capacity: int | None, added: set[str], only: str | None
    ) -> None:
        entry = AdjustmentEntry(
            "for today",
            self.harness.at + timedelta(hours=1),
            capacity=capacity,
            added_skills=tuple(added),
            only_skills=(only,) if only else (),
        )
        if self.harness.people[person].active and entry.fits(self.harness.entries[person]):
            self.harness.adjust(person, entry)
            self.is_matched = False

    @rule(person=people)
    def end_adjustment(self, person: PersonId) -> None:
        if self.harness.adjustments.get(person):
            self.harness.adjust(person, None)
            self.is_matched = False

    @rule(person=people, capacity=capacities, active=st.booleans(), team=st.sampled_from(TEAMS))
    def change_profile(self, person: PersonId, capacity: int, active: bool, team: str) -> None:
        current = self.harness.people[person]
        entry = replace(self.harness.entries[person], active=active, team_id=TeamId(team))
        self.harness.entries[person] = entry
        adjustment = self.harness.adjustments.get(person) if active else None
        followed = follow_person(current, entry, adjustment, at=self.harness.at)
        after = followed.representative if followed else current
        workload = Workload(capacity, current.auto_accept)
        change = set_workload(after, workload, adjustment, at=self.harness.at)
        self.harness.adjustments[person] = adjustment
        self.harness.record_staffing(change)
        self.is_matched = False

    @rule(
        contact=contacts,
        skill=st.sampled_from(SKILLS),
        language=st.sampled_from(LANGUAGES),
        priority=st.sampled_from(["low", "urgent"]),
        team=st.none() | st.sampled_from((*TEAMS, "nobody")),
    )
    def receive(
        self, contact: ContactId, skill: str, language: str, priority: str, team: str | None
    ) -> None:
        self.harness.receive(contact, skill, language, priority, team)
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
    def answer(self, contact: ContactId, accepts: bool) -> None:
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
                case TeamWaitEnds():
                    decided = queue.end_team_wait(current, POLICY, at=self.harness.at)
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
    def holder_is_the_person_in_the_events(self) -> None:
        holders = {}
        for assignment in self.harness.assignments.values():
            has_holder = assignment.representative_id is not None
            assert has_holder == (assignment.state in ("offered", "assigned"))
            if assignment.representative_id:
                holders[assignment.contact_id] = assignment.representative_id
                assert assignment.need
        assert holders == self.harness.live

    @invariant()
    def capacity_is_that_of_the_adjustment_or_the_usual_one(self) -> None:
        for person_id, person in self.harness.people.items():
            adjustment = self.harness.adjustments.get(person_id)
            capacity = adjustment.capacity if adjustment else None
            assert person.capacity == (capacity or person.usual_capacity)
            assert person.load_limit == max(person.capacity, person.load)

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
            # The wait for a team has an end.
            team_wait = self.harness.timers.get((assignment.contact_id, TeamWaitEnds.type))
            assert (team_wait is not None) == assignment.has_team_timer
            if team_wait:
                assert team_wait[0] == POLICY.team_wait_ends_at(assignment)

    @invariant()
    def contact_waits_for_its_team_only_while_somebody_of_it_takes_it(self) -> None:
        for assignment in self.harness.assignments.values():
            if assignment.has_team_timer:
                assert assignment.need
                assert any(
                    person.serves(assignment.need) for person in self.harness.people.values()
                )
            assert not assignment.waits_for_team or assignment.state in WAITING

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

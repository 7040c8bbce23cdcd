"""Ladder, leases, causes and clocks combined in any order: the invariants hold."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from common.contracts.clocks import ClocksStarted
from common.contracts.contacts import FeedbackReceived, Priority
from common.contracts.event import PersonId, Role
from common.contracts.page_subjects import Outcome
from escalation.domain.escalations import actions, approvals
from escalation.domain.money import Money, ProposedOutcome
from escalation.domain.settings.ladders import (
    Ladder,
    Level,
    NamedPerson,
    PersonOnDuty,
    ReportingLine,
)
from escalation.domain.settings.people import ApprovalLimit, Person
from escalation.domain.settings.policies import Match, RaiseRules, SlaPolicy, Target, ThresholdRule
from escalation.domain.settings.registry import Versioned
from escalation.domain.situation import Decide
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.contact_machine import ContactMachine
from unit.escalation.examples import DAN, MIA, RITA, SAM, SETTINGS

PEOPLE = st.sampled_from([SAM, MIA, DAN])
ROLES: dict[PersonId, Role] = {SAM: "supervisor", MIA: "manager", DAN: "admin"}
LADDER = Ladder(
    levels=(
        Level("supervisors", 5, (PersonOnDuty("duty", "supervisors"),), repeats=1),
        Level(
            "line",
            4,
            (
                ReportingLine("reporting_line"),
                NamedPerson("person", MIA),
                NamedPerson("person", DAN),
            ),
            ask="in_turn",
        ),
        Level("director", 7, (NamedPerson("person", DAN),)),
    ),
    lease_s=20,
    working_lease_s=60,
    warn_before_s=3,
    snooze_limit_s=30,
    snoozes=2,
)


def _policy(scale: float, *rules: ThresholdRule) -> SlaPolicy:
    return SlaPolicy(
        targets=(
            Target("assignment", 4 * scale, (ThresholdRule("warn_supervisor", 50),)),
            Target("first_response", 10 * scale, rules),
            Target("next_response", 8 * scale),
            Target("periodic_update", 25 * scale),
            Target("resolution", 100 * scale, (ThresholdRule("warn_supervisor", offset_s=-20),)),
            Target("acknowledgement", 6 * scale),
        ),
        ladder_id="default",
        severity="medium",
        raise_when=RaiseRules(feedback_at_most=2),
    )


RICH = replace(
    SETTINGS,
    policies={
        "any": Versioned(
            "any",
            1,
            _policy(
                1,
                ThresholdRule("warn_representative", 60),
                ThresholdRule("change_priority", 70, priority="urgent"),
                ThresholdRule("raise", 80),
            ),
        ),
        "urgent": Versioned("urgent", 2, replace(_policy(0.5), match=Match(priority=("urgent",)))),
    },
    ladders={"default": Versioned("default", 1, LADDER)},
    people={
        name: Versioned(name, 1, Person(reports_to=superior))
        for name, superior in ((RITA, SAM), (SAM, MIA), (MIA, DAN), (DAN, None))
    },
    limits={
        "supervisor": Versioned("supervisor", 1, ApprovalLimit({"EUR": Decimal(50)})),
        "manager": Versioned("manager", 1, ApprovalLimit({"EUR": Decimal(500)})),
    },
)


class CombinedMachine(ContactMachine):
    """All that people may do to an escalation, with every clock running."""

    def __init__(self) -> None:
        super().__init__()
        self.harness = ContactHarness(settings=RICH)
        self.harness.receive()

    @rule(act=st.sampled_from(["write", "wait_for_customer"]))
    def the_customer_has_the_word(self, act: str) -> None:
        if self.harness.contact.is_open:
            getattr(self.harness, act)()

    @rule(priority=st.sampled_from(["low", "urgent"]))
    def the_priority_changes(self, priority: Priority) -> None:
        self.harness.prioritize(priority)

    @rule(score=st.integers(1, 5))
    @precondition(lambda self: not self.harness.contact.is_open)
    def is_rated(self, score: int) -> None:
        feedback = FeedbackReceived(
            contact_id=self.harness.contact.contact_id, occurred_at=self.harness.at, score=score
        )
        self.harness.send(feedback)

    @rule(by=PEOPLE, act=st.sampled_from(["renew", "note", "coach", "mediate"]))
    def makes_progress(self, by: PersonId, act: str) -> None:
        steps: dict[str, Decide] = {
            "renew": partial(actions.renew_lease, by=by),
            "note": partial(actions.add_note, by=by, text="called back"),
            "coach": partial(actions.request_coaching, by=by, person_id=RITA, text="listen"),
            "mediate": partial(
                actions.mediate,
                by=by,
                customer_statement="charged twice",
                representative_statement="once",
                proposal="look it up",
            ),
        }
        # The clock of the database never gives two requests the same time.
        self.harness.advance_to(self.harness.now + 0.001)
        self._attempt(steps[act])

    @rule(by=PEOPLE, seconds=st.floats(1, 40))
    def snoozes(self, by: PersonId, seconds: float) -> None:
        until = self.harness.at + timedelta(seconds=seconds)
        self._attempt(partial(actions.snooze, by=by, until=until, reason="the bank is closed"))

    @rule(by=PEOPLE, to=PEOPLE)
    def hands_over(self, by: PersonId, to: PersonId) -> None:
        self._attempt(partial(actions.hand_over, by=by, to=to, context="knows the case"))

    @rule(by=PEOPLE, amount=st.sampled_from([None, 10, 100, 1000]))
    def settles(self, by: PersonId, amount: int | None) -> None:
        money = None if amount is None else Money(Decimal(amount), "EUR")
        outcome: Outcome = "apology" if money is None else "refund"
        settlement = ProposedOutcome(outcome, "settled", money)
        self._attempt(partial(approvals.resolve, by=by, role=ROLES[by], proposed=settlement))

    @rule(by=PEOPLE, yes=st.booleans())
    def decides_on_it(self, by: PersonId, yes: bool) -> None:
        step = (
            partial(approvals.approve, by=by, role=ROLES[by])
            if yes
            else partial(approvals.refuse, by=by, role=ROLES[by], reason="too much")
        )
        self._attempt(step)

    @rule(by=PEOPLE)
    @precondition(lambda self: self.harness.ended and self.harness.escalation is None)
    def is_opened_again(self, by: PersonId) -> None:
        ended = self.harness.ended[-1]
        self._attempt(
            partial(actions.reopen_escalation, ended=ended, by=by, reason="not what was agreed")
        )
        if self.harness.escalation is not None:
            del self.harness.ended[-1]
            self.opened_again.add(self.harness.escalation.escalation_id)

    @invariant()
    def only_the_open_one_waits(self) -> None:
        escalation = self.harness.escalation
        warning = self.harness.timers.get("escalation:warning")
        if escalation is None:
            assert warning is None
        elif warning is not None:
            assert escalation.holder is not None
            assert warning.due_at == escalation.warn_at
            assert escalation.deadline is not None
            assert warning.due_at <= escalation.deadline

    @invariant()
    def who_asked_does_not_approve(self) -> None:
        escalation = self.harness.escalation
        if escalation is not None and escalation.approval is not None:
            assert escalation.state == "approval_asked"
            assert escalation.approval.asked_by not in escalation.awaited[1:]

    @invariant()
    def each_run_of_a_clock_is_another(self) -> None:
        runs = [
            (clock.clock, clock.run)
            for event in self.harness.events(ClocksStarted)
            for clock in event.clocks
        ]
        assert len(runs) == len(set(runs))


CombinedMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestCombinedMachine = CombinedMachine.TestCase

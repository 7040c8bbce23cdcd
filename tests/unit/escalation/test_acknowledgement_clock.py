"""The acknowledgement clock follows the escalation: escalations themselves know no clocks."""

from dataclasses import replace
from functools import partial

import pytest

from common.contracts.clocks import ClockBreached, ClockCancelled, ClockMet, ClocksStarted
from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationCauseAdded,
    EscalationClosed,
    EscalationRaised,
    EscalationReopened,
    EscalationTakenOver,
    PageRequested,
)
from common.contracts.event import ContactEvent
from escalation.domain.clocks.acknowledgement import follow
from escalation.domain.escalations import actions, raising
from escalation.domain.model import EscalationCause
from escalation.domain.settings.policies import Target
from escalation.domain.settings.registry import Versioned
from escalation.domain.situation import Decision, Situation
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import CONTACT, MIA, POLICY, SAM, SETTINGS, second

TARGET = Target("acknowledgement", 6)
PROMISED = replace(
    SETTINGS, policies={"gold": Versioned("gold", 1, replace(POLICY, targets=(TARGET,)))}
)


@pytest.fixture
def harness() -> ContactHarness:
    harness = ContactHarness(PROMISED)
    harness.receive()
    return harness


def kinds(harness: ContactHarness, start: int = 0) -> list[type[ContactEvent]]:
    return [type(event) for event in harness.published[start:]]


def test_raising_decision_alone_starts_no_clock(harness: ContactHarness) -> None:
    situation = Situation(harness.contact, None, PROMISED, second(0))
    raised = raising.raise_or_merge(situation, EscalationCause("manual", "look", second(0), by=MIA))
    assert [type(event) for event in raised.events] == [EscalationRaised, PageRequested]
    followed = follow(raised)
    assert [type(event) for event in followed.events] == [
        EscalationRaised,
        ClocksStarted,
        PageRequested,
    ]
    assert raised.situation.contact.clocks == ()
    (clock,) = followed.situation.contact.clocks
    assert (clock.name, clock.due_at) == ("acknowledgement", second(6))


def test_clock_starts_after_all_causes_that_raised_together(harness: ContactHarness) -> None:
    causes = (
        EscalationCause("vip", "VIP customer", second(0)),
        EscalationCause("repeated_contact", "3 contacts", second(0)),
    )
    harness.apply(lambda situation: raising.raise_or_merge(situation, *causes))
    assert kinds(harness) == [
        EscalationRaised,
        EscalationCauseAdded,
        ClocksStarted,
        PageRequested,
    ]


@pytest.mark.parametrize(
    ("action", "event"),
    [(actions.acknowledge, EscalationAcknowledged), (actions.take_over, EscalationTakenOver)],
)
def test_answer_meets_clock(
    harness: ContactHarness, action: object, event: type[ContactEvent]
) -> None:
    harness.ask_for_supervisor()
    start = len(harness.published)
    harness.advance_to(2)
    harness.act(SAM, action)  # type: ignore[arg-type]  # one of the actions above
    assert kinds(harness, start) == [event, ClockMet]
    met = harness.event(ClockMet)
    assert (met.clock, met.met_at, met.run) == ("acknowledgement", second(2), 1)


def test_late_answer_breaches_clock_whose_timer_is_later(harness: ContactHarness) -> None:
    harness.ask_for_supervisor()
    start = len(harness.published)
    harness.now = 8
    harness.act(SAM, actions.acknowledge)
    assert kinds(harness, start)[:2] == [EscalationAcknowledged, ClockBreached]
    assert kinds(harness, start)[-1] == ClockMet


def test_end_without_answer_cancels_clock(harness: ContactHarness) -> None:
    harness.ask_for_supervisor()
    start = len(harness.published)
    harness.resolve()
    assert kinds(harness, start) == [EscalationClosed, ClockCancelled]
    assert harness.event(ClockCancelled).reason == "escalation closed"


def test_reopening_starts_next_run(harness: ContactHarness) -> None:
    harness.ask_for_supervisor()
    harness.press(SAM)
    harness.act(SAM, actions.hand_back, guidance="offer a credit")
    start = len(harness.published)
    reopen = partial(actions.reopen_escalation, ended=harness.ended[-1], by=MIA, reason="again")
    harness.apply(reopen)
    assert kinds(harness, start) == [EscalationReopened, ClocksStarted, PageRequested]
    assert harness.events(ClocksStarted)[-1].clocks[0].run == 2


def test_decision_about_other_things_stays_as_it_is(harness: ContactHarness) -> None:
    situation = Situation(harness.contact, None, PROMISED, second(0))
    decision = Decision(situation, surprises=("nobody_on_duty",))
    assert follow(decision) is decision
    assert harness.contact.contact_id == CONTACT

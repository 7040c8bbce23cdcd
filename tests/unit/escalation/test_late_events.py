"""Events of one contact that arrive late, or in another order than they happened."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from common.contracts.clocks import (
    ClockBreached,
    ClockMet,
    ClockWarned,
)
from common.contracts.escalations import (
    EscalationRaised,
    PageRequested,
)
from escalation.domain.settings.policies import Target, ThresholdRule
from escalation.domain.settings.registry import Versioned
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import POLICY, RITA, SAM, SETTINGS, START


@pytest.fixture
def harness() -> ContactHarness:
    return ContactHarness()


def test_reply_in_time_that_arrives_late_leaves_breach(breached: ContactHarness) -> None:
    breached.reply(happened=9)
    clock = breached.contact.clock("first_response")
    assert clock is not None
    assert clock.state == "breached"
    assert clock.met_at == START + timedelta(seconds=9)


def test_late_reply_breaches_before_its_late_timer(harness: ContactHarness) -> None:
    harness.receive()
    harness.assign()
    harness.now = 12
    harness.reply(happened=11)
    assert [event.clock for event in harness.events(ClockBreached)] == ["first_response"]
    harness.advance_to(13)
    assert len(harness.events(ClockBreached)) == 1
    assert len(harness.events(ClockWarned)) == 1


def test_overdue_assignment_is_not_charged_to_who_gets_the_contact(
    harness: ContactHarness,
) -> None:
    warned = ThresholdRule("warn_representative", 50)
    policy = replace(POLICY, targets=(Target("assignment", 10, (warned,)),))
    harness.settings = replace(SETTINGS, policies={"gold": Versioned("gold", 3, policy)})
    harness.receive()
    harness.now = 12
    harness.assign()
    assert [(page.person_id, page.reason) for page in harness.events(PageRequested)] == [
        (SAM, "warning"),
        (SAM, "raised"),
        (SAM, "met"),
    ]
    assert harness.event(ClockBreached).representative_id is None
    assert harness.event(ClockMet).representative_id == RITA


def test_reply_from_clock_ahead_fires_nothing_early(harness: ContactHarness) -> None:
    harness.receive()
    harness.assign()
    harness.advance_to(9)
    harness.reply(happened=12)
    assert harness.events(ClockBreached) == []


def test_any_order_of_two_topics_ends_the_same() -> None:
    """Whatever comes first of two topics, the end is the same."""
    happened: tuple[tuple[str, Callable[[ContactHarness], None]], ...] = (
        ("contacts", lambda harness: harness.receive(happened=0)),
        ("contacts", lambda harness: harness.resolve(happened=3)),
        ("assignments", lambda harness: harness.assign(happened=1)),
        ("assignments", lambda harness: harness.refer(happened=2)),
    )
    ends = set()
    for order in permutations(happened):
        if order.index(happened[0]) > order.index(happened[1]):
            continue
        if order.index(happened[2]) > order.index(happened[3]):
            continue
        harness = ContactHarness(now=3.5)
        for _, tell in order:
            tell(harness)
        assert harness.escalation is None
        ends.add((harness.contact.representative_id, harness.contact.resolved_at))
        assert "escalation" not in harness.timers
    assert len(ends) == 1


def test_referral_before_contact_waits_for_it(harness: ContactHarness) -> None:
    harness.assign(happened=1)
    harness.refer(happened=2)
    assert harness.published == []
    harness.now = 3
    harness.receive(happened=0)
    assert harness.event(EscalationRaised).cause == "referral"
    assert harness.event(ClockMet).met_at == START + timedelta(seconds=1)


def test_referral_from_before_the_resolution_does_not_survive_reopening(
    harness: ContactHarness,
) -> None:
    harness.receive()
    harness.now = 10
    harness.resolve(happened=3)
    harness.refer(happened=2)
    harness.reopen()
    assert harness.escalation is None

"""An escalation climbs no further once all that it was raised for has been done, though late."""

from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from common.contracts.clocks import ClockBreached, ClockMet
from common.contracts.escalations import (
    EscalationCauseAdded,
    EscalationCausesMet,
    EscalationClimbed,
    EscalationClosed,
    EscalationRaised,
    EscalationUnanswered,
    PageRequested,
    WhenMet,
)
from escalation.domain.escalations import actions
from escalation.domain.settings.ladders import Ladder
from escalation.domain.settings.policies import SlaPolicy, Target, ThresholdRule
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.metrics import MetCausesMetrics
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import LADDER, MIA, POLICY, SAM, SETTINGS

TWO_PROMISES = replace(
    POLICY,
    targets=(Target("first_response", 10), Target("resolution", 14)),
    raise_when=POLICY.raise_when,
)
REPLY_ONLY = replace(POLICY, targets=(Target("first_response", 10),))


def settings(
    policy: SlaPolicy = REPLY_ONLY, when_met: WhenMet = "close", ladder: Ladder = LADDER
) -> Configuration:
    ladder = replace(ladder, when_met=when_met)
    return replace(
        SETTINGS,
        policies={"gold": Versioned("gold", 3, policy)},
        ladders={"default": Versioned("default", 1, ladder)},
    )


def raised(configuration: Configuration) -> ContactHarness:
    """Return a contact whose first response was due at 10 s."""
    harness = ContactHarness(configuration)
    harness.receive()
    harness.assign()
    harness.advance_to(10)
    assert harness.pages()[-1] == (SAM, "raised")
    return harness


def test_late_reply_closes_an_unacknowledged_escalation_and_tells_who_was_asked() -> None:
    harness = raised(settings())
    harness.advance_to(12)
    harness.reply()
    met = harness.event(EscalationCausesMet)
    assert (met.breached_clocks, met.when_met, met.level_name) == (
        ("first_response",),
        "close",
        "supervisors",
    )
    assert harness.event(EscalationClosed).reason == met.reason == "first reply sent late"
    assert harness.pages() == [(SAM, "raised"), (SAM, "met")]
    page = harness.last_page
    assert (page.escalation_id, page.respond_by, page.explanation) == (None, None, met.reason)
    assert page.causes[0].clock_state == "met_late"
    harness.advance_to(1000)
    assert harness.pages() == [(SAM, "raised"), (SAM, "met")]
    assert harness.timers == {}


def test_metric_counts_what_was_kept_late_and_in_time() -> None:
    registry = CollectorRegistry()
    metrics = MetCausesMetrics(registry)
    late = raised(settings())
    late.reply()
    metrics.observe(late.published)
    labels = {"kept": "late", "when_met": "close"}
    assert registry.get_sample_value("upstairs_escalations_met_total", labels) == 1


def test_promise_kept_late_stays_broken() -> None:
    harness = raised(settings())
    harness.reply()
    assert harness.event(ClockBreached).clock == "first_response"
    assert [clock.state for clock in harness.contact.clocks] == ["breached"]


def test_promise_kept_after_a_warning_was_kept_in_time() -> None:
    early = Target("first_response", 20, (ThresholdRule("raise", 50),))
    harness = raised(settings(replace(POLICY, targets=(early,))))
    harness.reply()
    met = harness.event(EscalationCausesMet)
    assert (met.breached_clocks, met.reason) == ((), "first reply sent in time")
    assert harness.escalation is None


def test_last_of_several_people_asked_is_told_but_not_those_of_the_level_below() -> None:
    harness = raised(settings())
    harness.advance_to(16)
    harness.reply()
    assert harness.pages() == [(SAM, "raised"), (MIA, "climbed"), (MIA, "met")]


def test_escalation_with_a_promise_that_is_still_broken_climbs_on() -> None:
    harness = raised(settings(TWO_PROMISES))
    harness.advance_to(14)
    assert [cause.cause for cause in harness.events(EscalationCauseAdded)] == ["breach"]
    harness.reply()
    assert harness.events(EscalationCausesMet) == []
    harness.advance_to(15)
    assert harness.event(EscalationClimbed).reason == "no answer from sam"


@pytest.mark.parametrize("cause", ["refer", "ask_for_supervisor"])
def test_escalation_that_a_person_wants_climbs_on(cause: str) -> None:
    harness = raised(settings())
    getattr(harness, cause)()
    harness.reply()
    assert harness.events(EscalationCausesMet) == []
    harness.advance_to(15)
    assert harness.events(EscalationClimbed)


def test_acknowledgement_that_is_late_is_no_reason_of_its_own() -> None:
    late = replace(REPLY_ONLY, targets=(*REPLY_ONLY.targets, Target("acknowledgement", 2)))
    harness = raised(settings(late))
    harness.advance_to(13)
    assert harness.event(EscalationCauseAdded).cause == "breach"
    harness.reply()
    assert harness.event(EscalationCausesMet).breached_clocks == ("first_response",)
    assert harness.escalation is None


def test_next_broken_promise_raises_another_escalation() -> None:
    harness = raised(settings(TWO_PROMISES))
    harness.reply()
    harness.advance_to(14)
    assert len(harness.events(EscalationRaised)) == 2
    assert harness.last_page.causes[0].clock == "resolution"


def test_breach_whose_timer_is_late_raises_and_closes_in_one() -> None:
    harness = ContactHarness(settings())
    harness.receive()
    harness.now = 12
    harness.reply()
    kinds = [type(event) for event in harness.published]
    assert kinds.index(EscalationRaised) < kinds.index(ClockMet) < kinds.index(EscalationClosed)
    assert harness.escalation is None


def test_held_escalation_is_left_to_its_holder() -> None:
    harness = raised(settings())
    harness.press(SAM)
    harness.reply()
    assert harness.events(EscalationCausesMet) == []
    assert harness.open_escalation.holder == SAM


def test_expired_lease_does_not_send_up_what_was_answered() -> None:
    harness = raised(settings())
    harness.press(SAM)
    harness.advance_to(12)
    harness.reply()
    harness.advance_to(30)
    assert harness.events(EscalationClimbed) == []
    assert harness.event(EscalationClosed).reason == "first reply sent late"
    assert harness.pages()[-1] == (SAM, "met")


def test_reopened_escalation_is_not_closed_by_a_clock() -> None:
    harness = raised(settings(TWO_PROMISES))
    harness.reply()
    (ended,) = harness.ended
    harness.apply(
        lambda situation: actions.reopen_escalation(situation, ended, MIA, "not what was agreed")
    )
    harness.ended.clear()
    harness.advance_to(14)
    harness.reply()
    assert len(harness.events(EscalationCausesMet)) == 1
    assert harness.open_escalation.state == "raised"


class TestStay:
    def test_escalation_stands_at_its_level_and_is_repeated_there_with_twice_the_time(self) -> None:
        harness = raised(settings(when_met="stay"))
        harness.advance_to(12)
        harness.reply()
        met = harness.event(EscalationCausesMet)
        assert met.when_met == "stay"
        assert met.reason == (
            "first reply sent late; it stays at supervisors until somebody acknowledges it"
        )
        page = harness.last_page
        assert (page.person_id, page.reason) == (SAM, "met")
        assert page.escalation_id == met.escalation_id
        assert page.respond_by is not None
        harness.advance_to(15 + 10 + 20)
        assert harness.pages()[2:] == [(SAM, "repeated")] * 3
        assert not harness.events(EscalationClimbed)
        assert not harness.events(EscalationUnanswered)
        harness.press(SAM)
        assert harness.open_escalation.holder == SAM

    def test_repeats_end(self) -> None:
        harness = raised(settings(when_met="stay", ladder=replace(LADDER, top_repeats=2)))
        harness.reply()
        harness.advance_to(100_000)
        assert harness.pages().count((SAM, "repeated")) == 2

    def test_new_reason_sends_it_on_again(self) -> None:
        harness = raised(settings(TWO_PROMISES, when_met="stay"))
        harness.reply()
        harness.advance_to(14)
        assert harness.pages() == [(SAM, "raised"), (SAM, "met"), (SAM, "updated")]
        assert harness.last_page.respond_by == harness.open_escalation.deadline
        harness.advance_to(14 + 5)
        assert harness.pages()[-1] == (MIA, "climbed")

    def test_expired_lease_returns_it_to_its_level(self) -> None:
        harness = raised(settings(when_met="stay"))
        harness.press(SAM)
        harness.reply()
        harness.advance_to(30)
        assert harness.pages()[-1] == (SAM, "repeated")
        assert harness.events(EscalationClimbed) == []
        pages = harness.events(PageRequested)
        assert len({page.page_id for page in pages}) == len(pages)

"""A policy says whether the promises of a reopened contact start again or run on."""

from typing import Literal

import pytest

from common.contracts.clocks import ClockBreached, ClockRetargeted, ClockWarned
from escalation.domain.clocks.events import ClockEvent
from escalation.domain.clocks.timeline import build_timeline
from escalation.domain.settings.policies import Target
from unit.escalation.clock_examples import clock_of, contact_with_clocks, due_s, warn_at
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import second


def _closed_at_97_percent(on_reopening: Literal["full", "continue"]) -> ContactHarness:
    harness = contact_with_clocks(
        Target("resolution", 100, (warn_at(50),)),
        Target("first_response", 200),
        Target("assignment", 200),
        on_reopening=on_reopening,
    )
    harness.receive()
    harness.advance_to(97)
    harness.resolve()
    harness.advance_to(1000)
    harness.reopen()
    return harness


def test_full_promise_after_reopening() -> None:
    harness = _closed_at_97_percent("full")
    assert (clock_of(harness, "resolution").run, due_s(harness, "resolution")) == (2, 1100)
    harness.advance_to(1050)
    assert len(harness.events(ClockWarned)) == 2


def test_continued_promise_has_only_the_time_that_was_left() -> None:
    harness = _closed_at_97_percent("continue")
    resolution = clock_of(harness, "resolution")
    assert (resolution.run, resolution.state, due_s(harness, "resolution")) == (1, "running", 1003)
    assert due_s(harness, "first_response") == 1103
    assert len(harness.events(ClockWarned)) == 1
    harness.advance_to(1003)
    assert harness.event(ClockBreached).clock == "resolution"
    assert len(harness.events(ClockWarned)) == 1


def test_assignment_starts_again_in_full_since_the_contact_is_queued_again() -> None:
    harness = _closed_at_97_percent("continue")
    assert (clock_of(harness, "assignment").run, due_s(harness, "assignment")) == (2, 1200)


def test_reply_that_was_given_is_not_continued() -> None:
    harness = contact_with_clocks(Target("first_response", 50), on_reopening="continue")
    harness.receive()
    harness.advance_to(40)
    harness.reply()
    harness.resolve()
    harness.advance_to(100)
    harness.reopen()
    assert (clock_of(harness, "first_response").run, due_s(harness, "first_response")) == (2, 150)


def test_broken_promise_starts_again_in_full() -> None:
    harness = contact_with_clocks(Target("resolution", 50), on_reopening="continue")
    harness.receive()
    harness.advance_to(60)
    harness.resolve()
    harness.advance_to(100)
    harness.reopen()
    assert (clock_of(harness, "resolution").run, due_s(harness, "resolution")) == (2, 150)


def test_promise_paused_at_the_end_continues_with_what_was_left() -> None:
    harness = contact_with_clocks(Target("resolution", 100), on_reopening="continue")
    harness.receive()
    harness.advance_to(30)
    harness.wait_for_customer()
    harness.advance_to(500)
    harness.abandon()
    harness.advance_to(1000)
    harness.reopen()
    assert due_s(harness, "resolution") == 1070


@pytest.mark.parametrize("on_reopening", ["full", "continue"])
def test_reopenings_are_counted(on_reopening: Literal["full", "continue"]) -> None:
    harness = _closed_at_97_percent(on_reopening)
    harness.resolve()
    harness.reopen()
    assert harness.contact.reopenings == 2


def test_timeline_says_that_the_time_before_counts() -> None:
    harness = _closed_at_97_percent("continue")
    assert harness.events(ClockRetargeted)[0].retargeted_at == second(1000)
    events = [event for event in harness.published if isinstance(event, ClockEvent)]
    texts = [entry.text for entry in build_timeline(events) if entry.clock == "resolution"]
    assert texts[-1] == (
        "runs on by policy gold v1 after 1 min 37 s, due 2026-03-02 09:16:43 UTC: "
        "contact reopened; the time before counts"
    )

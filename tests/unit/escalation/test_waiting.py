"""Clocks that pause for the customer run on, whatever ends the wait, and never pause for ever."""

import pytest

from common.contracts.clocks import ClockBreached, ClockPaused, ClockResumed
from common.contracts.contacts import WaitEnd
from escalation.domain.clocks.timeline import summarize
from escalation.domain.settings.policies import Target
from unit.escalation.clock_examples import clock_of, contact_with_clocks, due_s
from unit.escalation.contact_harness import ContactHarness

_DAY_S = 24 * 3600


@pytest.fixture
def waiting() -> ContactHarness:
    """Return a contact whose resolution clock pauses with 80 s left."""
    harness = contact_with_clocks(Target("resolution", 100))
    harness.receive()
    harness.advance_to(20)
    harness.wait_for_customer()
    harness.advance_to(50)
    return harness


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("customer_wrote", "the customer wrote"),
        ("representative_replied", "we replied"),
        ("opened", "it is our turn again"),
        ("on_hold", "we wait for somebody else than the customer"),
    ],
)
def test_every_end_of_the_wait_resumes_clocks(
    waiting: ContactHarness, cause: WaitEnd, reason: str
) -> None:
    waiting.end_wait(cause=cause)
    assert waiting.event(ClockResumed).reason == reason
    assert due_s(waiting, "resolution") == 130
    assert waiting.contact.waiting_since is None
    waiting.advance_to(130)
    assert waiting.event(ClockBreached).clock == "resolution"


def test_clock_that_starts_after_the_wait_does_not_pause(waiting: ContactHarness) -> None:
    waiting.end_wait()
    waiting.resolve()
    waiting.reopen()
    assert clock_of(waiting, "resolution").state == "running"


def test_second_report_of_the_end_changes_nothing(waiting: ContactHarness) -> None:
    waiting.write()
    waiting.advance_to(60)
    waiting.end_wait(cause="customer_wrote")
    assert len(waiting.events(ClockResumed)) == 1
    assert due_s(waiting, "resolution") == 130


def test_end_of_a_wait_without_wait_changes_nothing() -> None:
    harness = contact_with_clocks(Target("resolution", 100))
    harness.receive()
    harness.end_wait()
    assert harness.events(ClockResumed) == []


def test_automatic_message_of_the_customer_ends_no_wait(waiting: ContactHarness) -> None:
    waiting.write(automatic=True)
    assert clock_of(waiting, "resolution").state == "paused"
    assert waiting.contact.waiting_since is not None


def test_silent_customer_does_not_pause_clocks_for_ever(waiting: ContactHarness) -> None:
    waiting.advance_to(20 + 14 * _DAY_S)
    assert waiting.event(ClockResumed).reason == "the customer has not answered for 14 d"
    assert clock_of(waiting, "resolution").state == "running"
    waiting.advance_to(20 + 14 * _DAY_S + 80)
    assert waiting.event(ClockBreached).lateness_ms == 0


def test_policy_limits_the_wait() -> None:
    harness = contact_with_clocks(Target("resolution", 100), wait_limit_s=60)
    harness.receive()
    harness.wait_for_customer()
    harness.advance_to(59)
    assert clock_of(harness, "resolution").state == "paused"
    harness.advance_to(60)
    assert due_s(harness, "resolution") == 160


def test_new_wait_has_its_own_limit() -> None:
    harness = contact_with_clocks(Target("resolution", 1000), wait_limit_s=60)
    harness.receive()
    harness.wait_for_customer()
    harness.advance_to(30)
    harness.write()
    harness.advance_to(50)
    harness.wait_for_customer()
    harness.advance_to(109)
    assert clock_of(harness, "resolution").state == "paused"
    harness.advance_to(110)
    assert clock_of(harness, "resolution").state == "running"


def test_wait_of_an_ended_contact_has_no_limit(waiting: ContactHarness) -> None:
    waiting.resolve()
    assert waiting.timers == {}


def test_paused_clock_says_since_when_and_why(waiting: ContactHarness) -> None:
    clock = clock_of(waiting, "resolution")
    assert clock.pause_reason == waiting.event(ClockPaused).reason
    assert summarize(clock, waiting.at).endswith(
        "paused since 2026-03-02 09:00:20 UTC with 1 min 20 s left: waiting for the customer."
    )

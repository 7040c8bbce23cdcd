"""An abandoned contact is over: its clocks are cancelled and its escalation is closed."""

import msgspec
import pytest

from common.contracts.clocks import ClockBreached, ClockCancelled, ClockMet
from common.contracts.contacts import ContactDiscarded, ContactMerged
from common.contracts.escalations import EscalationClosed, EscalationRaised, PageRequested
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import CONTACT, DAN, RITA, SAM, second


def test_abandonment_cancels_all_clocks_and_timers() -> None:
    harness = ContactHarness()
    harness.receive()
    harness.advance_to(1)
    harness.abandon(reason="hung up")
    cancelled = harness.events(ClockCancelled)
    assert [event.clock for event in cancelled] == ["assignment", "first_response", "resolution"]
    assert {event.reason for event in cancelled} == {"contact abandoned: hung up"}
    assert {event.cancelled_at for event in cancelled} == {second(1)}
    assert harness.events(ClockMet) == []
    assert harness.timers == {}
    harness.advance_to(1000)
    assert harness.pages() == []


def test_abandonment_closes_escalation() -> None:
    harness = ContactHarness()
    harness.receive()
    harness.ask_for_supervisor()
    harness.press(SAM)
    harness.abandon()
    assert harness.event(EscalationClosed).reason == "contact abandoned"
    assert harness.escalation is None
    (ended,) = harness.ended
    assert (ended.state, ended.lease, ended.holder) == ("closed", None, SAM)
    assert harness.timers == {}


def test_complaint_outlives_abandonment() -> None:
    harness = ContactHarness()
    harness.receive()
    harness.assign()
    harness.complain(RITA, by=DAN)
    harness.abandon()
    assert harness.events(EscalationClosed) == []
    assert harness.escalation is not None


def test_abandoned_contact_ignores_further_requests() -> None:
    harness = ContactHarness()
    harness.receive()
    harness.abandon()
    harness.ask_for_supervisor()
    harness.refer()
    harness.write()
    assert harness.events(EscalationRaised) == []
    assert harness.events(PageRequested) == []


def test_threshold_due_before_abandonment_still_fires() -> None:
    harness = ContactHarness()
    harness.receive()
    harness.assign()
    harness.now = 12
    harness.abandon(happened=11)
    assert [event.clock for event in harness.events(ClockBreached)] == ["first_response"]


def test_reopening_after_abandonment_starts_resolution_clock() -> None:
    harness = ContactHarness()
    harness.receive()
    harness.abandon()
    harness.advance_to(5)
    harness.reopen()
    clock = harness.contact.clock("resolution")
    assert clock is not None
    assert (clock.run, clock.due_at, harness.contact.is_open) == (2, second(105), True)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (ContactDiscarded, "contact discarded: spam"),
        (ContactMerged, "contact merged into another one"),
    ],
)
def test_contact_that_is_no_work_has_no_clocks_and_no_escalation(
    end: type[ContactDiscarded] | type[ContactMerged], reason: str
) -> None:
    harness = ContactHarness()
    harness.receive()
    harness.ask_for_supervisor()
    fields = {"contact_id": CONTACT, "occurred_at": harness.at, "cause": "spam"}
    harness.send(msgspec.convert(fields, end))
    assert not harness.contact.is_open
    assert all(clock.ended for clock in harness.contact.clocks)
    assert harness.event(EscalationClosed).reason == reason
    assert harness.timers == {}

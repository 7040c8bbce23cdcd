"""Clocks start, pause, resume and are met as people write, reply and wait."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from common.contracts.clocks import (
    ClockBreached,
    ClockMet,
    ClockPaused,
    ClockResumed,
    ClockWarned,
)
from common.contracts.escalations import (
    EscalationCauseAdded,
    EscalationRaised,
)
from escalation.domain.duty.calendars import Calendar
from escalation.domain.escalations import actions
from escalation.domain.settings.policies import Match, Target, ThresholdRule
from escalation.domain.settings.registry import Versioned
from escalation.domain.timers import SettingChanged
from unit.escalation.clock_examples import (
    clock_of,
    contact_with_clocks,
    due_s,
    policy,
    settings_with_policies,
    warn_at,
)
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import CONTACT, SAM, START


class TestNextResponse:
    def test_next_response_starts_when_customer_writes_after_first_reply(self) -> None:
        harness = contact_with_clocks(Target("first_response", 100), Target("next_response", 10))
        harness.receive()
        harness.now = 1
        harness.write()
        assert harness.contact.clock("next_response") is None
        harness.now = 2
        harness.reply()
        harness.now = 5
        harness.write()
        harness.now = 9
        harness.write()
        assert due_s(harness, "next_response") == 15
        harness.now = 14
        harness.reply()
        assert clock_of(harness, "next_response").state == "met"

    def test_next_response_gets_new_run_after_each_reply(self) -> None:
        harness = contact_with_clocks(Target("next_response", 10))
        harness.receive()
        harness.reply()
        for start in (20, 40):
            harness.advance_to(start)
            harness.write()
            harness.advance_to(start + 12)
            harness.reply()
        assert [
            (event.due_at - START).total_seconds() for event in harness.events(ClockBreached)
        ] == [
            30,
            50,
        ]
        assert clock_of(harness, "next_response").run == 2
        assert len(harness.events(EscalationRaised)) == 1


class TestPeriodicUpdate:
    def test_reply_starts_next_periodic_update(self) -> None:
        harness = contact_with_clocks(Target("periodic_update", 60))
        harness.receive()
        for now in (70, 100, 150):
            harness.advance_to(now)
            harness.reply()
        assert harness.events(ClockBreached) == []
        assert (clock_of(harness, "periodic_update").run, due_s(harness, "periodic_update")) == (
            3,
            210,
        )
        harness.advance_to(210)
        assert harness.event(ClockBreached).clock == "periodic_update"

    def test_no_periodic_update_is_owed_before_the_first_reply(self) -> None:
        harness = contact_with_clocks(Target("periodic_update", 60), Target("resolution", 900))
        harness.receive()
        harness.reply(automatic=True)
        harness.prioritize("low")
        harness.resolve()
        harness.reopen()
        harness.advance_to(500)
        assert harness.contact.clock("periodic_update") is None
        harness.reply()
        assert due_s(harness, "periodic_update") == 560

    def test_periodic_update_starts_again_on_reopening(self) -> None:
        harness = contact_with_clocks(Target("periodic_update", 60))
        harness.receive()
        harness.advance_to(30)
        harness.reply()
        harness.resolve()
        harness.advance_to(500)
        harness.reopen()
        assert (clock_of(harness, "periodic_update").run, due_s(harness, "periodic_update")) == (
            2,
            560,
        )
        assert harness.events(ClockBreached) == []


class TestWaitingForTheCustomer:
    def test_customer_dependent_clocks_pause_and_resume(self) -> None:
        harness = contact_with_clocks(Target("resolution", 100, (warn_at(50),)))
        harness.receive()
        harness.assign()
        harness.advance_to(20)
        harness.wait_for_customer()
        assert harness.event(ClockPaused).elapsed_s == 20
        assert harness.timers.keys() == {"wait"}
        harness.advance_to(1000)
        harness.write()
        assert "wait" not in harness.timers
        assert harness.event(ClockResumed).reason == "the customer wrote"
        harness.advance_to(1029)
        assert harness.events(ClockWarned) == []
        harness.advance_to(1030)
        assert harness.event(ClockWarned).threshold_due_at == START + timedelta(seconds=1030)
        harness.advance_to(1080)
        assert harness.event(ClockBreached).lateness_ms == 0

    def test_other_clocks_run_while_waiting(self) -> None:
        harness = contact_with_clocks(
            Target("first_response", 10), Target("resolution", 20, runs_while_waiting=True)
        )
        harness.receive()
        harness.wait_for_customer()
        harness.advance_to(20)
        assert harness.events(ClockPaused) == []
        assert [event.clock for event in harness.events(ClockBreached)] == [
            "first_response",
            "resolution",
        ]

    def test_threshold_due_before_pause_still_fires(self) -> None:
        harness = contact_with_clocks(Target("resolution", 10))
        harness.receive()
        harness.now = 12
        harness.wait_for_customer(happened=11)
        assert harness.event(ClockBreached).lateness_ms == 2000
        assert clock_of(harness, "resolution").state == "breached"

    def test_update_sent_while_waiting_counts_next_from_customer_message(
        self,
    ) -> None:
        harness = contact_with_clocks(Target("periodic_update", 60))
        harness.receive()
        harness.reply()
        harness.advance_to(10)
        harness.wait_for_customer()
        harness.advance_to(20)
        harness.reply()
        assert clock_of(harness, "periodic_update").state == "paused"
        harness.advance_to(500)
        harness.write()
        assert due_s(harness, "periodic_update") == 560

    def test_supervisor_request_resumes_clocks(self) -> None:
        harness = contact_with_clocks(Target("resolution", 100))
        harness.receive()
        harness.advance_to(10)
        harness.wait_for_customer()
        harness.advance_to(50)
        harness.ask_for_supervisor()
        assert due_s(harness, "resolution") == 140

    def test_paused_clock_is_met_on_resolution_and_restarts_on_reopening(self) -> None:
        harness = contact_with_clocks(Target("resolution", 100))
        harness.receive()
        harness.wait_for_customer()
        harness.advance_to(200)
        harness.resolve()
        assert clock_of(harness, "resolution").state == "met"
        harness.advance_to(300)
        harness.reopen()
        assert (clock_of(harness, "resolution").state, due_s(harness, "resolution")) == (
            "running",
            400,
        )

    def test_only_business_time_is_spent(self) -> None:
        noon_to_two = Calendar("UTC", {"mon": (("09:00", "12:00"), ("14:00", "17:00"))})
        harness = contact_with_clocks(Target("resolution", 4 * 3600), calendar_id="office")
        harness.settings = replace(
            harness.settings, calendars={"office": Versioned("office", 2, noon_to_two)}
        )
        harness.receive()
        harness.advance_to(3600)
        harness.wait_for_customer()
        harness.advance_to(4 * 3600)  # 13:00, while nobody is there
        harness.write()
        # An hour is spent: three are left, from two o'clock on.
        assert clock_of(harness, "resolution").due_at == datetime(2026, 3, 2, 17, tzinfo=UTC)


class TestAcknowledgement:
    @pytest.fixture
    def harness(self) -> ContactHarness:
        harness = contact_with_clocks(Target("acknowledgement", 3))
        harness.receive()
        harness.assign()
        harness.ask_for_supervisor()
        return harness

    def test_acknowledgement_in_time_meets_its_clock(self, harness: ContactHarness) -> None:
        harness.advance_to(2)
        harness.press(SAM)
        assert harness.event(ClockMet).clock == "acknowledgement"

    def test_late_acknowledgement_adds_cause(self, harness: ContactHarness) -> None:
        harness.advance_to(3)
        added = harness.event(EscalationCauseAdded)
        assert (added.cause, added.reason) == (
            "breach",
            "Nobody upstairs has acknowledged within 3 s (policy gold v1)",
        )
        harness.press(SAM, "take_over")
        assert clock_of(harness, "acknowledgement").met_at == START + timedelta(seconds=3)

    def test_resolved_contact_cancels_acknowledgement_clock(self, harness: ContactHarness) -> None:
        harness.advance_to(1)
        harness.resolve()
        assert clock_of(harness, "acknowledgement").state == "cancelled"
        assert harness.timers == {}

    def test_acknowledgement_clock_gets_new_run_per_escalation(
        self, harness: ContactHarness
    ) -> None:
        harness.press(SAM)
        harness.apply(partial(actions.hand_back, by=SAM, guidance="say sorry"))
        harness.advance_to(20)
        harness.ask_for_supervisor()
        assert (clock_of(harness, "acknowledgement").run, due_s(harness, "acknowledgement")) == (
            2,
            23,
        )


Tell = Callable[[ContactHarness], None]


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(
            [lambda harness: harness.prioritize("urgent", happened=2)], id="another priority"
        ),
        pytest.param(
            [
                lambda harness: harness.prioritize("urgent", happened=2),
                lambda harness: harness.prioritize("low", happened=3),
            ],
            id="there and back",
        ),
        pytest.param([lambda harness: harness.resolve(happened=2)], id="resolved"),
    ],
)
@pytest.mark.parametrize("happened", [1, 2.5, 4])
def test_assignment_clock_is_met_at_time_of_assignment(late: list[Tell], happened: float) -> None:
    usual = policy(Target("assignment", 100))
    urgent = policy(Target("assignment", 50), match=Match(priority=("urgent",)))
    none = policy(Target("resolution", 90), match=Match(priority=("low",)))

    def assign(harness: ContactHarness) -> None:
        harness.assign(happened=happened)

    ends = []
    for place in range(len(late) + 1):
        harness = ContactHarness(
            settings=settings_with_policies(usual=usual, urgent=urgent, none=none), now=5
        )
        harness.receive(happened=0)
        for tell in (*late[:place], assign, *late[place:]):
            tell(harness)
        ends.append(harness.contact.clock("assignment"))
    assert all(end == ends[0] for end in ends), ends


class TestAutomaticMessage:
    def test_absence_note_of_the_customer_owes_no_reply_and_resumes_nothing(self) -> None:
        harness = contact_with_clocks(Target("next_response", 10), Target("resolution", 100))
        harness.receive()
        harness.reply()
        harness.wait_for_customer()
        harness.write(automatic=True)
        assert clock_of(harness, "resolution").state == "paused"
        assert harness.contact.clock("next_response") is None


class TestAutomaticReply:
    def test_automatic_reply_leaves_response_clock_running_until_breach(self) -> None:
        harness = contact_with_clocks(Target("first_response", 10), Target("periodic_update", 50))
        harness.receive()
        harness.now = 1
        harness.reply(automatic=True)
        harness.advance_to(10)
        assert clock_of(harness, "first_response").state == "breached"
        assert harness.event(ClockBreached).clock == "first_response"
        assert harness.contact.clock("periodic_update") is None

    def test_automatic_reply_does_not_meet_next_response(self) -> None:
        harness = contact_with_clocks(Target("first_response", 100), Target("next_response", 10))
        harness.receive()
        harness.now = 2
        harness.reply()
        harness.now = 5
        harness.write()
        harness.now = 6
        harness.reply(automatic=True)
        assert clock_of(harness, "next_response").state == "running"
        harness.now = 7
        harness.reply()
        assert clock_of(harness, "next_response").met_at == START + timedelta(seconds=7)

    def test_customer_message_after_automatic_reply_starts_no_next_response(self) -> None:
        harness = contact_with_clocks(Target("first_response", 100), Target("next_response", 10))
        harness.receive()
        harness.reply(automatic=True)
        harness.write()
        assert harness.contact.clock("next_response") is None
        assert clock_of(harness, "first_response").state == "running"


def test_clock_met_while_paused_is_met_in_time() -> None:
    harness = contact_with_clocks(Target("resolution", 100))
    harness.receive()
    harness.now = 50
    harness.wait_for_customer()
    harness.advance_to(500)
    harness.resolve()
    met = harness.event(ClockMet)
    assert (met.met_at - START).total_seconds() == 500
    assert (met.due_at - START).total_seconds() == 550


def test_new_clock_of_policy_counts_earlier_events() -> None:
    harness = contact_with_clocks(Target("resolution", 4000))
    harness.receive()
    harness.now = 1
    harness.assign()
    harness.advance_to(290)
    harness.reply()
    harness.settings = settings_with_policies(
        gold=policy(Target("assignment", 4), Target("periodic_update", 100))
    )
    harness.advance_to(300)
    harness.send(SettingChanged(contact_id=CONTACT, reason="policy gold was changed"))
    assert harness.events(ClockBreached) == []
    assert harness.pages() == []
    assert clock_of(harness, "assignment").met_at == START + timedelta(seconds=1)
    assert due_s(harness, "periodic_update") == 390


def test_page_carries_state_of_paused_clock() -> None:
    harness = contact_with_clocks(
        Target("resolution", 100, (ThresholdRule("raise", 75),)), Target("first_response", 80)
    )
    harness.receive()
    harness.advance_to(76)
    harness.wait_for_customer()
    harness.advance_to(80)
    cause = harness.last_page.causes[0]
    assert (cause.clock, cause.clock_state) == ("resolution", "paused")


def test_page_carries_state_of_clock_met_late() -> None:
    harness = contact_with_clocks(Target("first_response", 10))
    harness.receive()
    harness.advance_to(12)
    harness.reply()
    harness.advance_to(15)
    (cause,) = harness.last_page.causes
    assert (cause.clock, cause.clock_state) == ("first_response", "met_late")

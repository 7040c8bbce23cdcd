"""What becomes of promises while people write, wait and change their minds."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from pydantic import TypeAdapter, ValidationError

from common.contracts.clocks import (
    ClockBreached,
    ClockCancelled,
    ClockMet,
    ClockName,
    ClockPaused,
    ClockResumed,
    ClockRetargeted,
    ClockWarned,
)
from common.contracts.escalations import (
    EscalationRaised,
    EscalationReasonAdded,
    PriorityChangeAsked,
)
from escalation.domain.clocks import lifecycle
from escalation.domain.duty.calendars import Calendar
from escalation.domain.escalations import actions
from escalation.domain.model import SlaClock
from escalation.domain.settings.policies import Match, SlaPolicy, Target, ThresholdRule
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.timers import PolicyChanged
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import CONTACT, RITA, SAM, SETTINGS, START, contact_received


def policy(*targets: Target, **changes: object) -> SlaPolicy:
    plain = SlaPolicy(targets=targets, ladder_id="default", severity="medium")
    return replace(plain, **changes)  # type: ignore[arg-type]  # as its fields are


def promising(*targets: Target, **changes: object) -> ContactHarness:
    return ContactHarness(settings=in_force(gold=policy(*targets, **changes)))


def in_force(**policies: SlaPolicy) -> Configuration:
    return replace(
        SETTINGS, policies={name: Versioned(name, 1, body) for name, body in policies.items()}
    )


def clock(harness: ContactHarness, name: ClockName) -> SlaClock:
    found = harness.contact.clock(name)
    assert found is not None
    return found


def due(harness: ContactHarness, name: ClockName) -> float:
    return (clock(harness, name).due_at - START).total_seconds()


def warn(at_percent: int) -> ThresholdRule:
    return ThresholdRule("warn_representative", at_percent)


BY_PRIORITY = in_force(
    usual=policy(Target("first_response", 100, (warn(50),)), Target("resolution", 400)),
    urgent=policy(
        Target("first_response", 40, (warn(50),)),
        Target("assignment", 20),
        match=Match(priority=("urgent",)),
        severity="critical",
        ladder_id="default",
    ),
)


class TestNextResponse:
    def test_next_response_starts_when_customer_writes_after_first_reply(self) -> None:
        harness = promising(Target("first_response", 100), Target("next_response", 10))
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
        assert due(harness, "next_response") == 15
        harness.now = 14
        harness.reply()
        assert clock(harness, "next_response").state == "met"

    def test_next_response_gets_new_run_after_each_reply(self) -> None:
        harness = promising(Target("next_response", 10))
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
        assert clock(harness, "next_response").run == 2
        assert len(harness.events(EscalationRaised)) == 1


class TestPeriodicUpdate:
    def test_reply_starts_next_periodic_update(self) -> None:
        harness = promising(Target("periodic_update", 60))
        harness.receive()
        for now in (50, 100, 150):
            harness.advance_to(now)
            harness.reply()
        assert harness.events(ClockBreached) == []
        assert (clock(harness, "periodic_update").run, due(harness, "periodic_update")) == (4, 210)
        harness.advance_to(210)
        assert harness.event(ClockBreached).clock == "periodic_update"

    def test_periodic_update_starts_again_on_reopening(self) -> None:
        harness = promising(Target("periodic_update", 60))
        harness.receive()
        harness.advance_to(30)
        harness.resolve()
        harness.advance_to(500)
        harness.reopen()
        assert (clock(harness, "periodic_update").run, due(harness, "periodic_update")) == (2, 560)
        assert harness.events(ClockBreached) == []


class TestWaitingForTheCustomer:
    def test_customer_dependent_clocks_pause_and_resume(self) -> None:
        harness = promising(Target("resolution", 100, (warn(50),)))
        harness.receive()
        harness.assign()
        harness.advance_to(20)
        harness.wait_for_customer()
        assert harness.event(ClockPaused).elapsed_s == 20
        assert harness.timers == {}
        harness.advance_to(1000)
        harness.write()
        assert harness.event(ClockResumed).reason == "the customer wrote"
        harness.advance_to(1029)
        assert harness.events(ClockWarned) == []
        harness.advance_to(1030)
        assert harness.event(ClockWarned).threshold_due_at == START + timedelta(seconds=1030)
        harness.advance_to(1080)
        assert harness.event(ClockBreached).lateness_ms == 0

    def test_other_clocks_run_while_waiting(self) -> None:
        harness = promising(
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
        harness = promising(Target("resolution", 10))
        harness.receive()
        harness.now = 12
        harness.wait_for_customer(happened=11)
        assert harness.event(ClockBreached).lateness_ms == 2000
        assert clock(harness, "resolution").state == "breached"

    def test_update_sent_while_waiting_counts_next_from_customer_message(
        self,
    ) -> None:
        harness = promising(Target("periodic_update", 60))
        harness.receive()
        harness.advance_to(10)
        harness.wait_for_customer()
        harness.advance_to(20)
        harness.reply()
        assert clock(harness, "periodic_update").state == "paused"
        harness.advance_to(500)
        harness.write()
        assert due(harness, "periodic_update") == 560

    def test_supervisor_request_resumes_clocks(self) -> None:
        harness = promising(Target("resolution", 100))
        harness.receive()
        harness.advance_to(10)
        harness.wait_for_customer()
        harness.advance_to(50)
        harness.ask_for_supervisor()
        assert due(harness, "resolution") == 140

    def test_paused_clock_is_met_on_resolution_and_restarts_on_reopening(self) -> None:
        harness = promising(Target("resolution", 100))
        harness.receive()
        harness.wait_for_customer()
        harness.advance_to(200)
        harness.resolve()
        assert clock(harness, "resolution").state == "met"
        harness.advance_to(300)
        harness.reopen()
        assert (clock(harness, "resolution").state, due(harness, "resolution")) == ("running", 400)

    def test_only_business_time_is_spent(self) -> None:
        noon_to_two = Calendar("UTC", {"mon": (("09:00", "12:00"), ("14:00", "17:00"))})
        harness = promising(Target("resolution", 4 * 3600), calendar_id="office")
        harness.settings = replace(
            harness.settings, calendars={"office": Versioned("office", 2, noon_to_two)}
        )
        harness.receive()
        harness.advance_to(3600)
        harness.wait_for_customer()
        harness.advance_to(4 * 3600)  # 13:00, while nobody is there
        harness.write()
        # An hour is spent: three are left, from two o'clock on.
        assert clock(harness, "resolution").due_at == datetime(2026, 3, 2, 17, tzinfo=UTC)


class TestAnotherPriority:
    def test_spent_time_counts_after_retargeting(self) -> None:
        harness = ContactHarness(settings=BY_PRIORITY)
        harness.receive()
        harness.assign()
        harness.advance_to(30)
        harness.prioritize("urgent")
        retargeted = harness.event(ClockRetargeted)
        assert (retargeted.target_s, retargeted.elapsed_s, retargeted.policy_id) == (
            40,
            30,
            "urgent",
        )
        assert due(harness, "first_response") == 40
        assert harness.contact.details is not None
        assert (harness.contact.details.priority, harness.contact.severity) == (
            "urgent",
            "critical",
        )

    def test_passed_thresholds_fire_at_retargeting_and_others_when_due(self) -> None:
        harness = ContactHarness(settings=BY_PRIORITY)
        harness.receive()
        harness.assign()
        harness.advance_to(30)
        harness.prioritize("urgent")
        harness.advance_to(30)
        assert harness.event(ClockWarned).lateness_ms == 0
        harness.advance_to(40)
        assert [event.clock for event in harness.events(ClockBreached)] == ["first_response"]

    def test_shorter_target_that_has_passed_breaches_at_once(self) -> None:
        harness = ContactHarness(settings=BY_PRIORITY)
        harness.receive()
        harness.assign()
        harness.advance_to(90)
        harness.prioritize("urgent")
        harness.advance_to(90)
        assert harness.event(ClockBreached).due_at == harness.at

    def test_fired_threshold_does_not_fire_again_after_retargeting(self) -> None:
        harness = ContactHarness(settings=BY_PRIORITY)
        harness.receive()
        harness.assign()
        harness.advance_to(60)
        harness.prioritize("urgent")
        harness.advance_to(60)
        assert len(harness.events(ClockWarned)) == 1
        assert harness.pages()[:1] == [(RITA, "warning")]

    def test_retargeting_cancels_dropped_clocks_and_starts_new_ones(
        self,
    ) -> None:
        harness = ContactHarness(settings=BY_PRIORITY)
        harness.receive()
        harness.advance_to(5)
        harness.prioritize("urgent")
        assert harness.event(ClockCancelled).reason == "policy urgent v1 does not promise it"
        assert (clock(harness, "resolution").state, due(harness, "assignment")) == ("cancelled", 20)
        harness.advance_to(6)
        harness.prioritize("high")
        assert clock(harness, "resolution").state == "running"
        assert due(harness, "resolution") == 400

    def test_paused_clock_stays_paused_after_retargeting(self) -> None:
        longer = policy(Target("resolution", 1000), match=Match(priority=("low",)))
        harness = ContactHarness(
            settings=in_force(usual=policy(Target("resolution", 100)), longer=longer)
        )
        harness.receive()
        harness.advance_to(60)
        harness.wait_for_customer()
        harness.advance_to(70)
        harness.prioritize("low")
        assert clock(harness, "resolution").state == "paused"
        harness.advance_to(100)
        harness.write()
        assert due(harness, "resolution") == 1040

    def test_breached_clock_stays_breached_after_retargeting(self) -> None:
        longer = policy(Target("resolution", 1000), match=Match(priority=("low",)))
        harness = ContactHarness(
            settings=in_force(usual=policy(Target("resolution", 100)), longer=longer)
        )
        harness.receive()
        harness.advance_to(100)
        harness.prioritize("low")
        assert clock(harness, "resolution").state == "breached"
        assert harness.events(ClockRetargeted) == []

    def test_clocks_stay_if_no_policy_matches_any_more(self) -> None:
        only_high = policy(Target("resolution", 100), match=Match(priority=("high",)))
        harness = ContactHarness(settings=in_force(only=only_high))
        harness.receive()
        harness.prioritize("low")
        assert harness.surprises == ["no_policy_matches"]
        assert clock(harness, "resolution").state == "running"


class TestPolicyChange:
    def test_running_clocks_keep_policy_version(self) -> None:
        harness = promising(Target("resolution", 100))
        harness.receive()
        harness.settings = replace(
            SETTINGS, policies={"gold": Versioned("gold", 2, policy(Target("resolution", 10)))}
        )
        harness.advance_to(99)
        assert harness.events(ClockBreached) == []

    def test_policy_change_for_open_contacts_retargets_clocks(self) -> None:
        harness = promising(Target("resolution", 100))
        harness.receive()
        harness.advance_to(30)
        changed = Versioned("gold", 2, policy(Target("resolution", 50)))
        harness.settings = replace(SETTINGS, policies={"gold": changed})
        harness.send(PolicyChanged(contact_id=CONTACT))
        assert due(harness, "resolution") == 50
        assert harness.event(ClockRetargeted).policy_version == 2
        harness.send(PolicyChanged(contact_id=CONTACT))
        assert len(harness.events(ClockRetargeted)) == 1

    def test_spent_time_is_counted_by_calendar_of_its_time(self) -> None:
        early = Calendar("UTC", {"mon": (("09:00", "12:00"),)})
        late = Calendar("UTC", {"mon": (("11:00", "17:00"),)})
        harness = promising(Target("resolution", 2 * 3600), calendar_id="office")
        harness.settings = replace(
            harness.settings, calendars={"office": Versioned("office", 1, early)}
        )
        harness.receive()
        harness.advance_to(3600)
        harness.settings = replace(
            harness.settings,
            policies={"gold": Versioned("gold", 2, harness.settings.policies["gold"].body)},
            calendars={"office": Versioned("office", 2, late)},
            earlier_calendars={Versioned("office", 1, early).ref: early},
        )
        harness.send(PolicyChanged(contact_id=CONTACT))
        assert harness.event(ClockRetargeted).elapsed_s == 3600
        assert clock(harness, "resolution").due_at == datetime(2026, 3, 2, 12, tzinfo=UTC)


class TestThresholds:
    def test_thresholds_fire_in_order_with_their_actions(self) -> None:
        harness = promising(
            Target(
                "resolution",
                100,
                (
                    ThresholdRule("warn_representative", at_percent=50),
                    ThresholdRule("change_priority", offset_s=-40, priority="urgent"),
                    ThresholdRule("warn_supervisor", offset_s=-20),
                    ThresholdRule("raise", at_percent=90),
                    ThresholdRule("raise", offset_s=30),
                ),
            )
        )
        harness.receive()
        harness.assign()
        harness.advance_to(85)
        assert harness.pages() == [(RITA, "warning"), (SAM, "warning")]
        assert harness.event(PriorityChangeAsked).priority == "urgent"
        harness.advance_to(90)
        raised = harness.event(EscalationRaised)
        assert (raised.cause, raised.reason) == (
            "warning",
            "Not resolved after 1 min 30 s of 1 min 40 s (policy gold v1)",
        )
        harness.advance_to(130)
        assert [event.cause for event in harness.events(EscalationReasonAdded)] == [
            "breach",
            "breach",
        ]
        assert [event.action for event in harness.events(ClockWarned)] == [
            "warn_representative",
            "change_priority",
            "warn_supervisor",
            "raise",
            "raise",
        ]
        assert all(event.policy_id == "gold" for event in harness.events(ClockWarned))

    def test_threshold_due_before_cancellation_still_fires(self) -> None:
        harness = promising(Target("first_response", 10), Target("resolution", 100))
        harness.receive()
        harness.now = 14
        harness.resolve(happened=12)
        assert harness.event(ClockBreached).lateness_ms == 4000
        assert harness.event(ClockCancelled).clock == "first_response"
        assert clock(harness, "first_response").state == "breached"

    def test_threshold_before_start_is_due_at_start(self) -> None:
        rule = ThresholdRule("warn_supervisor", offset_s=-500)
        harness = promising(Target("resolution", 100, (rule,)))
        harness.receive()
        harness.advance_to(0)
        assert harness.event(ClockWarned).threshold_due_at == START

    def test_deadline_need_not_raise(self) -> None:
        harness = promising(Target("resolution", 10, (ThresholdRule("warn_supervisor", 100),)))
        harness.receive()
        harness.advance_to(10)
        assert harness.event(ClockBreached).clock == "resolution"
        assert harness.escalation is None
        assert harness.pages() == [(SAM, "warning")]

    def test_priority_change_to_current_priority_is_not_requested(self) -> None:
        rule = ThresholdRule("change_priority", 50, priority="high")
        harness = promising(Target("resolution", 10, (rule,)))
        harness.receive()
        harness.advance_to(6)
        assert harness.events(PriorityChangeAsked) == []

    @pytest.mark.parametrize(
        "thresholds",
        [
            [{"action": "raise", "at_percent": 50}, {"action": "raise", "at_percent": 50}],
            [{"action": "raise", "at_percent": 50}, {"action": "raise", "offset_s": -50}],
            [{"action": "raise", "offset_s": -100}, {"action": "raise", "offset_s": -200}],
            [{"action": "raise", "offset_s": 0}],
        ],
    )
    def test_duplicate_thresholds_are_refused(self, thresholds: list[dict[str, object]]) -> None:
        body = {
            "targets": [{"clock": "resolution", "target_s": 100, "thresholds": thresholds}],
            "ladder_id": "default",
            "severity": "low",
        }
        with pytest.raises(ValidationError, match="two thresholds raise") as refused:
            TypeAdapter(SlaPolicy).validate_python(body)
        assert refused.value.errors()[0]["loc"] == ("targets", 0)

    def test_policy_may_match_campaign(self) -> None:
        recall = policy(Target("resolution", 10), match=Match(campaign=("recall",)))
        harness = ContactHarness(
            settings=in_force(usual=policy(Target("resolution", 100)), recall=recall)
        )
        event = contact_received(harness.at).model_copy(update={"campaign": "recall"})
        harness.send(event)
        assert due(harness, "resolution") == 10


class TestAcknowledgement:
    @pytest.fixture
    def harness(self) -> ContactHarness:
        harness = promising(Target("acknowledgement", 3))
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
        added = harness.event(EscalationReasonAdded)
        assert (added.cause, added.reason) == (
            "breach",
            "Nobody upstairs has acknowledged within 3 s (policy gold v1)",
        )
        harness.press(SAM, "take_over")
        assert clock(harness, "acknowledgement").met_at == START + timedelta(seconds=3)

    def test_resolved_contact_cancels_acknowledgement_clock(self, harness: ContactHarness) -> None:
        harness.advance_to(1)
        harness.resolve()
        assert clock(harness, "acknowledgement").state == "cancelled"
        assert harness.timers == {}

    def test_acknowledgement_clock_gets_new_run_per_escalation(
        self, harness: ContactHarness
    ) -> None:
        harness.press(SAM)
        harness.apply(partial(actions.hand_back, by=SAM, guidance="say sorry"))
        harness.advance_to(20)
        harness.ask_for_supervisor()
        assert (clock(harness, "acknowledgement").run, due(harness, "acknowledgement")) == (2, 23)


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
        harness = ContactHarness(settings=in_force(usual=usual, urgent=urgent, none=none), now=5)
        harness.receive(happened=0)
        for tell in (*late[:place], assign, *late[place:]):
            tell(harness)
        ends.append(harness.contact.clock("assignment"))
    assert all(end == ends[0] for end in ends), ends


def test_clock_met_while_paused_is_met_in_time() -> None:
    harness = promising(Target("resolution", 100))
    harness.receive()
    harness.now = 50
    harness.wait_for_customer()
    harness.advance_to(500)
    harness.resolve()
    met = harness.event(ClockMet)
    assert (met.met_at - START).total_seconds() == 500
    assert (met.due_at - START).total_seconds() == 550


def test_new_clock_of_policy_counts_earlier_events() -> None:
    harness = promising(Target("resolution", 4000))
    harness.receive()
    harness.now = 1
    harness.assign()
    harness.advance_to(290)
    harness.reply()
    harness.settings = in_force(
        gold=policy(Target("assignment", 4), Target("periodic_update", 100))
    )
    harness.advance_to(300)
    harness.apply(partial(lifecycle.policy_changed, timer=PolicyChanged(contact_id=CONTACT)))
    assert harness.events(ClockBreached) == []
    assert harness.pages() == []
    assert clock(harness, "assignment").met_at == START + timedelta(seconds=1)
    assert due(harness, "periodic_update") == 390


def test_page_carries_state_of_paused_clock() -> None:
    harness = promising(
        Target("resolution", 100, (ThresholdRule("raise", 75),)), Target("first_response", 80)
    )
    harness.receive()
    harness.advance_to(76)
    harness.wait_for_customer()
    harness.advance_to(80)
    cause = harness.last_page.causes[0]
    assert (cause.clock, cause.clock_state) == ("resolution", "paused")


def test_page_carries_state_of_clock_met_late() -> None:
    harness = promising(Target("first_response", 10))
    harness.receive()
    harness.advance_to(12)
    harness.reply()
    harness.advance_to(15)
    (cause,) = harness.last_page.causes
    assert (cause.clock, cause.clock_state) == ("first_response", "met_late")

"""What becomes of promises while people write, wait and change their minds."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from pydantic import TypeAdapter, ValidationError

from common.contracts.escalations import (
    ClockBreached,
    ClockCancelled,
    ClockMet,
    ClockName,
    ClockPaused,
    ClockResumed,
    ClockRetargeted,
    ClockWarned,
    EscalationRaised,
    EscalationReasonAdded,
    PageRequested,
    PriorityChangeAsked,
)
from escalation.domain import reactions
from escalation.domain.clocks import lifecycle
from escalation.domain.duty.calendars import Calendar
from escalation.domain.escalations import actions
from escalation.domain.model import Clock
from escalation.domain.settings.policies import Match, SlaPolicy, Target, ThresholdRule
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.timers import PolicyChanged
from unit.escalation.desk import CONTACT, RITA, SAM, SETTINGS, START, Desk, received


def policy(*targets: Target, **changes: object) -> SlaPolicy:
    plain = SlaPolicy(targets=targets, ladder_id="default", severity="medium")
    return replace(plain, **changes)  # type: ignore[arg-type]  # as its fields are


def promising(*targets: Target, **changes: object) -> Desk:
    return Desk(settings=in_force(gold=policy(*targets, **changes)))


def in_force(**policies: SlaPolicy) -> Configuration:
    return replace(
        SETTINGS, policies={name: Versioned(name, 1, body) for name, body in policies.items()}
    )


def clock(desk: Desk, name: ClockName) -> Clock:
    found = desk.watch.clock(name)
    assert found is not None
    return found


def due(desk: Desk, name: ClockName) -> float:
    return (clock(desk, name).due_at - START).total_seconds()


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
    def test_it_is_owed_for_what_the_customer_writes_after_our_first_reply(self) -> None:
        desk = promising(Target("first_response", 100), Target("next_response", 10))
        desk.receive()
        desk.now = 1
        desk.write()
        assert desk.watch.clock("next_response") is None
        desk.now = 2
        desk.reply()
        desk.now = 5
        desk.write()
        desk.now = 9
        desk.write()
        assert due(desk, "next_response") == 15
        desk.now = 14
        desk.reply()
        assert clock(desk, "next_response").state == "met"

    def test_each_message_that_is_answered_begins_a_run_of_its_own(self) -> None:
        desk = promising(Target("next_response", 10))
        desk.receive()
        desk.reply()
        for start in (20, 40):
            desk.wait_until(start)
            desk.write()
            desk.wait_until(start + 12)
            desk.reply()
        assert [(one.due_at - START).total_seconds() for one in desk.all(ClockBreached)] == [30, 50]
        assert clock(desk, "next_response").run == 2
        assert len(desk.all(EscalationRaised)) == 1


class TestPeriodicUpdate:
    def test_each_word_of_ours_begins_the_next(self) -> None:
        desk = promising(Target("periodic_update", 60))
        desk.receive()
        for now in (50, 100, 150):
            desk.wait_until(now)
            desk.reply()
        assert desk.all(ClockBreached) == []
        assert (clock(desk, "periodic_update").run, due(desk, "periodic_update")) == (4, 210)
        desk.wait_until(210)
        assert desk.the(ClockBreached).clock == "periodic_update"

    def test_it_is_owed_anew_when_the_contact_comes_back(self) -> None:
        desk = promising(Target("periodic_update", 60))
        desk.receive()
        desk.wait_until(30)
        desk.resolve()
        desk.wait_until(500)
        desk.reopen()
        assert (clock(desk, "periodic_update").run, due(desk, "periodic_update")) == (2, 560)
        assert desk.all(ClockBreached) == []


class TestWaitingForTheCustomer:
    def test_what_hangs_on_the_customer_stands_still_and_runs_on(self) -> None:
        desk = promising(Target("resolution", 100, (warn(50),)))
        desk.receive()
        desk.assign()
        desk.wait_until(20)
        desk.wait_for_customer()
        assert desk.the(ClockPaused).elapsed_s == 20
        assert desk.timers == {}
        desk.wait_until(1000)
        desk.write()
        assert desk.the(ClockResumed).reason == "the customer wrote"
        desk.wait_until(1029)
        assert desk.all(ClockWarned) == []
        desk.wait_until(1030)
        assert desk.the(ClockWarned).threshold_due_at == START + timedelta(seconds=1030)
        desk.wait_until(1080)
        assert desk.the(ClockBreached).lateness_ms == 0

    def test_what_is_ours_to_keep_runs_on(self) -> None:
        desk = promising(
            Target("first_response", 10), Target("resolution", 20, runs_while_waiting=True)
        )
        desk.receive()
        desk.wait_for_customer()
        desk.wait_until(20)
        assert desk.all(ClockPaused) == []
        assert [one.clock for one in desk.all(ClockBreached)] == ["first_response", "resolution"]

    def test_what_was_due_before_is_not_lost_by_it(self) -> None:
        desk = promising(Target("resolution", 10))
        desk.receive()
        desk.now = 12
        desk.wait_for_customer(happened=11)
        assert desk.the(ClockBreached).lateness_ms == 2000
        assert clock(desk, "resolution").state == "breached"

    def test_an_update_that_is_given_meanwhile_owes_the_next_from_the_customers_word_on(
        self,
    ) -> None:
        desk = promising(Target("periodic_update", 60))
        desk.receive()
        desk.wait_until(10)
        desk.wait_for_customer()
        desk.wait_until(20)
        desk.reply()
        assert clock(desk, "periodic_update").state == "paused"
        desk.wait_until(500)
        desk.write()
        assert due(desk, "periodic_update") == 560

    def test_a_customer_who_asks_for_a_supervisor_waits_for_us(self) -> None:
        desk = promising(Target("resolution", 100))
        desk.receive()
        desk.wait_until(10)
        desk.wait_for_customer()
        desk.wait_until(50)
        desk.ask_for_supervisor()
        assert due(desk, "resolution") == 140

    def test_a_contact_resolved_meanwhile_is_met_and_starts_anew(self) -> None:
        desk = promising(Target("resolution", 100))
        desk.receive()
        desk.wait_for_customer()
        desk.wait_until(200)
        desk.resolve()
        assert clock(desk, "resolution").state == "met"
        desk.wait_until(300)
        desk.reopen()
        assert (clock(desk, "resolution").state, due(desk, "resolution")) == ("running", 400)

    def test_only_business_time_is_spent(self) -> None:
        noon_to_two = Calendar("UTC", {"mon": (("09:00", "12:00"), ("14:00", "17:00"))})
        desk = promising(Target("resolution", 4 * 3600), calendar_id="office")
        desk.settings = replace(
            desk.settings, calendars={"office": Versioned("office", 2, noon_to_two)}
        )
        desk.receive()
        desk.wait_until(3600)
        desk.wait_for_customer()
        desk.wait_until(4 * 3600)  # 13:00, while nobody is there
        desk.write()
        # An hour is spent: three are left, from two o'clock on.
        assert clock(desk, "resolution").due_at == datetime(2026, 3, 2, 17, tzinfo=UTC)


class TestAnotherPriority:
    def test_the_time_spent_counts_on_under_the_other_promise(self) -> None:
        desk = Desk(settings=BY_PRIORITY)
        desk.receive()
        desk.assign()
        desk.wait_until(30)
        desk.prioritize("urgent")
        retargeted = desk.the(ClockRetargeted)
        assert (retargeted.target_s, retargeted.elapsed_s, retargeted.policy_id) == (
            40,
            30,
            "urgent",
        )
        assert due(desk, "first_response") == 40
        assert desk.watch.contact is not None
        assert (desk.watch.contact.priority, desk.watch.severity) == ("urgent", "critical")

    def test_what_is_passed_by_now_fires_at_once_and_the_rest_when_due(self) -> None:
        desk = Desk(settings=BY_PRIORITY)
        desk.receive()
        desk.assign()
        desk.wait_until(30)
        desk.prioritize("urgent")
        desk.wait_until(30)
        assert desk.the(ClockWarned).lateness_ms == 0
        desk.wait_until(40)
        assert [one.clock for one in desk.all(ClockBreached)] == ["first_response"]

    def test_a_promise_that_is_broken_by_now_is_broken_at_once(self) -> None:
        desk = Desk(settings=BY_PRIORITY)
        desk.receive()
        desk.assign()
        desk.wait_until(90)
        desk.prioritize("urgent")
        desk.wait_until(90)
        assert desk.the(ClockBreached).due_at == desk.at

    def test_a_threshold_that_has_fired_does_not_fire_again(self) -> None:
        desk = Desk(settings=BY_PRIORITY)
        desk.receive()
        desk.assign()
        desk.wait_until(60)
        desk.prioritize("urgent")
        desk.wait_until(60)
        assert len(desk.all(ClockWarned)) == 1
        assert desk.paged()[:1] == [(RITA, "warning")]

    def test_what_is_no_longer_promised_is_cancelled_and_what_is_new_counts_from_the_start(
        self,
    ) -> None:
        desk = Desk(settings=BY_PRIORITY)
        desk.receive()
        desk.wait_until(5)
        desk.prioritize("urgent")
        assert desk.the(ClockCancelled).reason == "policy urgent v1 does not promise it"
        assert (clock(desk, "resolution").state, due(desk, "assignment")) == ("cancelled", 20)
        desk.wait_until(6)
        desk.prioritize("high")
        assert clock(desk, "resolution").state == "running"
        assert due(desk, "resolution") == 400

    def test_one_that_stands_still_goes_on_doing_so(self) -> None:
        longer = policy(Target("resolution", 1000), match=Match(priority=("low",)))
        desk = Desk(settings=in_force(usual=policy(Target("resolution", 100)), longer=longer))
        desk.receive()
        desk.wait_until(60)
        desk.wait_for_customer()
        desk.wait_until(70)
        desk.prioritize("low")
        assert clock(desk, "resolution").state == "paused"
        desk.wait_until(100)
        desk.write()
        assert due(desk, "resolution") == 1040

    def test_a_breach_stays_a_breach(self) -> None:
        longer = policy(Target("resolution", 1000), match=Match(priority=("low",)))
        desk = Desk(settings=in_force(usual=policy(Target("resolution", 100)), longer=longer))
        desk.receive()
        desk.wait_until(100)
        desk.prioritize("low")
        assert clock(desk, "resolution").state == "breached"
        assert desk.all(ClockRetargeted) == []

    def test_without_any_policy_for_it_the_promise_stands(self) -> None:
        only_high = policy(Target("resolution", 100), match=Match(priority=("high",)))
        desk = Desk(settings=in_force(only=only_high))
        desk.receive()
        desk.prioritize("low")
        assert desk.surprises == ["no_policy_matches"]
        assert clock(desk, "resolution").state == "running"


class TestPolicyChange:
    def test_clocks_that_run_keep_their_version(self) -> None:
        desk = promising(Target("resolution", 100))
        desk.receive()
        desk.settings = replace(
            SETTINGS, policies={"gold": Versioned("gold", 2, policy(Target("resolution", 10)))}
        )
        desk.wait_until(99)
        assert desk.all(ClockBreached) == []

    def test_unless_open_contacts_are_to_change_too(self) -> None:
        desk = promising(Target("resolution", 100))
        desk.receive()
        desk.wait_until(30)
        changed = Versioned("gold", 2, policy(Target("resolution", 50)))
        desk.settings = replace(SETTINGS, policies={"gold": changed})
        desk.fire(PolicyChanged(contact_id=CONTACT))
        assert due(desk, "resolution") == 50
        assert desk.the(ClockRetargeted).policy_version == 2
        desk.fire(PolicyChanged(contact_id=CONTACT))
        assert len(desk.all(ClockRetargeted)) == 1

    def test_time_spent_is_counted_by_the_calendar_that_was_promised(self) -> None:
        early = Calendar("UTC", {"mon": (("09:00", "12:00"),)})
        late = Calendar("UTC", {"mon": (("11:00", "17:00"),)})
        desk = promising(Target("resolution", 2 * 3600), calendar_id="office")
        desk.settings = replace(desk.settings, calendars={"office": Versioned("office", 1, early)})
        desk.receive()
        desk.wait_until(3600)
        desk.settings = replace(
            desk.settings,
            policies={"gold": Versioned("gold", 2, desk.settings.policies["gold"].body)},
            calendars={"office": Versioned("office", 2, late)},
            earlier_calendars={Versioned("office", 1, early).ref: early},
        )
        desk.fire(PolicyChanged(contact_id=CONTACT))
        assert desk.the(ClockRetargeted).elapsed_s == 3600
        assert clock(desk, "resolution").due_at == datetime(2026, 3, 2, 12, tzinfo=UTC)


class TestThresholds:
    def test_each_does_what_it_says_in_its_order(self) -> None:
        desk = promising(
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
        desk.receive()
        desk.assign()
        desk.wait_until(85)
        assert desk.paged() == [(RITA, "warning"), (SAM, "warning")]
        assert desk.the(PriorityChangeAsked).priority == "urgent"
        desk.wait_until(90)
        raised = desk.the(EscalationRaised)
        assert (raised.cause, raised.reason) == (
            "warning",
            "Not resolved after 1 min 30 s of 1 min 40 s (policy gold v1)",
        )
        desk.wait_until(130)
        assert [one.cause for one in desk.all(EscalationReasonAdded)] == ["breach", "breach"]
        assert [one.action for one in desk.all(ClockWarned)] == [
            "warn_representative",
            "change_priority",
            "warn_supervisor",
            "raise",
            "raise",
        ]
        assert all(one.policy_id == "gold" for one in desk.all(ClockWarned))

    def test_one_that_was_due_before_its_clock_was_called_off_fires_all_the_same(self) -> None:
        desk = promising(Target("first_response", 10), Target("resolution", 100))
        desk.receive()
        desk.now = 14
        desk.resolve(happened=12)
        assert desk.the(ClockBreached).lateness_ms == 4000
        assert desk.the(ClockCancelled).clock == "first_response"
        assert clock(desk, "first_response").state == "breached"

    def test_one_before_the_start_is_at_the_start(self) -> None:
        rule = ThresholdRule("warn_supervisor", offset_s=-500)
        desk = promising(Target("resolution", 100, (rule,)))
        desk.receive()
        desk.wait_until(0)
        assert desk.the(ClockWarned).threshold_due_at == START

    def test_a_deadline_need_not_raise(self) -> None:
        desk = promising(Target("resolution", 10, (ThresholdRule("warn_supervisor", 100),)))
        desk.receive()
        desk.wait_until(10)
        assert desk.the(ClockBreached).clock == "resolution"
        assert desk.escalation is None
        assert desk.paged() == [(SAM, "warning")]

    def test_a_priority_that_it_has_is_not_asked_for(self) -> None:
        rule = ThresholdRule("change_priority", 50, priority="high")
        desk = promising(Target("resolution", 10, (rule,)))
        desk.receive()
        desk.wait_until(6)
        assert desk.all(PriorityChangeAsked) == []

    @pytest.mark.parametrize(
        "thresholds",
        [
            [{"action": "raise", "at_percent": 50}, {"action": "raise", "at_percent": 50}],
            [{"action": "raise", "at_percent": 50}, {"action": "raise", "offset_s": -50}],
            [{"action": "raise", "offset_s": -100}, {"action": "raise", "offset_s": -200}],
            [{"action": "raise", "offset_s": 0}],
        ],
    )
    def test_two_that_do_the_same_at_the_same_place_are_refused(
        self, thresholds: list[dict[str, object]]
    ) -> None:
        body = {
            "targets": [{"clock": "resolution", "target_s": 100, "thresholds": thresholds}],
            "ladder_id": "default",
            "severity": "low",
        }
        with pytest.raises(ValidationError, match="two thresholds raise") as refused:
            TypeAdapter(SlaPolicy).validate_python(body)
        assert refused.value.errors()[0]["loc"] == ("targets", 0)

    def test_a_campaign_may_have_a_policy_of_its_own(self) -> None:
        recall = policy(Target("resolution", 10), match=Match(campaign=("recall",)))
        desk = Desk(settings=in_force(usual=policy(Target("resolution", 100)), recall=recall))
        event = received(desk.at).model_copy(update={"campaign": "recall"})
        desk.do(partial(reactions.received, event=event))
        assert due(desk, "resolution") == 10


class TestAcknowledgement:
    @pytest.fixture
    def desk(self) -> Desk:
        desk = promising(Target("acknowledgement", 3))
        desk.receive()
        desk.assign()
        desk.ask_for_supervisor()
        return desk

    def test_somebody_upstairs_answers_in_time(self, desk: Desk) -> None:
        desk.wait_until(2)
        desk.press(SAM)
        assert desk.the(ClockMet).clock == "acknowledgement"

    def test_nobody_answering_is_one_more_reason(self, desk: Desk) -> None:
        desk.wait_until(3)
        added = desk.the(EscalationReasonAdded)
        assert (added.cause, added.reason) == (
            "breach",
            "Nobody upstairs has acknowledged within 3 s (policy gold v1)",
        )
        desk.press(SAM, "take_over")
        assert clock(desk, "acknowledgement").met_at == START + timedelta(seconds=3)

    def test_what_is_settled_below_owes_nobody_an_answer(self, desk: Desk) -> None:
        desk.wait_until(1)
        desk.resolve()
        assert clock(desk, "acknowledgement").state == "cancelled"
        assert desk.timers == {}

    def test_each_escalation_has_a_run_of_its_own(self, desk: Desk) -> None:
        desk.press(SAM)
        desk.do(partial(actions.hand_back, by=SAM, guidance="say sorry"))
        desk.wait_until(20)
        desk.ask_for_supervisor()
        assert (clock(desk, "acknowledgement").run, due(desk, "acknowledgement")) == (2, 23)


Tell = Callable[[Desk], None]


@pytest.mark.parametrize(
    "late",
    [
        pytest.param([lambda desk: desk.prioritize("urgent", happened=2)], id="another priority"),
        pytest.param(
            [
                lambda desk: desk.prioritize("urgent", happened=2),
                lambda desk: desk.prioritize("low", happened=3),
            ],
            id="there and back",
        ),
        pytest.param([lambda desk: desk.resolve(happened=2)], id="resolved"),
    ],
)
@pytest.mark.parametrize("happened", [1, 2.5, 4])
def test_an_assignment_counts_from_when_it_was_made_however_late_it_is_heard_of(
    late: list[Tell], happened: float
) -> None:
    usual = policy(Target("assignment", 100))
    urgent = policy(Target("assignment", 50), match=Match(priority=("urgent",)))
    none = policy(Target("resolution", 90), match=Match(priority=("low",)))

    def assign(desk: Desk) -> None:
        desk.assign(happened=happened)

    ends = []
    for place in range(len(late) + 1):
        desk = Desk(settings=in_force(usual=usual, urgent=urgent, none=none), now=5)
        desk.receive(happened=0)
        for tell in (*late[:place], assign, *late[place:]):
            tell(desk)
        ends.append(desk.watch.clock("assignment"))
    assert all(end == ends[0] for end in ends), ends


def test_a_promise_kept_while_the_customer_is_awaited_is_kept_in_time() -> None:
    desk = promising(Target("resolution", 100))
    desk.receive()
    desk.now = 50
    desk.wait_for_customer()
    desk.wait_until(500)
    desk.resolve()
    met = desk.the(ClockMet)
    assert (met.met_at - START).total_seconds() == 500
    assert (met.due_at - START).total_seconds() == 550


def test_a_policy_that_promises_more_counts_what_was_done_already() -> None:
    desk = promising(Target("resolution", 4000))
    desk.receive()
    desk.now = 1
    desk.assign()
    desk.wait_until(290)
    desk.reply()
    desk.settings = in_force(gold=policy(Target("assignment", 4), Target("periodic_update", 100)))
    desk.wait_until(300)
    desk.do(partial(lifecycle.policy_changed, timer=PolicyChanged(contact_id=CONTACT)))
    assert desk.all(ClockBreached) == []
    assert desk.paged() == []
    assert clock(desk, "assignment").met_at == START + timedelta(seconds=1)
    assert due(desk, "periodic_update") == 390


def test_a_page_says_how_the_promise_stands_that_it_is_about() -> None:
    desk = promising(
        Target("resolution", 100, (ThresholdRule("raise", 75),)), Target("first_response", 80)
    )
    desk.receive()
    desk.wait_until(76)
    desk.wait_for_customer()
    desk.wait_until(80)
    climbed = desk.all(PageRequested)[-1]
    assert climbed.headline == "Billing ticket from Ada Lovelace: resolution waits for the customer"


def test_a_page_says_that_the_promise_was_kept_after_all() -> None:
    desk = promising(Target("first_response", 10))
    desk.receive()
    desk.wait_until(12)
    desk.reply()
    desk.wait_until(15)
    climbed = desk.all(PageRequested)[-1]
    assert climbed.headline == "Billing ticket from Ada Lovelace: first response kept, late"

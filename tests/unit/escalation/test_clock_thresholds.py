"""Thresholds fire in their order, each with its action."""

import pytest
from msgspec import structs
from pydantic import TypeAdapter, ValidationError

from common.contracts.clocks import (
    ClockBreached,
    ClockCancelled,
    ClockWarned,
    ThresholdAction,
)
from common.contracts.escalations import (
    EscalationCauseAdded,
    EscalationRaised,
    PriorityChangeAsked,
)
from escalation.domain.settings.policies import Match, SlaPolicy, Target, ThresholdRule
from escalation.domain.settings.validation import validate_setting
from unit.escalation.clock_examples import (
    clock_of,
    contact_with_clocks,
    due_s,
    policy,
    settings_with_policies,
    warn_at,
)
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import RITA, SAM, SETTINGS, contact_received


class TestThresholds:
    def test_thresholds_fire_in_order_with_their_actions(self) -> None:
        harness = contact_with_clocks(
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
        assert [event.cause for event in harness.events(EscalationCauseAdded)] == [
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
        harness = contact_with_clocks(Target("first_response", 10), Target("resolution", 100))
        harness.receive()
        harness.now = 14
        harness.resolve(happened=12)
        assert harness.event(ClockBreached).lateness_ms == 4000
        assert harness.event(ClockCancelled).clock == "first_response"
        assert clock_of(harness, "first_response").state == "breached"

    @pytest.mark.parametrize(
        ("offset_s", "places"),
        [
            (-500, ["targets/1/thresholds/1/offset_s"]),
            (-100.5, ["targets/1/thresholds/1/offset_s"]),
            (-100, []),
            (500, []),
        ],
    )
    def test_threshold_before_the_start_is_refused_with_its_place(
        self, offset_s: float, places: list[str]
    ) -> None:
        rules = (warn_at(50), ThresholdRule("warn_supervisor", offset_s=offset_s))
        body = policy(Target("first_response", 900), Target("resolution", 100, rules))
        errors = dict(error[:2] for error in validate_setting(SETTINGS, "gold", body))
        assert list(errors) == places
        assert all(
            text == "That is before the clock starts: the whole target is 100 s."
            for text in errors.values()
        )

    @pytest.mark.parametrize("action", ["warn_supervisor", "warn_representative"])
    def test_other_action_at_the_deadline_does_not_replace_the_raise(
        self, action: ThresholdAction
    ) -> None:
        harness = contact_with_clocks(Target("resolution", 10, (ThresholdRule(action, 100),)))
        harness.receive()
        harness.advance_to(10)
        assert harness.event(ClockBreached).clock == "resolution"
        assert harness.event(ClockWarned).action == action
        assert harness.event(EscalationRaised).cause == "breach"
        assert harness.pages() == [(SAM, "raised"), (SAM, "warning")]

    def test_priority_change_at_the_deadline_does_not_replace_the_raise(self) -> None:
        rule = ThresholdRule("change_priority", 100, priority="urgent")
        harness = contact_with_clocks(Target("resolution", 10, (rule,)))
        harness.receive()
        harness.advance_to(10)
        assert harness.event(EscalationRaised).cause == "breach"
        assert harness.event(PriorityChangeAsked).priority == "urgent"

    def test_priority_change_to_current_priority_is_not_requested(self) -> None:
        rule = ThresholdRule("change_priority", 50, priority="high")
        harness = contact_with_clocks(Target("resolution", 10, (rule,)))
        harness.receive()
        harness.advance_to(6)
        assert harness.events(PriorityChangeAsked) == []

    @pytest.mark.parametrize(
        "thresholds",
        [
            [{"action": "raise", "at_percent": 50}, {"action": "raise", "at_percent": 50}],
            [{"action": "raise", "at_percent": 50}, {"action": "raise", "offset_s": -50}],
            [{"action": "raise", "offset_s": -100}, {"action": "raise", "offset_s": -100}],
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

    def test_refusal_of_a_second_raise_at_the_end_says_that_it_raises_anyway(self) -> None:
        with pytest.raises(ValueError, match="100 s after the start, where it raises anyway"):
            Target("resolution", 100, (ThresholdRule("raise", offset_s=0),))

    def test_policy_may_match_campaign(self) -> None:
        recall = policy(Target("resolution", 10), match=Match(campaign=("recall",)))
        harness = ContactHarness(
            settings=settings_with_policies(usual=policy(Target("resolution", 100)), recall=recall)
        )
        event = structs.replace(contact_received(harness.at), campaign="recall")
        harness.send(event)
        assert due_s(harness, "resolution") == 10

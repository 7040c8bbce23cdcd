"""Another priority or policy retargets running clocks; the time they have spent counts."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from common.contracts.clocks import (
    ClockBreached,
    ClockCancelled,
    ClockRetargeted,
    ClockWarned,
)
from escalation.domain.duty.calendars import Calendar
from escalation.domain.settings.policies import Match, Target, ThresholdRule
from escalation.domain.settings.registry import Ref, Versioned
from escalation.domain.timers import SettingChanged
from unit.escalation.clock_examples import (
    BY_PRIORITY,
    clock_of,
    contact_with_clocks,
    due_s,
    policy,
    settings_with_policies,
    warn_at,
)
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import CONTACT, RITA, SETTINGS, second


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
        assert due_s(harness, "first_response") == 40
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
        assert (clock_of(harness, "resolution").state, due_s(harness, "assignment")) == (
            "cancelled",
            20,
        )
        harness.advance_to(6)
        harness.prioritize("high")
        assert clock_of(harness, "resolution").state == "running"
        assert due_s(harness, "resolution") == 400

    def test_paused_clock_stays_paused_after_retargeting(self) -> None:
        longer = policy(Target("resolution", 1000), match=Match(priority=("low",)))
        harness = ContactHarness(
            settings=settings_with_policies(usual=policy(Target("resolution", 100)), longer=longer)
        )
        harness.receive()
        harness.advance_to(60)
        harness.wait_for_customer()
        harness.advance_to(70)
        harness.prioritize("low")
        assert clock_of(harness, "resolution").state == "paused"
        harness.advance_to(100)
        harness.write()
        assert due_s(harness, "resolution") == 1040

    def test_breached_clock_stays_breached_after_retargeting(self) -> None:
        longer = policy(Target("resolution", 1000), match=Match(priority=("low",)))
        harness = ContactHarness(
            settings=settings_with_policies(usual=policy(Target("resolution", 100)), longer=longer)
        )
        harness.receive()
        harness.advance_to(100)
        harness.prioritize("low")
        assert clock_of(harness, "resolution").state == "breached"
        assert harness.events(ClockRetargeted) == []

    def test_clocks_stay_if_no_policy_matches_any_more(self) -> None:
        only_high = policy(Target("resolution", 100), match=Match(priority=("high",)))
        harness = ContactHarness(settings=settings_with_policies(only=only_high))
        harness.receive()
        harness.prioritize("low")
        assert harness.surprises == ["no_policy_matches"]
        assert clock_of(harness, "resolution").state == "running"


class TestThresholdsOfAnotherTarget:
    @staticmethod
    def _retargeted(target_s: float, at: float, *rules: ThresholdRule) -> ContactHarness:
        """Warn at 60 of 100 s, and change the target at `at`."""
        harness = contact_with_clocks(Target("resolution", 100, rules))
        harness.receive()
        harness.assign()
        harness.advance_to(at)
        changed = policy(Target("resolution", target_s, rules))
        harness.settings = replace(SETTINGS, policies={"gold": Versioned("gold", 2, changed)})
        harness.send(SettingChanged(contact_id=CONTACT, reason="policy gold was changed"))
        return harness

    @pytest.mark.parametrize(
        "rule", [warn_at(60), ThresholdRule("warn_representative", offset_s=-40)]
    )
    def test_share_of_a_longer_target_that_is_ahead_fires(self, rule: ThresholdRule) -> None:
        harness = self._retargeted(800, 70, rule)
        due = 480 if rule.at_percent else 760
        harness.advance_to(due - 1)
        assert len(harness.events(ClockWarned)) == 1
        harness.advance_to(due)
        assert [event.threshold_due_at for event in harness.events(ClockWarned)] == [
            second(60),
            second(due),
        ]
        assert harness.pages() == [(RITA, "warning"), (RITA, "warning")]

    @pytest.mark.parametrize("target_s", [50, 100, 110])
    def test_share_that_is_passed_already_does_not_fire_again(self, target_s: float) -> None:
        harness = self._retargeted(target_s, 70, warn_at(60))
        harness.advance_to(target_s)
        assert len(harness.events(ClockWarned)) == 1

    @pytest.mark.parametrize("target_s", [80, 82])
    def test_share_that_is_passed_fires_once_if_it_never_fired(self, target_s: float) -> None:
        harness = self._retargeted(target_s, 55, warn_at(60))
        harness.advance_to(target_s)
        assert len(harness.events(ClockWarned)) == 1
        assert harness.event(ClockBreached).due_at == second(target_s)

    def test_return_to_the_first_target_does_not_fire_again(self) -> None:
        harness = self._retargeted(800, 70, warn_at(60))
        harness.advance_to(80)
        back = policy(Target("resolution", 100, (warn_at(60),)))
        harness.settings = replace(SETTINGS, policies={"gold": Versioned("gold", 3, back)})
        harness.send(SettingChanged(contact_id=CONTACT, reason="policy gold was changed"))
        harness.advance_to(100)
        assert len(harness.events(ClockWarned)) == 1
        assert harness.event(ClockBreached).due_at == second(100)


class TestCalendarChange:
    def test_changed_calendar_moves_running_clocks(self) -> None:
        usual = Calendar("UTC", {"mon": (("09:00", "17:00"),), "tue": (("09:00", "17:00"),)})
        holiday = replace(usual, closed=frozenset((date(2026, 3, 3),)))
        later = replace(holiday, hours={**usual.hours, "wed": (("09:00", "17:00"),)})
        harness = contact_with_clocks(Target("resolution", 10 * 3600), calendar_id="office")
        first = Versioned("office", 1, usual)
        harness.settings = replace(harness.settings, calendars={"office": first})
        harness.receive()
        assert clock_of(harness, "resolution").due_at == datetime(2026, 3, 3, 11, tzinfo=UTC)
        harness.advance_to(4 * 3600)
        harness.settings = replace(
            harness.settings,
            calendars={"office": Versioned("office", 2, later)},
            earlier_calendars={first.ref: usual},
        )
        changed = SettingChanged(contact_id=CONTACT, reason="calendar office was changed")
        harness.send(changed)
        harness.send(changed)
        clock = clock_of(harness, "resolution")
        assert clock.due_at == datetime(2026, 3, 4, 11, tzinfo=UTC)
        assert (clock.calendar, clock.policy) == (Ref("office", 2), Ref("gold", 1))
        retargeted = harness.event(ClockRetargeted)
        assert (retargeted.elapsed_s, retargeted.reason) == (
            4 * 3600,
            "calendar office was changed",
        )

    def test_change_of_a_calendar_moves_no_clock_of_another(self) -> None:
        harness = contact_with_clocks(Target("resolution", 100))
        harness.receive()
        harness.send(SettingChanged(contact_id=CONTACT, reason="calendar office was changed"))
        assert harness.events(ClockRetargeted) == []


class TestPolicyChange:
    def test_running_clocks_keep_policy_version(self) -> None:
        harness = contact_with_clocks(Target("resolution", 100))
        harness.receive()
        harness.settings = replace(
            SETTINGS, policies={"gold": Versioned("gold", 2, policy(Target("resolution", 10)))}
        )
        harness.advance_to(99)
        assert harness.events(ClockBreached) == []

    def test_policy_change_for_open_contacts_retargets_clocks(self) -> None:
        harness = contact_with_clocks(Target("resolution", 100))
        harness.receive()
        harness.advance_to(30)
        changed = Versioned("gold", 2, policy(Target("resolution", 50)))
        harness.settings = replace(SETTINGS, policies={"gold": changed})
        harness.send(SettingChanged(contact_id=CONTACT, reason="policy gold was changed"))
        assert due_s(harness, "resolution") == 50
        assert harness.event(ClockRetargeted).policy_version == 2
        harness.send(SettingChanged(contact_id=CONTACT, reason="policy gold was changed"))
        assert len(harness.events(ClockRetargeted)) == 1

    def test_spent_time_is_counted_by_calendar_of_its_time(self) -> None:
        early = Calendar("UTC", {"mon": (("09:00", "12:00"),)})
        late = Calendar("UTC", {"mon": (("11:00", "17:00"),)})
        harness = contact_with_clocks(Target("resolution", 2 * 3600), calendar_id="office")
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
        harness.send(SettingChanged(contact_id=CONTACT, reason="policy gold was changed"))
        assert harness.event(ClockRetargeted).elapsed_s == 3600
        assert clock_of(harness, "resolution").due_at == datetime(2026, 3, 2, 12, tzinfo=UTC)

"""Whatever happens to a contact in whatever order: what is owed to the customer has a clock."""

from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from common.contracts.contacts import Priority, WaitEnd
from escalation.domain.clocks.events import ClockEvent
from escalation.domain.clocks.recompute import clock_runs, counted_time, find_differences
from escalation.domain.clocks.timeline import spent_s
from escalation.domain.settings.policies import Match, SlaPolicy, Target, ThresholdRule
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.timers import SettingChanged
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import CONTACT, SETTINGS

# Business time is added up from whole microseconds.
_ROUNDING_S = 0.01
_WAIT_LIMIT_S = 90


def _policy(scale: float, version: int, **changes: Any) -> Versioned[SlaPolicy]:
    rules = (
        ThresholdRule("warn_representative", 60),
        ThresholdRule("warn_supervisor", 100),
        ThresholdRule("raise", offset_s=10),
    )
    body = SlaPolicy(
        targets=(
            Target("assignment", 15 * scale, rules),
            Target("first_response", 20 * scale, rules),
            Target("next_response", 25 * scale, rules),
            Target("periodic_update", 40 * scale),
            Target("resolution", 100 * scale, rules),
        ),
        ladder_id="default",
        severity="medium",
        wait_limit_s=_WAIT_LIMIT_S,
    )
    return Versioned("gold", version, replace(body, **changes))


def _settings(scale: float, version: int, **changes: Any) -> Configuration:
    urgent = _policy(scale / 2, version, match=Match(priority=("urgent",)), **changes)
    policies = {
        "gold": _policy(scale, version, **changes),
        "urgent": replace(urgent, id="urgent"),
    }
    return replace(SETTINGS, policies=policies)


class ClockLife(RuleBasedStateMachine):
    """A contact whose facts come in any order that intake and router may report."""

    def __init__(self) -> None:
        super().__init__()
        self.version = 1
        self.harness = ContactHarness(settings=_settings(1, 1))
        self.harness.receive()

    @rule(seconds=st.floats(0, 60), lag=st.floats(0, 2))
    def time_passes(self, seconds: float, lag: float) -> None:
        self.harness.advance_to(self.harness.now + seconds, lag)

    @rule(automatic=st.booleans(), act=st.sampled_from(["write", "reply"]))
    def somebody_writes(self, act: str, automatic: bool) -> None:
        getattr(self.harness, act)(automatic=automatic)

    @rule(act=st.sampled_from(["assign", "refer", "ask_for_supervisor", "wait_for_customer"]))
    def somebody_acts(self, act: str) -> None:
        getattr(self.harness, act)()

    @rule(cause=st.sampled_from(["customer_wrote", "representative_replied", "opened", "on_hold"]))
    def the_wait_ends(self, cause: WaitEnd) -> None:
        self.harness.end_wait(cause=cause)

    @rule(priority=st.sampled_from(["low", "urgent"]))
    def the_priority_changes(self, priority: Priority) -> None:
        self.harness.prioritize(priority)

    @rule(scale=st.sampled_from([0.5, 1, 4]), on_reopening=st.sampled_from(["full", "continue"]))
    def the_policy_changes(self, scale: float, on_reopening: str) -> None:
        self.version += 1
        self.harness.settings = _settings(scale, self.version, on_reopening=on_reopening)
        if self.harness.contact.is_open:
            self.harness.send(SettingChanged(contact_id=CONTACT, reason="policy gold was changed"))

    @rule(end=st.sampled_from(["resolve", "abandon"]))
    @precondition(lambda self: self.harness.contact.is_open)
    def the_contact_ends(self, end: str) -> None:
        getattr(self.harness, end)()

    @rule()
    def the_contact_is_reopened(self) -> None:
        self.harness.reopen()

    @invariant()
    def a_reply_that_is_owed_has_a_clock(self) -> None:
        contact = self.harness.contact
        owed = contact.reply_owed_since is not None
        running = contact.runs("first_response") or contact.runs("next_response")
        assert running == owed
        assert not (contact.runs("first_response") and contact.runs("next_response"))

    @invariant()
    def an_open_contact_has_a_resolution_clock(self) -> None:
        contact = self.harness.contact
        assert contact.runs("resolution") == contact.is_open

    @invariant()
    def an_update_is_owed_only_after_a_reply(self) -> None:
        contact = self.harness.contact
        if contact.runs("periodic_update"):
            assert contact.replied_at is not None

    @invariant()
    def a_pause_has_a_reason_and_an_end(self) -> None:
        contact = self.harness.contact
        paused = [clock for clock in contact.clocks if clock.paused_at and not clock.ended]
        if paused:
            assert contact.waiting_since is not None
            assert contact.wait_ends_at is not None
            assert self.harness.timers["wait"].due_at == contact.wait_ends_at
        assert all(clock.pause_reason for clock in paused)
        assert contact.is_open or contact.waiting_since is None

    @invariant()
    def clocks_are_recomputed_from_their_events(self) -> None:
        events = [event for event in self.harness.published if isinstance(event, ClockEvent)]
        runs = clock_runs(events)
        contact = self.harness.contact
        assert find_differences(contact.clocks, runs) == []
        for run in runs:
            counted = counted_time(run, self.harness.settings, self.harness.at).total_seconds()
            assert abs(counted - spent_s(None, run.clock, self.harness.at)) < _ROUNDING_S

    def teardown(self) -> None:
        """No clock of an open contact is paused once the wait has come to its end."""
        self.harness.advance_to(self.harness.now + _WAIT_LIMIT_S + 1)
        assert all(clock.paused_at is None or clock.ended for clock in self.harness.contact.clocks)


ClockLife.TestCase.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
TestClockLife = ClockLife.TestCase

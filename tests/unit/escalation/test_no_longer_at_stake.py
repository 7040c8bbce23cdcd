"""An escalation ends once another policy or priority has taken its last reason away."""

from common.contracts.escalations import (
    EscalationCausesMet,
    EscalationClosed,
    EscalationRaised,
)
from escalation.domain.escalations import actions
from escalation.domain.settings.policies import Match, Target, ThresholdRule
from escalation.domain.settings.registry import Configuration
from unit.escalation.clock_examples import policy, settings_with_policies
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import SAM


class TestEscalationOfWhatIsNoLongerAtStake:
    """Zammad 4353 and osTicket-1.7 686, by another way: the policy changed under an escalation."""

    WARNING = ThresholdRule("raise", 50)
    SETTINGS = settings_with_policies(
        usual=policy(Target("first_response", 10), Target("resolution", 400)),
        low=policy(Target("resolution", 800), match=Match(priority=("low",))),
    )
    AT_RISK = settings_with_policies(
        usual=policy(Target("resolution", 100, (WARNING,))),
        low=policy(Target("resolution", 800, (WARNING,)), match=Match(priority=("low",))),
    )

    @staticmethod
    def _raised(settings: Configuration, at: float) -> ContactHarness:
        harness = ContactHarness(settings=settings)
        harness.receive()
        harness.assign()
        harness.advance_to(at)
        assert harness.pages() == [(SAM, "raised")]
        return harness

    def test_broken_promise_that_no_policy_makes_any_more_pages_nobody_further(self) -> None:
        harness = self._raised(self.SETTINGS, 10)
        harness.prioritize("low")
        assert harness.event(EscalationClosed).reason.startswith("priority high became low")
        harness.advance_to(390)
        assert harness.pages() == [(SAM, "raised")]

    def test_promise_that_is_made_again_raises_again(self) -> None:
        harness = self._raised(self.SETTINGS, 10)
        harness.prioritize("low")
        harness.advance_to(20)
        harness.prioritize("normal")
        harness.advance_to(20)
        assert [event.cause for event in harness.events(EscalationRaised)] == ["breach"] * 2
        assert harness.pages() == [(SAM, "raised")] * 2

    def test_risk_that_a_longer_target_takes_away_comes_again_in_its_time(self) -> None:
        harness = self._raised(self.AT_RISK, 50)
        harness.prioritize("low")
        assert len(harness.events(EscalationClosed)) == 1
        harness.advance_to(399)
        assert len(harness.events(EscalationRaised)) == 1
        harness.advance_to(400)
        assert harness.pages() == [(SAM, "raised")] * 2

    def test_another_reason_keeps_it_open_until_that_is_met(self) -> None:
        both = settings_with_policies(
            usual=policy(Target("first_response", 10), Target("assignment", 11)),
            low=policy(Target("assignment", 11), match=Match(priority=("low",))),
        )
        harness = ContactHarness(settings=both)
        harness.receive()
        harness.advance_to(11)
        harness.prioritize("low")
        assert harness.events(EscalationClosed) == []
        harness.assign()
        met = harness.event(EscalationCausesMet)
        assert met.reason == "assigned late, first response no longer at stake"
        assert met.breached_clocks == ("assignment",)

    def test_acknowledged_escalation_stays_with_its_holder(self) -> None:
        harness = self._raised(self.SETTINGS, 10)
        harness.apply(lambda situation: actions.acknowledge(situation, SAM))
        harness.prioritize("low")
        assert harness.events(EscalationClosed) == []

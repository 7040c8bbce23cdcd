"""Each deadline that was noticed says which it was, by whose policy, and how late."""

from functools import partial

from common.contracts.escalations import EscalationClimbed
from escalation.domain.escalations import actions
from escalation.domain.queries import ObservedLateness, observed_lateness
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import MIA, SAM


def of(harness: ContactHarness) -> list[ObservedLateness]:
    return [
        lateness for lateness in map(observed_lateness, harness.published) if lateness is not None
    ]


def test_clock_lateness_has_policy_and_clock() -> None:
    harness = ContactHarness()
    harness.receive()
    harness.advance_to(4.5, lag=0.02)
    assert of(harness) == [
        ObservedLateness("gold", "assignment", 20),
        ObservedLateness("gold", "assignment", 20),
    ]


def test_escalation_lateness_is_of_acknowledgement_then_of_lease() -> None:
    harness = ContactHarness()
    harness.receive()
    harness.assign()
    harness.refer()
    harness.advance_to(6, lag=0.03)
    assert of(harness)[-1] == ObservedLateness(None, "acknowledgement_due", 30)
    harness.press(MIA)
    harness.advance_to(27, lag=0.01)
    assert of(harness)[-1] == ObservedLateness(None, "lease", 10)


def test_referral_up_by_person_has_no_lateness() -> None:
    harness = ContactHarness()
    harness.receive()
    harness.assign()
    harness.refer()
    harness.apply(partial(actions.refer_up, by=SAM, reason="above my limit"))
    assert harness.event(EscalationClimbed).to_level == 1
    assert of(harness) == []

"""Of each broken promise those concerned hear once: the holder, the awaited, who asks approval."""

from dataclasses import replace

import pytest

from common.contracts.escalations import PageRequested
from common.contracts.event import PersonId
from escalation.domain.escalations import actions
from escalation.domain.settings.policies import SlaPolicy, Target, ThresholdRule
from escalation.domain.settings.registry import Versioned
from unit.escalation.action_examples import resolve_with_refund, settings_with
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import LADDER, MIA, POLICY, SAM

PATIENT = replace(
    LADDER,
    lease_s=1000,
    levels=tuple(replace(level, acknowledge_within_s=1000) for level in LADDER.levels),
)


def breached(*targets: Target) -> ContactHarness:
    """Return a contact whose first promise broke at 10 s; Sam was paged."""
    policy: SlaPolicy = replace(POLICY, targets=(Target("first_response", 10), *targets))
    configuration = replace(settings_with(PATIENT), policies={"gold": Versioned("gold", 1, policy)})
    harness = ContactHarness(configuration)
    harness.receive()
    harness.assign()
    harness.advance_to(10)
    return harness


def news(harness: ContactHarness) -> list[tuple[PersonId, str | None]]:
    """Return who was told of which clock as a further reason."""
    return [
        (page.person_id, page.causes[-1].clock)
        for page in harness.events(PageRequested)
        if page.reason == "updated"
    ]


@pytest.mark.parametrize("is_held", [True, False])
def test_broken_promise_of_another_clock_is_told_to_who_has_it(is_held: bool) -> None:
    harness = breached(Target("resolution", 100))
    if is_held:
        harness.press(SAM)
    harness.advance_to(300)
    assert news(harness) == [(SAM, "resolution")]
    assert harness.open_escalation.severity == "medium"


def test_broken_promise_of_another_run_is_told() -> None:
    harness = breached(Target("next_response", 20))
    harness.press(SAM)
    harness.reply()
    for start in (20, 60):
        harness.advance_to(start)
        harness.write()
        harness.advance_to(start + 20)
        harness.reply()
    assert news(harness) == [(SAM, "next_response"), (SAM, "next_response")]


def test_further_threshold_of_one_promise_is_told_once() -> None:
    thresholds = tuple(ThresholdRule("raise", percent) for percent in (50, 60, 70))
    harness = breached(Target("resolution", 100, thresholds))
    harness.press(SAM)
    harness.advance_to(99)
    assert news(harness) == [(SAM, "resolution")]
    harness.advance_to(100)
    assert news(harness) == [(SAM, "resolution"), (SAM, "resolution")]
    assert [cause.kind for cause in harness.open_escalation.causes] == [
        "breach",
        "warning",
        "breach",
    ]


def test_late_acknowledgement_is_no_news_for_those_who_were_asked() -> None:
    harness = breached(Target("acknowledgement", 3))
    harness.advance_to(20)
    assert news(harness) == []


def test_person_who_asks_for_an_approval_is_told_beside_the_approvers() -> None:
    harness = breached(Target("resolution", 100))
    harness.press(SAM)
    resolve_with_refund(harness, SAM, 500)
    harness.advance_to(100)
    assert news(harness) == [(MIA, "resolution"), (SAM, "resolution")]


def test_new_holder_has_all_reasons_in_the_page() -> None:
    harness = breached(Target("resolution", 100))
    harness.press(SAM)
    harness.advance_to(100)
    harness.act(SAM, actions.hand_over, to=MIA, context="knows the case")
    assert [cause.clock for cause in harness.last_page.causes] == ["first_response", "resolution"]

"""The same contacts under two configurations: totals, changes and examples."""

from dataclasses import replace
from datetime import timedelta

from common.contracts.event import ContactEvent, ContactId
from escalation.domain.settings.policies import Match, SlaPolicy, Target
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.simulation import Assumptions
from escalation.domain.simulation_comparison import (
    MAX_EXAMPLES,
    Change,
    Comparison,
    ContactOutcome,
    compare,
)
from unit.escalation.examples import (
    CONTACT,
    POLICY,
    SETTINGS,
    START,
    contact_assigned,
    contact_received,
    contact_resolved,
)

UNTIL = START + timedelta(seconds=1000)
PROMPT = Assumptions(timedelta(seconds=3))
FACTS = (
    contact_received(START),
    contact_assigned(START + timedelta(seconds=1)),
    contact_resolved(START + timedelta(seconds=8)),
)


def with_policy(policy: SlaPolicy) -> Configuration:
    return replace(SETTINGS, policies={"gold": Versioned("gold", 4, policy)})


STRICT = with_policy(replace(POLICY, targets=(Target("first_response", 2),)))


def compared(
    after: Configuration, *facts: ContactEvent, contacts: int = 1, before: Configuration = SETTINGS
) -> Comparison:
    histories = [(ContactId(CONTACT), facts or FACTS)] * contacts
    return compare(histories, before, after, UNTIL, PROMPT)


def test_stricter_target_breaks_promise_that_was_kept() -> None:
    result = compared(STRICT).result
    assert (result.contacts, result.changed) == (1, 1)
    (gold,) = result.policies
    clocks = {clock.clock: clock for clock in gold.clocks}
    assert clocks["first_response"].breaches.after == 1
    assert clocks["resolution"].promises == Change(1, 0)
    (example,) = result.examples
    assert "first_response" not in example.before.breaches
    assert example.after == ContactOutcome("gold", ("first_response",), 1, "supervisors", 1)


def test_same_settings_change_nothing() -> None:
    result = compared(SETTINGS).result
    assert (result.changed, result.examples) == (0, ())
    assert all(policy.breaches.before == policy.breaches.after for policy in result.policies)


def test_policy_that_no_longer_matches_loses_its_contacts() -> None:
    result = compared(with_policy(replace(POLICY, match=Match(topic=("returns",))))).result
    assert result.without_policy == Change(0, 1)
    assert result.policies[0].contacts == Change(1, 0)
    assert result.examples[0].after.policy_id is None


def test_parts_add_up_and_examples_end() -> None:
    whole, parts = compared(STRICT, contacts=30), Comparison()
    for _ in range(30):
        parts.add(compared(STRICT))
    assert parts.result == whole.result
    assert whole.result.changed == 30
    assert len(whole.result.examples) == MAX_EXAMPLES

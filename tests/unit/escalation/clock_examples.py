"""Policies with few targets, and short cuts for tests of clocks."""

from dataclasses import replace
from typing import Any

from common.contracts.clocks import (
    ClockName,
)
from escalation.domain.model import SlaClock
from escalation.domain.settings.policies import Match, SlaPolicy, Target, ThresholdRule
from escalation.domain.settings.registry import Configuration, Versioned
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import SETTINGS, START


def policy(*targets: Target, **changes: Any) -> SlaPolicy:
    plain = SlaPolicy(targets=targets, ladder_id="default", severity="medium")
    return replace(plain, **changes)


def contact_with_clocks(*targets: Target, **changes: Any) -> ContactHarness:
    return ContactHarness(settings=settings_with_policies(gold=policy(*targets, **changes)))


def settings_with_policies(**policies: SlaPolicy) -> Configuration:
    return replace(
        SETTINGS, policies={name: Versioned(name, 1, body) for name, body in policies.items()}
    )


def clock_of(harness: ContactHarness, name: ClockName) -> SlaClock:
    clock = harness.contact.clock(name)
    assert clock is not None
    return clock


def due_s(harness: ContactHarness, name: ClockName) -> float:
    """Return the deadline in seconds from START."""
    return (clock_of(harness, name).due_at - START).total_seconds()


def warn_at(at_percent: int) -> ThresholdRule:
    return ThresholdRule("warn_representative", at_percent)


BY_PRIORITY = settings_with_policies(
    usual=policy(Target("first_response", 100, (warn_at(50),)), Target("resolution", 400)),
    urgent=policy(
        Target("first_response", 40, (warn_at(50),)),
        Target("assignment", 20),
        match=Match(priority=("urgent",)),
        severity="critical",
        ladder_id="default",
    ),
)

"""Settings and short cuts for tests of what people do with an escalation."""

from dataclasses import replace
from decimal import Decimal

from common.contracts.event import PersonId
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.escalations import approvals
from escalation.domain.model import Lease, Resolution
from escalation.domain.money import Money, ProposedOutcome
from escalation.domain.settings.ladders import Ladder, Level, NamedPerson
from escalation.domain.settings.people import ApprovalLimit
from escalation.domain.settings.policies import Target
from escalation.domain.settings.registry import Configuration, Versioned
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import (
    DAN,
    DUTY,
    LADDER,
    POLICY,
    SETTINGS,
)

# A policy whose clocks do not fire during a test.
CALM = replace(POLICY, targets=(Target("assignment", 10_000),))
LIMITS = {
    "supervisor": Versioned("supervisor", 1, ApprovalLimit({"EUR": Decimal(100)})),
    "manager": Versioned("manager", 1, ApprovalLimit({"EUR": Decimal(1000)})),
}
THREE_LEVELS = replace(
    LADDER, levels=(*LADDER.levels, Level("directors", 9, (NamedPerson("person", DAN),)))
)


def settings_with(ladder: Ladder = LADDER, duty: DutySchedule = DUTY) -> Configuration:
    return replace(
        SETTINGS,
        policies={"gold": Versioned("gold", 1, CALM)},
        ladders={"default": Versioned("default", 2, ladder)},
        schedules={"supervisors": Versioned("supervisors", 2, duty)},
        limits=LIMITS,
    )


def resolve_with_refund(
    harness: ContactHarness, by: PersonId, amount: int, role: str = "supervisor"
) -> None:
    money = Money(Decimal(amount), "EUR")
    proposed = ProposedOutcome("refund", "sorry", money)
    harness.act(by, approvals.resolve, role=role, proposed=proposed)


def resolution_of(harness: ContactHarness) -> Resolution:
    """Return how the last escalation ended."""
    resolution = harness.ended[-1].resolution
    assert resolution is not None
    return resolution


def lease_of(harness: ContactHarness) -> Lease:
    lease = harness.open_escalation.lease
    assert lease is not None
    return lease


def pages_since(harness: ContactHarness, number: int) -> list[tuple[str, str]]:
    return harness.pages()[number:]

"""A contact without escalation, with one that is raised, and with one that sam holds."""

import pytest

from unit.escalation.action_examples import settings_with
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import (
    SAM,
)


@pytest.fixture
def harness() -> ContactHarness:
    return ContactHarness(settings=settings_with())


@pytest.fixture
def breached(harness: ContactHarness) -> ContactHarness:
    """Return a harness at which the first response has just become overdue."""
    harness.receive()
    harness.assign()
    harness.advance_to(10)
    return harness


@pytest.fixture
def raised(harness: ContactHarness) -> ContactHarness:
    """Return a contact whose customer has asked for a supervisor: sam is paged."""
    harness.receive()
    harness.assign()
    harness.ask_for_supervisor()
    assert harness.pages() == [(SAM, "raised")]
    return harness


@pytest.fixture
def acknowledged(raised: ContactHarness) -> ContactHarness:
    """Return an escalation that sam has acknowledged, at second 1, for 20 seconds."""
    raised.advance_to(1)
    raised.press(SAM)
    return raised

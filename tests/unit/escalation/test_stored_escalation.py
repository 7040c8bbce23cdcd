"""An escalation is the same after it was stored and read."""

from typing import Any

from pydantic import TypeAdapter

from escalation.domain.escalations import actions
from escalation.domain.model import Escalation
from escalation.domain.settings.registry import NO_LADDER, Configuration
from unit.escalation.action_examples import resolve_with_refund
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import SAM, second

STORED: TypeAdapter[Any] = TypeAdapter(Escalation)


def test_lease_survives_storage(acknowledged: ContactHarness) -> None:
    acknowledged.act(SAM, actions.snooze, until=second(60), reason="later")
    escalation = acknowledged.open_escalation
    assert STORED.validate_json(STORED.dump_json(escalation)) == escalation


def test_approval_and_resolution_survive_storage(acknowledged: ContactHarness) -> None:
    resolve_with_refund(acknowledged, SAM, 500)
    asking = acknowledged.open_escalation
    assert STORED.validate_json(STORED.dump_json(asking)) == asking
    acknowledged.resolve()
    ended = acknowledged.ended[-1]
    assert STORED.validate_json(STORED.dump_json(ended)) == ended


def test_escalation_without_ladder_is_stored_as_null() -> None:
    harness = ContactHarness(Configuration())
    harness.receive()
    harness.ask_for_supervisor()
    escalation = harness.open_escalation
    stored = STORED.dump_python(escalation, mode="json")
    assert stored["ladder"] is None
    read = STORED.validate_python(stored)
    assert read == escalation
    assert read.ladder is NO_LADDER
    assert (read.levels, read.level_name) == ((), "nobody")

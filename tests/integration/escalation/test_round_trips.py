"""How often a transaction of escalation waits for the database, however many messages it has."""

import httpx
import pytest

from integration.escalation.conftest import EscalationHarness, assigned
from support.probe import record_statements


@pytest.mark.parametrize("size", [1, 20])
async def test_new_contacts_take_five_round_trips(
    service: EscalationHarness, configured: httpx.AsyncClient, size: int
) -> None:
    assert configured
    await service.handle_events(await service.received())
    received = [await service.received() for _ in range(size)]
    async with record_statements(service.database) as sent:
        await service.handle_events(*received)
    # BEGIN, inbox with the time, lock with the revision of the settings, all writes, COMMIT. No
    # timer is deleted: a new contact has none.
    assert len(sent) == 5
    assert not [statement for statement in sent if "DELETE FROM timers" in statement]


@pytest.mark.parametrize("size", [1, 20])
async def test_assigned_contacts_take_five_round_trips(
    service: EscalationHarness, configured: httpx.AsyncClient, size: int
) -> None:
    assert configured
    received = [await service.received() for _ in range(size)]
    await service.handle_events(*received)
    async with record_statements(service.database) as sent:
        await service.handle_events(*(assigned(contact) for contact in received))
    # The same, with the DELETE of the timers that are met, and none to insert.
    assert len(sent) == 5
    assert sum("DELETE FROM timers" in statement for statement in sent) == 1

"""How often a transaction of router waits for the database, however many messages it has."""

import pytest

from integration.router.conftest import RouterHarness
from integration.router.examples import received
from support.probe import record_statements


@pytest.mark.parametrize("size", [1, 20])
async def test_new_contacts_take_five_round_trips(harness: RouterHarness, size: int) -> None:
    await harness.hire("rita", capacity=1000)
    await harness.handle_events(received())
    contacts = [received() for _ in range(size)]
    async with record_statements(harness.database) as sent:
        await harness.handle_events(*contacts)
    # BEGIN, inbox with the time, turn with the locks, all writes, COMMIT.
    assert len(sent) == 5

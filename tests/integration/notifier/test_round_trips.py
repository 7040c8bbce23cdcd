"""How often a transaction of the notifier waits for the database, however many pages it has."""

import pytest

from integration.notifier.conftest import ServiceHarness, paged
from integration.notifier.write_back_examples import EscalatedCase, set_up, write_states
from support.probe import record_statements


@pytest.mark.parametrize("size", [1, 20])
async def test_new_pages_take_seven_round_trips(harness: ServiceHarness, size: int) -> None:
    people = [f"dana-{number}" for number in range(size)]
    for person in people:
        await harness.add_recipient(person)
    async with record_statements(harness.database) as sent:
        await harness.handle(*map(paged, people))
    assert len(await harness.states()) == 2 * size
    # BEGIN, inbox with the time, locks of escalations and of notifications, recipients, all writes,
    # COMMIT.
    assert len(sent) == 7


@pytest.mark.parametrize("size", [1, 20])
async def test_new_writes_to_cases_take_six_round_trips(harness: ServiceHarness, size: int) -> None:
    await set_up(harness, "http://127.0.0.1:9")
    raised = [EscalatedCase(ref=str(number + 1)).raised() for number in range(size)]
    async with record_statements(harness.database) as sent:
        await harness.handle(*raised)
    assert len(await write_states(harness)) == size
    # BEGIN, inbox with the time, locks of escalations, the write-back, all writes, COMMIT.
    assert len(sent) == 6

"""`explain-clocks` recomputes clocks from published events and compares."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from escalation.main import cli
from integration.escalation.clock_examples import replies, waits, writes
from integration.escalation.conftest import EscalationHarness
from support.databases import Postgres

pytestmark = pytest.mark.usefixtures("configured")


Explain = Callable[..., Awaitable[Result]]


_CORRUPT = """
    UPDATE tracked_contacts SET clocks = jsonb_set(CAST(clocks AS jsonb), '{0,target_s}', '5')
"""


@pytest.fixture
def explain(postgres: Postgres, database_name: str) -> Explain:
    """Call `python -m escalation explain-clocks`."""

    async def call(*words: str) -> Result:
        return await asyncio.to_thread(
            CliRunner().invoke,
            cli,
            ["explain-clocks", *words],
            env={"UPSTAIRS_DATABASE_URL": postgres.url(database_name, "escalation")},
        )

    return call


async def test_explain_clocks_recomputes_breach_and_gives_its_reason(
    service: EscalationHarness, explain: Explain
) -> None:
    contact = await service.received()
    await service.handle_events(contact, replies(contact, 1), waits(contact, 20))
    await service.advance_time(400)
    await service.handle_events(writes(contact, 400))
    await service.advance_time(2000)
    result = await explain(contact.contact_id, "--clock", "resolution")
    assert result.exit_code == 0, result.output
    assert "resolution, run 1: breached" in result.output
    assert "paused after 20 s: waiting for the customer" in result.output
    assert "16 min 40 s round the clock had passed at" in result.output
    assert "Stored clocks match the published events." in result.output
    assert "first_response" not in result.output


async def test_explain_clocks_reports_mismatch_of_stored_clock(
    service: EscalationHarness, explain: Explain
) -> None:
    contact = await service.received()
    await service.handle_events(contact)
    async with service.database.transaction() as uow:
        await uow.connection.execute(text(_CORRUPT))
    result = await explain(contact.contact_id)
    assert result.exit_code == 1
    assert "MISMATCH assignment: target_s" in result.output


async def test_explain_clocks_rejects_unknown_contact_and_clock(explain: Explain) -> None:
    result = await explain("018f0000-0000-7000-8000-00000000dead")
    assert (result.exit_code, result.output) == (1, "There is no such contact.\n")
    assert (await explain("nothing")).exit_code == 2
    contact_id = "018f0000-0000-7000-8000-00000000dead"
    assert (await explain(contact_id, "--clock", "patience")).exit_code == 2

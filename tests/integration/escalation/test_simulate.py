"""Drafts tried on the past of a real database, as a manager types it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from common.contracts.contacts import ContactReceived, ContactResolved, RepresentativeReplied
from common.contracts.event import Event, MessageId
from escalation.main import cli
from integration.escalation.conftest import POLICY, Desk, assigned
from support.databases import Postgres

Simulate = Callable[..., Awaitable[Result]]
SINCE = "2020-01-01"
STRICT = {**POLICY, "targets": [{"clock": "first_response", "target_s": 5}]}

pytestmark = pytest.mark.usefixtures("configured")


@pytest.fixture
def simulate(postgres: Postgres, database_name: str) -> Simulate:
    """Call `python -m escalation simulate`; its processes are real."""

    async def call(*words: str, since: str = SINCE) -> Result:
        return await asyncio.to_thread(
            CliRunner().invoke,
            cli,
            ["simulate", "--since", since, "--processes", "1", *words],
            env={"UPSTAIRS_DATABASE_URL": postgres.url(database_name, "escalation")},
        )

    return call


@pytest.fixture
def draft(tmp_path: Path) -> Callable[[dict[str, Any]], str]:
    def write(body: dict[str, Any]) -> str:
        path = tmp_path / "draft.json"
        path.write_bytes(orjson.dumps(body))
        return str(path)

    return write


async def _a_past(desk: Desk) -> None:
    """Two contacts, answered after ten seconds and after two minutes, resolved after five."""
    for answered_after in (10, 120):
        contact = await desk.received()
        facts: list[Event] = [
            contact,
            assigned(contact),
            RepresentativeReplied(
                contact_id=contact.contact_id,
                occurred_at=_later(contact, answered_after),
                message_id=MessageId("m"),
            ),
            ContactResolved(contact_id=contact.contact_id, occurred_at=_later(contact, 300)),
        ]
        desk.database.clock.offset += timedelta(seconds=300)
        await desk.tell(*facts)


def _later(contact: ContactReceived, seconds: float) -> Any:
    return contact.occurred_at + timedelta(seconds=seconds)


async def test_a_draft_is_told_beside_what_is_in_force(
    desk: Desk, simulate: Simulate, draft: Callable[[dict[str, Any]], str]
) -> None:
    await _a_past(desk)
    until = (await desk.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    strict = f"sla-policies/gold={draft(STRICT)}"
    result = await simulate("--until", until, "--draft", strict, "--json")
    assert result.exit_code == 0, result.output
    told = orjson.loads(result.stdout)
    now, tried = told["in force"], told["with the drafts"]
    assert (now["contacts"], now["clocks"], tried["clocks"]) == (2, 6, 2)
    broken = {
        name: {one["clock"]: one["broken"] for one in each["promises"]}
        for name, each in told.items()
    }
    assert broken["in force"] == {"assignment": 0, "first_response": 1, "resolution": 0}
    assert broken["with the drafts"] == {"first_response": 2}
    raised = [one["pages"] for one in tried["pages"] if one["person_id"] == "sam"]
    assert sum(raised) >= 2
    assert now["escalations"] == {"breach": 1}


async def test_it_is_told_in_words_too(desk: Desk, simulate: Simulate) -> None:
    await _a_past(desk)
    until = (await desk.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    result = await simulate("--until", until, "--answer-after", "0")
    assert result.exit_code == 0, result.output
    assert "taken: nobody answers" in result.output
    assert "in force: 2 contacts, 6 clocks" in result.output
    assert "paged: sam" in result.output


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({**STRICT, "ladder_id": "none"}, "ladder_id: There is no ladder none."),
        ({**STRICT, "targets": []}, "targets"),
    ],
)
async def test_a_draft_that_could_not_be_put_in_force_is_refused(
    simulate: Simulate,
    draft: Callable[[dict[str, Any]], str],
    body: dict[str, Any],
    told: str,
) -> None:
    result = await simulate("--draft", f"sla-policies/gold={draft(body)}")
    assert result.exit_code == 2
    assert told in " ".join(result.output.replace("│", " ").split())


async def test_a_file_that_is_not_there_and_a_kind_that_is_none(simulate: Simulate) -> None:
    for wrong in ("sla-policies/gold=/no/such/file", "policies/gold=x", "gold"):
        assert (await simulate("--draft", wrong)).exit_code == 2

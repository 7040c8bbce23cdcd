"""`simulate` replays stored events under drafts, as a manager calls it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from escalation.main import cli
from integration.escalation.conftest import POLICY, EscalationHarness
from integration.escalation.past_contacts import handle_past_contacts
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


async def test_simulate_compares_draft_with_settings_in_force(
    service: EscalationHarness, simulate: Simulate, draft: Callable[[dict[str, Any]], str]
) -> None:
    await handle_past_contacts(service, 10, 120)
    until = (await service.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    strict = f"sla-policies/gold={draft(STRICT)}"
    result = await simulate("--until", until, "--draft", strict, "--json")
    assert result.exit_code == 0, result.output
    totals = orjson.loads(result.stdout)
    in_force, drafted = totals["in force"], totals["with the drafts"]
    assert (in_force["contacts"], in_force["started"], drafted["started"]) == (2, 6, 2)
    breached = {
        name: {clock["clock"]: clock["breached"] for clock in total["clocks"]}
        for name, total in totals.items()
    }
    assert breached["in force"] == {"assignment": 0, "first_response": 1, "resolution": 0}
    assert breached["with the drafts"] == {"first_response": 2}
    pages = [page["pages"] for page in drafted["pages"] if page["person_id"] == "sam"]
    assert sum(pages) >= 2
    assert in_force["escalations"] == {"breach": 1}


async def test_simulate_prints_text_report(service: EscalationHarness, simulate: Simulate) -> None:
    await handle_past_contacts(service, 10, 120)
    until = (await service.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    result = await simulate("--until", until, "--answer-after", "0")
    assert result.exit_code == 0, result.output
    assert "assumed: nobody answers" in result.output
    assert "in force: 2 contacts, 6 clocks" in result.output
    assert "paged: sam" in result.output


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({**STRICT, "ladder_id": "none"}, "ladder_id: There is no ladder none."),
        ({**STRICT, "targets": []}, "targets"),
    ],
)
async def test_invalid_draft_is_refused(
    simulate: Simulate,
    draft: Callable[[dict[str, Any]], str],
    body: dict[str, Any],
    error: str,
) -> None:
    result = await simulate("--draft", f"sla-policies/gold={draft(body)}")
    assert result.exit_code == 2
    assert error in " ".join(result.output.replace("│", " ").split())


async def test_missing_file_and_unknown_kind_are_usage_errors(simulate: Simulate) -> None:
    for wrong in ("sla-policies/gold=/no/such/file", "policies/gold=x", "gold"):
        assert (await simulate("--draft", wrong)).exit_code == 2

"""The references of settings and metrics are those of the code."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.__main__ import cli
from common.contracts.services import SERVICES
from common.service.reference import metrics_reference, settings_reference

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("kind", ["settings", "metrics"])
def test_stored_reference_is_current(kind: str) -> None:
    printed = CliRunner().invoke(cli, ["reference", kind, *SERVICES]).stdout
    command = f"python -m common reference {kind} {' '.join(SERVICES)} > docs/reference/{kind}.md"
    assert (REFERENCE / f"{kind}.md").read_text() == printed, f"run: {command}"


@pytest.mark.parametrize("make", [settings_reference, metrics_reference])
def test_settings_and_metrics_are_described(make: object) -> None:
    assert callable(make)
    rows = [line for line in make(SERVICES).splitlines() if line.startswith("| `")]
    assert len(rows) > 20
    assert [line for line in rows if line.endswith("|  |")] == []

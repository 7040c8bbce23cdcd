"""The checker reports every mutant of the brief set and no control; `make mutants` runs all."""

from collections.abc import Mapping

import pytest

from chaos.mutants.catalogue import groups
from chaos.mutants.trial import Outcome, run_all
from devstack import Stack
from support.progress import Report

BRIEF = groups(brief=True)

# All mutants run in the fixture, for the first of these tests.
pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module")
async def outcomes(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory, report: Report
) -> Mapping[str, Outcome]:
    logs = tmp_path_factory.mktemp("mutants")
    by_name: dict[str, Outcome] = {}
    report(f"running {sum(map(len, BRIEF))} mutants and controls …")
    async for outcome in run_all(stack, logs, BRIEF):
        by_name[outcome.mutant.name] = outcome
        report(outcome.summary)
    return by_name


@pytest.mark.parametrize("name", [mutant.name for group in BRIEF for mutant in group])
def test_checker_reports_mutant_and_no_control(name: str, outcomes: Mapping[str, Outcome]) -> None:
    assert outcomes[name].is_right, str(outcomes[name])

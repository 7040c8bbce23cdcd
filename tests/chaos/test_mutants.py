"""The checker sees what it is for: each mutant is named, and its sound control is not.

This is the brief part; `make mutants` tries all.
"""

from collections.abc import Mapping

import pytest

from chaos.mutants.catalogue import groups
from chaos.mutants.trial import Outcome, every
from devstack import Stack

BRIEF = groups(brief=True)

# All are tried for the first of these tests.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
async def outcomes(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    logs = tmp_path_factory.mktemp("mutants")
    return {one.mutant.name: one async for one in every(stack, logs, BRIEF)}


@pytest.mark.parametrize("name", [one.name for group in BRIEF for one in group])
def test_the_checker_names_what_is_broken(name: str, outcomes: Mapping[str, Outcome]) -> None:
    assert outcomes[name].is_right, str(outcomes[name])

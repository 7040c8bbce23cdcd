"""Mutants and breakpoints patch code by name, and mutants expect messages of the checker."""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from unittest.mock import patch

import pytest

from chaos.breakpoints import BREAKPOINTS, DIRECTORY, install_all
from chaos.mutants.catalogue import groups
from chaos.mutants.registry import Mutant
from common.contracts.services import EVENT_SERVICES

CHECKER = "\n".join(
    file.read_text()
    for file in resources.files("stage.invariants").iterdir()
    if file.name.endswith(".py")
)


@pytest.fixture(autouse=True)
def _without_patches() -> Iterator[None]:
    yield
    patch.stopall()


@pytest.mark.parametrize(
    "mutant", [mutant for group in groups() for mutant in group], ids=lambda mutant: mutant.name
)
def test_names_that_mutant_patches_exist(mutant: Mutant) -> None:
    mutant.install()


@pytest.mark.parametrize(
    "mutant",
    [mutant for group in groups() for mutant in group if not mutant.is_control],
    ids=lambda mutant: mutant.name,
)
def test_checker_has_the_message_that_mutant_expects(mutant: Mutant) -> None:
    assert mutant.expected_violation is not None
    _, message = mutant.expected_violation
    # This one message is put together from the owner of the timer and the rest.
    parts = message.partition(" has no live timer")
    assert all(part in CHECKER for part in parts), message


@pytest.mark.parametrize("service", EVENT_SERVICES)
def test_names_that_breakpoints_patch_exist(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DIRECTORY, str(tmp_path))
    assert BREAKPOINTS
    install_all(service)

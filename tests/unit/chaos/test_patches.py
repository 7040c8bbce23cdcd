"""Mutants and breakpoints patch code by its name: each name must still exist."""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from chaos.breakpoints import BREAKPOINTS, DIRECTORY, install_all
from chaos.mutants.catalogue import groups
from chaos.mutants.registry import Mutant
from stage.system import SERVICES


@pytest.fixture(autouse=True)
def _without_patches() -> Iterator[None]:
    yield
    patch.stopall()


@pytest.mark.parametrize(
    "mutant", [mutant for group in groups() for mutant in group], ids=lambda mutant: mutant.name
)
def test_mutant_finds_what_it_patches(mutant: Mutant) -> None:
    mutant.install()


@pytest.mark.parametrize("service", SERVICES)
def test_breakpoints_find_what_they_patch(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DIRECTORY, str(tmp_path))
    assert BREAKPOINTS
    install_all(service)

"""What the wheel of the console holds: an image is made from it, not from the sources."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

CONSOLE = Path(__file__).parents[3] / "services/console"
SOURCES = CONSOLE / "src/console"


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=CONSOLE, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        return {*archive.namelist()}


def files(folder: str) -> set[str]:
    paths = {path for path in (SOURCES / folder).rglob("*") if path.is_file()}
    return {
        f"console/{path.relative_to(SOURCES)}" for path in paths if not path.name.startswith(".")
    }


@pytest.mark.parametrize("folder", ["templates", "static", "locale"])
def test_wheel_has_every_file_that_pages_need(names: set[str], folder: str) -> None:
    assert len(files(folder)) >= 1
    assert files(folder) <= names


def test_wheel_has_the_migrations(names: set[str]) -> None:
    assert "console/migrations/versions/pre_0001_create.py" in names
    assert "console/migrations/env.py" in names


def test_wheel_has_nothing_but_the_package(names: set[str]) -> None:
    folders = {Path(name).parts[0] for name in names}
    assert {folder.partition("-")[0] for folder in folders} == {"console", "upstairs_console"}

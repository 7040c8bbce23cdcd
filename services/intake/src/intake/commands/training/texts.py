"""Texts of customers, and what each of them asks for: lines of yes or no, a tab, and the text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import typer

from intake.domain.understanding.text import Language

# People wrote them to train from.
_WRITTEN: Final = Path(__file__).parent / "written"


class LabelledText(NamedTuple):
    """`asks`: for a supervisor."""

    text: str
    asks: bool


def written_texts(language: Language) -> Iterator[LabelledText]:
    """Read the texts that weights are trained from."""
    return read_labelled(_WRITTEN / f"{language}.txt")


def read_labelled(file: Path) -> Iterator[LabelledText]:
    r"""Read the labelled texts of a file; `\n` in a text is a line break."""
    for line in file.read_text().splitlines():
        label, _, text = line.partition("\t")
        if label not in ("yes", "no") or not text:
            raise typer.BadParameter(f"{file.name}: not yes or no, a tab and a text: {line[:40]}")
        yield LabelledText(text.replace("\\n", "\n"), label == "yes")

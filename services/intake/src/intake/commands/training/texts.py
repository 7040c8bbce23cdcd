"""Texts of customers that people wrote to train from, and what each of them asks for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from intake.domain.understanding.text import Language

WRITTEN: Final = Path(__file__).parent / "written"


def written_texts(language: Language) -> Iterator[tuple[str, bool]]:
    """Yield each text and whether it asks for a supervisor."""
    for line in (WRITTEN / f"{language}.txt").read_text().splitlines():
        label, _, text = line.partition("\t")
        yield text.replace("\\n", "\n"), label == "yes"

"""Tables of who may call what: a row for each operation, a column for each caller."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """`name` is the operation and its variant."""

    name: str
    cells: Mapping[str, str]

    @property
    def operation(self) -> str:
        return self.name.partition(" #")[0]

    @property
    def variant(self) -> str:
        return self.name.partition(" #")[2]


def parse_rows(callers: Sequence[str], *tables: str) -> list[Row]:
    """Read the lines that are no comment: a name, and a cell for each caller."""
    count = len(callers)
    lines = (line.split() for table in tables for line in table.splitlines())
    return [
        Row(" ".join(words[:-count]), dict(zip(callers, words[-count:], strict=True)))
        for words in lines
        if words and words[0] != "#"
    ]

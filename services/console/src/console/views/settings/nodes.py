"""What a setting consists of: single values, groups of them, and rows that may be added.

`Entries` are a setting as a form has it: the text of each value by its name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from console.texts import mark
from console.views.fields import whole_number
from console.views.settings.values import Value

Entries = dict[str, Any]
# How the rows stand in the setting: a list of objects, a list of values, or an object by key.
Shape = Literal["records", "scalars", "map"]
KEY: Final = "key"
VALUE: Final = "value"
# The one value of a row has no name of its own.
UNNAMED: Final = ""


@dataclass(frozen=True, slots=True)
class Leaf:
    """`aliases` are the setting's names of what the value stands for, if it stands for several.

    The value of a leaf that `spreads` is an object, whose members belong to the leaf's parent.
    `initial` is what a new form has.
    """

    name: str
    value: Value
    label: str
    hint: str = ""
    is_required: bool = True
    initial: str = ""
    aliases: tuple[str, ...] = ()
    spreads: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """An optional group is left out of the setting while all its texts are empty."""

    name: str
    label: str
    nodes: "tuple[Node, ...]"
    hint: str = ""
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """`row_label` names one of them; a new form has `initial_count`."""

    name: str
    label: str
    row_label: str
    nodes: "tuple[Node, ...]"
    hint: str = ""
    shape: Shape = "records"
    is_ordered: bool = False
    initial_count: int = 0
    add_label: str = mark("Add")


Node = Leaf | Group | Rows


def join_path(path: str, name: str | int) -> str:
    """Return the path of a part; an unnamed one is all of its row."""
    if name == UNNAMED:
        return path
    return f"{path}/{name}" if path else str(name)


def row_index(text: str, row_entries: Sequence[Entries]) -> int | None:
    """Return the number of a row as it stands in a path, or None if there is no such row."""
    number = whole_number(text)
    return number if number is not None and number < len(row_entries) else None


def first_leaf(nodes: tuple[Node, ...]) -> Leaf:
    """Return the leaf by which people tell rows apart."""
    return next(node for node in nodes if isinstance(node, Leaf))

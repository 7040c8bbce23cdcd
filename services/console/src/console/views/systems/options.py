"""The settings of an outside system in a table: what each value is called, and what it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, assert_never

from console.views.reader import Reader
from console.views.settings.differences import Comparison
from console.views.settings.entries import entries_of
from console.views.settings.kinds import Body
from console.views.settings.nodes import Entries, Group, Leaf, Node, Rows
from console.views.settings.values import Choices


class Chip(NamedTuple):
    """A state: its tone and its word."""

    tone: str
    text: str


@dataclass(frozen=True, slots=True)
class Value:
    """One line of a table."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Button:
    label: str
    url: str
    is_primary: bool = False


def age_text(moment: datetime | None, reader: Reader) -> str | None:
    """Say how long ago it was, and when."""
    if moment is None:
        return None
    return reader.texts.gettext(
        "%(age)s ago (%(time)s)",
        age=reader.duration_since(moment),
        time=reader.texts.time(moment, reader.now),
    )


def values_of(nodes: Sequence[Node], body: Body, reader: Reader) -> tuple[Value, ...]:
    """List what is set; what is empty is left out."""
    choices = Choices(reader)
    entries = entries_of(nodes, body, reader.texts)
    changes = Comparison(choices).compare(nodes, _blank(nodes), entries)
    return tuple(Value(change.place, change.after) for change in changes)


def _blank(nodes: Iterable[Node]) -> Entries:
    blank: dict[str, Any] = {}
    for node in nodes:
        match node:
            case Leaf():
                blank[node.name] = ""
            case Group():
                blank[node.name] = _blank(node.nodes)
            case Rows():
                blank[node.name] = []
            case _:
                assert_never(node)
    return blank

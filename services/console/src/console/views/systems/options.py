"""What the screens of outside systems share: states as chips, and settings in a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, assert_never

from console.views.reader import Reader
from console.views.settings.entries import entries_of
from console.views.settings.kinds import Body
from console.views.settings.nodes import Entries, Group, Leaf, Node, Rows, first_leaf
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


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call to a system; `detail` is the service's own sentence, in English.

    `retry_url` is where it is tried again, if it can be.
    """

    reference: str
    text: str
    at: str
    chip: Chip
    detail: str | None
    retry_url: str | None = None


@dataclass(frozen=True, slots=True)
class SystemView:
    """A system that Upstairs calls; `problem` is the service's own sentence, in English."""

    title: str
    url: str
    chips: tuple[Chip, ...]
    problem: str | None
    facts: tuple[Value, ...]
    values: tuple[Value, ...]
    changed: str
    version: int
    actions: tuple[Button, ...]
    calls: tuple[CallRow, ...]


def pause_or_resume(state: str, url: str, reader: Reader) -> Button:
    gettext = reader.texts.gettext
    if state == "active":
        return Button(gettext("Pause…"), f"{url}/pause")
    return Button(gettext("Resume…"), f"{url}/resume", is_primary=True)


def chip_of(labels: Mapping[str, tuple[str, str]], state: str, reader: Reader) -> Chip:
    """Return the tone and the word of a state; one that is new in the service is shown as it is."""
    tone, text = labels.get(state, ("", state))
    return Chip(tone, reader.texts.gettext(text))


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
    lines = _Lines(Choices(reader)).of(nodes, entries_of(nodes, body, reader.texts), ())
    return tuple(Value(" \u203a ".join(place), text) for place, text in lines)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Yields where each value is, in words, and what it is."""

    choices: Choices

    def of(
        self, nodes: Sequence[Node], entries: Entries, path: tuple[str, ...]
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        for node in nodes:
            place = (*path, self.choices.texts.gettext(node.label))
            match node:
                case Leaf():
                    if text := entries[node.name]:
                        yield place, node.value.show(text, self.choices)
                case Group():
                    yield from self.of(node.nodes, entries[node.name], place)
                case Rows():
                    for row in entries[node.name]:
                        yield self._row(node, row, place)
                case _:
                    assert_never(node)

    def _row(self, rows: Rows, row: Entries, path: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
        """Name the row by its first value; the others are what it is."""
        first = first_leaf(rows.nodes)
        others = [
            node.value.show(row[node.name], self.choices)
            for node in rows.nodes
            if isinstance(node, Leaf) and node is not first
        ]
        return (*path, first.value.show(row[first.name], self.choices)), " \u2013 ".join(others)

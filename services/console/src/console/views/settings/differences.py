"""What differs between two versions of a setting, value by value."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from console.texts import mark
from console.views.settings.nodes import Entries, Group, Leaf, Node, Rows, first_leaf
from console.views.settings.values import Choices, Flag

_NOTHING: Final = "\u2013"
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """`place` says in words where: promises, first reply, within."""

    place: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compares entries; rows are the same row if their first values are."""

    choices: Choices

    def compare(
        self, nodes: Sequence[Node], before: Entries, after: Entries, path: Path = ()
    ) -> Iterator[Change]:
        for node in nodes:
            old, new = before[node.name], after[node.name]
            if old == new:
                continue
            place = (*path, self._text(node.label)) if node.label else path
            match node:
                case Leaf():
                    yield _change(place, self._show(node, old), self._show(node, new))
                case Group():
                    yield from self.compare(node.nodes, old, new, place)
                case Rows():
                    yield from self._compare_rows(node, old, new, place)
                case _:
                    assert_never(node)

    def _compare_rows(
        self, rows: Rows, before: Sequence[Entries], after: Sequence[Entries], path: Path
    ) -> Iterator[Change]:
        old, new = self._by_name(rows, before), self._by_name(rows, after)
        for name, row in old.items():
            if name not in new:
                yield _change((*path, name), self._summary(rows.nodes, row), _NOTHING)
            elif not _is_one_value(rows):
                yield from self.compare(rows.nodes, row, new[name], (*path, name))
        for name, row in new.items():
            if name not in old:
                yield _change((*path, name), _NOTHING, self._summary(rows.nodes, row))
        if rows.is_ordered:
            yield from self._compare_order(old, new, path)

    def _compare_order(
        self, old: Mapping[str, Entries], new: Mapping[str, Entries], path: Path
    ) -> Iterator[Change]:
        before = [name for name in old if name in new]
        after = [name for name in new if name in old]
        if before != after:
            place = (*path, self._text(mark("Order")))
            yield _change(place, ", ".join(before), ", ".join(after))

    def _by_name(self, rows: Rows, row_entries: Sequence[Entries]) -> dict[str, Entries]:
        """Name each row by its first value; of several with the same the second is `… (2)`."""
        leaf = first_leaf(rows.nodes)
        named: dict[str, Entries] = {}
        for entries in row_entries:
            base = self._show(leaf, entries[leaf.name])
            name, count = base, 1
            while name in named:
                count += 1
                name = f"{base} ({count})"
            named[name] = entries
        return named

    def _summary(self, nodes: Sequence[Node], entries: Entries) -> str:
        return "; ".join(self._words(nodes, entries))

    def _words(self, nodes: Sequence[Node], entries: Entries) -> Iterator[str]:
        for node in nodes:
            member = entries[node.name]
            if not member:
                continue
            match node:
                case Leaf():
                    text = self._show(node, member)
                    yield f"{self._text(node.label)}: {text}" if node.label else text
                case Group():
                    yield from self._words(node.nodes, member)
                case Rows():
                    listed = ", ".join(self._summary(node.nodes, row) for row in member)
                    yield f"{self._text(node.label)}: {listed}"
                case _:
                    assert_never(node)

    def _show(self, leaf: Leaf, text: str) -> str:
        if not text and not isinstance(leaf.value, Flag):
            return _NOTHING
        return leaf.value.show(text, self.choices)

    def _text(self, text: str) -> str:
        return self.choices.texts.gettext(text)


def _is_one_value(rows: Rows) -> bool:
    return len(rows.nodes) == 1 and isinstance(rows.nodes[0], Leaf)


def _change(place: Path, before: str, after: str) -> Change:
    return Change(" \u203a ".join(place), before, after)

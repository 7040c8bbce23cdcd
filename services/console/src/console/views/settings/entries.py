"""Between a setting as a service has it, what its form has, and the fields of that form."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from console.texts import Texts
from console.views.fields import FieldError
from console.views.settings.nodes import (
    KEY,
    UNNAMED,
    VALUE,
    Entries,
    Group,
    Leaf,
    Node,
    Rows,
    join_path,
)
from console.views.settings.values import Flag

Nodes = Sequence[Node]
# As `fields_of` writes them: each row has one name only.
_ROW_NUMBER: Final = re.compile("0|[1-9][0-9]{0,8}")


def initial_entries(nodes: Nodes) -> Entries:
    """Return what a new form has."""
    entries: Entries = {}
    for node in nodes:
        match node:
            case Leaf():
                entries[node.name] = node.initial
            case Group():
                entries[node.name] = initial_entries(node.nodes)
            case Rows():
                entries[node.name] = [
                    initial_entries(node.nodes) for _ in range(node.initial_count)
                ]
            case _:
                assert_never(node)
    return entries


def entries_of(nodes: Nodes, body: Mapping[str, Any], texts: Texts) -> Entries:
    """Write a setting as its form has it."""
    entries: Entries = {}
    for node in nodes:
        member = body.get(node.name)
        match node:
            case Leaf():
                value = body if node.spreads else member
                entries[node.name] = "" if value in (None, {}) else node.value.write(value, texts)
            case Group() if node.is_optional and not member:
                entries[node.name] = initial_entries(node.nodes)
            case Group():
                entries[node.name] = entries_of(node.nodes, member or {}, texts)
            case Rows():
                entries[node.name] = [
                    entries_of(node.nodes, record, texts) for record in _records(node, member)
                ]
            case _:
                assert_never(node)
    return entries


def _records(rows: Rows, member: Any) -> Iterator[Mapping[str, Any]]:
    match rows.shape:
        case "records":
            yield from member or ()
        case "scalars":
            yield from ({UNNAMED: each} for each in member or ())
        case "map":
            yield from ({KEY: key, VALUE: value} for key, value in (member or {}).items())
        case _:
            assert_never(rows.shape)


def entries_of_form(nodes: Nodes, values: Mapping[str, str], path: str = "") -> Entries:
    """Read the fields of a form below a path; rows keep their order, whatever their numbers are."""
    entries: Entries = {}
    for node in nodes:
        place = join_path(path, node.name)
        match node:
            case Leaf():
                entries[node.name] = values.get(place, "").strip()
            case Group():
                entries[node.name] = entries_of_form(node.nodes, values, place)
            case Rows():
                entries[node.name] = [
                    entries_of_form(node.nodes, row) for row in _rows_of_form(values, place)
                ]
            case _:
                assert_never(node)
    return entries


def _rows_of_form(values: Mapping[str, str], place: str) -> list[dict[str, str]]:
    """Return the fields of each row by their paths in it: a form may have thousands of rows."""
    prefix = f"{place}/"
    rows: dict[int, dict[str, str]] = {}
    for name, value in values.items():
        if name.startswith(prefix):
            number, _, rest = name.removeprefix(prefix).partition("/")
            if _ROW_NUMBER.fullmatch(number):
                rows.setdefault(int(number), {})[rest] = value
    return [rows[number] for number in sorted(rows)]


def fields_of(nodes: Nodes, entries: Entries, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each field of the form."""
    for node in nodes:
        place = join_path(path, node.name)
        match node:
            case Leaf():
                yield place, entries[node.name]
            case Group():
                yield from fields_of(node.nodes, entries[node.name], place)
            case Rows():
                for number, row in enumerate(entries[node.name]):
                    yield from fields_of(node.nodes, row, join_path(place, number))
            case _:
                assert_never(node)


def is_empty(nodes: Nodes, entries: Entries) -> bool:
    """Tell whether nothing is written; what is only ticked does not count."""
    for node in nodes:
        match node:
            case Leaf(value=Flag()):
                continue
            case Group() if is_empty(node.nodes, entries[node.name]):
                continue
            case _ if not entries[node.name]:
                continue
            case _:
                return False
    return True


def without_empty_rows(nodes: Nodes, entries: Entries) -> Entries:
    """Return the entries without rows in which nothing is written."""
    kept: Entries = {}
    for node in nodes:
        member = entries[node.name]
        match node:
            case Leaf():
                kept[node.name] = member
            case Group():
                kept[node.name] = without_empty_rows(node.nodes, member)
            case Rows():
                rows = [without_empty_rows(node.nodes, row) for row in member]
                kept[node.name] = [row for row in rows if not is_empty(node.nodes, row)]
            case _:
                assert_never(node)
    return kept


@dataclass(frozen=True, slots=True)
class BodyReader:
    """Reads the entries as the body for the service; `problems` are by the path of a field."""

    texts: Texts
    problems: dict[str, str] = field(default_factory=dict)

    def read(self, nodes: Nodes, entries: Entries, path: str = "") -> dict[str, Any]:
        body: dict[str, Any] = {}
        for node in nodes:
            place = join_path(path, node.name)
            match node:
                case Leaf():
                    self._read_leaf(node, entries[node.name], place, body)
                case Group():
                    if not (node.is_optional and is_empty(node.nodes, entries[node.name])):
                        body[node.name] = self.read(node.nodes, entries[node.name], place)
                case Rows():
                    body[node.name] = self._read_rows(node, entries[node.name], place)
                case _:
                    assert_never(node)
        return body

    def _read_leaf(self, leaf: Leaf, text: str, place: str, body: dict[str, Any]) -> None:
        if not text and not isinstance(leaf.value, Flag):
            if leaf.is_required:
                self.problems[place] = self.texts.gettext("Please fill this in.")
            return
        try:
            value = leaf.value.read(text, self.texts)
        except FieldError as error:
            self.problems[place] = str(error)
            return
        body.update(value if leaf.spreads else {leaf.name: value})

    def _read_rows(self, rows: Rows, row_entries: Sequence[Entries], place: str) -> Any:
        records = [
            self.read(rows.nodes, entries, join_path(place, number))
            for number, entries in enumerate(row_entries)
        ]
        match rows.shape:
            case "records":
                return records
            case "scalars":
                return [record[UNNAMED] for record in records if UNNAMED in record]
            case "map":
                return self._read_map(records, place)
            case _:
                assert_never(rows.shape)

    def _read_map(self, records: Sequence[Mapping[str, Any]], place: str) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for number, record in enumerate(records):
            key = record.get(KEY)
            if key in members:
                twice = self.texts.gettext("This is in the list twice.")
                self.problems[join_path(join_path(place, number), KEY)] = twice
            elif key is not None:
                # Without hours a day is one on which nobody works.
                members[key] = record.get(VALUE, [])
        return members

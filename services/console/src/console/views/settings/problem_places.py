"""Which field of a form a service's refusal is about."""

from collections.abc import Mapping, Sequence
from typing import Any

from console.views.reader import Reader
from console.views.service_problems import FormProblems, sort_problems
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
    row_index,
)


def setting_problems(
    document: Mapping[str, Any], nodes: Sequence[Node], entries: Entries, reader: Reader
) -> FormProblems:
    """Sort what a problem document says by the paths of fields, rows and groups.

    `body/hours/mon/0` belongs to `hours/mon`: what is inside a value belongs to its field.
    """

    def path_of(pointer: str) -> str | None:
        parts = pointer.removeprefix("body").strip("/").split("/")
        return _find_path(nodes, entries, parts, "") or None

    return sort_problems(document, path_of, reader)


def _find_path(nodes: Sequence[Node], entries: Entries, parts: Sequence[str], path: str) -> str:
    """Return the path of the part that is nearest to the place."""
    if not parts:
        return path
    node = next((node for node in nodes if parts[0] in _names(node)), None)
    if node is None:
        return path
    place = join_path(path, node.name)
    match node:
        case Leaf():
            return place
        case Group():
            return _find_path(node.nodes, entries[node.name], parts[1:], place)
        case Rows():
            return _find_row(node, entries[node.name], parts[1:], place)


def _names(node: Node) -> tuple[str, ...]:
    return (node.name, *node.aliases) if isinstance(node, Leaf) else (node.name,)


def _find_row(rows: Rows, row_entries: Sequence[Entries], parts: Sequence[str], path: str) -> str:
    if not parts:
        return path
    if rows.shape == "map":
        part = KEY if parts[-1] == "[key]" else VALUE
        keys = [entries[KEY].casefold() for entries in row_entries]
        key = parts[0].casefold()
        return join_path(join_path(path, keys.index(key)), part) if key in keys else path
    number = row_index(parts[0], row_entries)
    if number is None:
        return path
    place = join_path(path, number)
    inner = parts[1:] if rows.shape == "records" else (UNNAMED,)
    return _find_path(rows.nodes, row_entries[number], inner, place)

"""What the buttons in a form do to its rows: add one, remove one, move one up."""

from collections.abc import Sequence
from typing import NamedTuple

from console.views.settings.entries import initial_entries
from console.views.settings.nodes import Entries, Group, Leaf, Node, Rows, join_path, row_index


class Press(NamedTuple):
    """`entries` is as it is after the press; `focus` is the path of where the person goes on."""

    entries: Entries
    focus: str


def press_button(nodes: Sequence[Node], entries: Entries, button: str) -> Press | None:
    """Do what the button says to the entries; None for a button that is not about rows."""
    action, _, path = button.partition(":")
    if action == "add":
        return _add(nodes, entries, path)
    if action in ("remove", "up"):
        return _change_row(nodes, entries, action, path)
    return None


def _add(nodes: Sequence[Node], entries: Entries, path: str) -> Press | None:
    place = _find_rows(nodes, entries, path.split("/"))
    if place is None:
        return None
    rows, row_entries = place
    row_entries.append(initial_entries(rows.nodes))
    row_path = join_path(path, len(row_entries) - 1)
    return Press(entries, first_path(rows.nodes, row_entries[-1], row_path) or row_path)


def _change_row(nodes: Sequence[Node], entries: Entries, action: str, path: str) -> Press | None:
    rows_path, _, number = path.rpartition("/")
    place = _find_rows(nodes, entries, rows_path.split("/"))
    index = None if place is None else row_index(number, place[1])
    if place is None or index is None:
        return None
    row_entries = place[1]
    row = row_entries.pop(index)
    if action == "remove":
        return Press(entries, rows_path)
    row_entries.insert(max(0, index - 1), row)
    return Press(entries, f"up:{join_path(rows_path, max(0, index - 1))}")


def _find_rows(
    nodes: Sequence[Node], entries: Entries, parts: Sequence[str]
) -> tuple[Rows, list[Entries]] | None:
    """Return the rows at this path, or None if the form has none there."""
    node = next((node for node in nodes if node.name == parts[0]), None)
    match node:
        case Group() if len(parts) > 1:
            return _find_rows(node.nodes, entries[node.name], parts[1:])
        case Rows():
            row_entries: list[Entries] = entries[node.name]
            if len(parts) == 1:
                return node, row_entries
            index = row_index(parts[1], row_entries)
            if index is None or not parts[2:]:
                return None
            return _find_rows(node.nodes, row_entries[index], parts[2:])
        case _:
            return None


def first_path(nodes: Sequence[Node], entries: Entries, path: str) -> str | None:
    """Return the path of the first field."""
    for node in nodes:
        place = join_path(path, node.name)
        match node:
            case Leaf():
                return place
            case Group():
                return first_path(node.nodes, entries[node.name], place)
            case Rows() if entries[node.name]:
                return first_path(node.nodes, entries[node.name][0], join_path(place, 0))
            case _:
                continue
    return None

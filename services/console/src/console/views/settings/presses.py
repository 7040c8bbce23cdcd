"""What the buttons in a form do to its rows: add one, remove one, move one up."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from console.views.settings.drafts import initial_draft
from console.views.settings.nodes import Draft, Group, Leaf, Node, Rows, join_path

_MAX_DIGITS: Final = 9


class Press(NamedTuple):
    """`draft` is as it is after the press; `focus` is the path of where the person goes on."""

    draft: Draft
    focus: str


def press_button(nodes: Sequence[Node], draft: Draft, button: str) -> Press | None:
    """Do what the button says to the draft; None for a button that is not about rows."""
    action, _, path = button.partition(":")
    if action == "add":
        return _add(nodes, draft, path)
    if action in ("remove", "up"):
        return _change_row(nodes, draft, action, path)
    return None


def _add(nodes: Sequence[Node], draft: Draft, path: str) -> Press | None:
    place = _find_rows(nodes, draft, path.split("/"))
    if place is None:
        return None
    rows, drafts = place
    drafts.append(initial_draft(rows.nodes))
    row_path = join_path(path, len(drafts) - 1)
    return Press(draft, first_path(rows.nodes, drafts[-1], row_path) or row_path)


def _change_row(nodes: Sequence[Node], draft: Draft, action: str, path: str) -> Press | None:
    rows_path, _, number = path.rpartition("/")
    place = _find_rows(nodes, draft, rows_path.split("/"))
    index = None if place is None else _row_index(number, place[1])
    if place is None or index is None:
        return None
    drafts = place[1]
    row = drafts.pop(index)
    if action == "remove":
        return Press(draft, rows_path)
    drafts.insert(max(0, index - 1), row)
    return Press(draft, f"up:{join_path(rows_path, max(0, index - 1))}")


def _find_rows(
    nodes: Sequence[Node], draft: Draft, parts: Sequence[str]
) -> tuple[Rows, list[Draft]] | None:
    """Return the rows at this path, or None if the form has none there."""
    node = next((node for node in nodes if node.name == parts[0]), None)
    match node:
        case Group() if len(parts) > 1:
            return _find_rows(node.nodes, draft[node.name], parts[1:])
        case Rows():
            drafts: list[Draft] = draft[node.name]
            if len(parts) == 1:
                return node, drafts
            index = _row_index(parts[1], drafts)
            if index is None or not parts[2:]:
                return None
            return _find_rows(node.nodes, drafts[index], parts[2:])
        case _:
            return None


def _row_index(number: str, drafts: Sequence[Draft]) -> int | None:
    """Return the number of the row, or None if there is none of this number."""
    # Of more than some thousand digits, Python makes no number.
    is_number = number.isdecimal() and len(number) <= _MAX_DIGITS
    return int(number) if is_number and int(number) < len(drafts) else None


def first_path(nodes: Sequence[Node], draft: Draft, path: str) -> str | None:
    """Return the path of the first field."""
    for node in nodes:
        place = join_path(path, node.name)
        match node:
            case Leaf():
                return place
            case Group():
                return first_path(node.nodes, draft[node.name], place)
            case Rows() if draft[node.name]:
                return first_path(node.nodes, draft[node.name][0], join_path(place, 0))
            case _:
                continue
    return None

"""The saved views above the list Now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from console.domain.saved_view import MAX_NAME_LENGTH, SavedView
from console.texts import mark

# In the address of Now: every row, also if the person has a view that opens first.
EVERYTHING: Final = ("view", "all")
# What the page says after a change; those of PROBLEMS have changed nothing.
TEXTS: Final[Mapping[str, str]] = {
    "view_saved": mark("The view is saved."),
    "views_changed": mark("Your views are changed."),
    "view_unnamed": mark("Please give the view a name."),
    "views_full": mark("You have 20 views. Delete one first."),
}
PROBLEMS: Final = frozenset(("view_unnamed", "views_full"))


@dataclass(frozen=True, slots=True)
class SavedViewLink:
    view_id: str
    name: str
    url: str
    is_default: bool
    is_shown: bool


@dataclass(frozen=True, slots=True)
class SavedViewsView:
    """`address` has the filters of the page, which a new view gets."""

    links: tuple[SavedViewLink, ...]
    address: str
    max_name_length: int = MAX_NAME_LENGTH


def saved_views_view(views: Sequence[SavedView], address: str) -> SavedViewsView:
    return SavedViewsView(
        tuple(
            SavedViewLink(
                view.view_id,
                view.name,
                now_url(view.address),
                view.is_default,
                view.address == address,
            )
            for view in views
        ),
        address,
    )


def now_url(address: str, **more: str) -> str:
    """Return the address of Now with these filters; without any it shows every row."""
    parts = [address or urlencode([EVERYTHING])]
    if more:
        parts.append(urlencode(more))
    return f"/now?{'&'.join(parts)}"

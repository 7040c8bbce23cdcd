"""Saved views: filters of the list Now that a person has named."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

MAX_VIEWS: Final = 20
MAX_NAME_LENGTH: Final = 60
# So often the views of a person who opens Now are marked as used.
USED_EVERY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SavedView:
    """`address` is the query of the page. The default opens with Now."""

    view_id: str
    name: str
    address: str
    is_default: bool = False


def default_of(views: Iterable[SavedView]) -> SavedView | None:
    return next((view for view in views if view.is_default), None)


def is_full(views: Iterable[SavedView], name: str) -> bool:
    """Tell whether there is no place for one more; the same name takes the place of its view."""
    names = {view.name for view in views}
    return name not in names and len(names) >= MAX_VIEWS

"""Lists by pages: `{"items": […], "next_cursor": …}`, continued after the last item's key."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Generic, Self, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from common.http.problems import ProblemError

T = TypeVar("T")
R = TypeVar("R")
K = TypeVar("K")

Filters = Mapping[str, Any]

Limit = Annotated[int, Query(ge=1, le=200, description="At most so many items on a page")]
# It may hold an id of an outside system: 300 characters of 4 bytes each, as Base64.
_MAX_CURSOR_LENGTH = 2000
Cursor = Annotated[
    str | None,
    Query(max_length=_MAX_CURSOR_LENGTH, description="`next_cursor` of the page before"),
]


# The cursor of a list that is part of an answer about something else.
NextCursor = Annotated[
    str | None,
    Field(description="Send it as `cursor` to get the next part of the list; null with the last."),
]
# The key of a list that is ordered by the number of its rows.
ROW_NUMBER: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=0, lt=2**63)])


class Page(BaseModel, Generic[T]):
    items: list[T] = Field(description="The items of this page, in the order of the list")
    next_cursor: str | None = Field(
        description="Send it as `cursor` to get the next page; null on the last page"
    )

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{params[0].__name__}Page"

    @classmethod
    def of(
        cls,
        rows: Sequence[R],
        limit: int,
        *,
        key: Callable[[R], Any],
        show: Callable[[R], T],
        filters: Filters | None = None,
    ) -> Self:
        """Make a page of at most `limit` rows; a row beyond them tells that there is a next page.

        `key` returns what the query continues after, as JSON can hold it.
        """
        shown, next_cursor = cut_page(rows, limit, key=key, filters=filters)
        return cls(items=[show(row) for row in shown], next_cursor=next_cursor)


def cut_page(
    rows: Sequence[R], limit: int, *, key: Callable[[R], Any], filters: Filters | None = None
) -> tuple[Sequence[R], str | None]:
    """Return at most `limit` rows and the cursor of the next page; for a list inside an answer."""
    shown = rows[:limit]
    return shown, encode_cursor(key(shown[-1]), filters) if len(rows) > limit else None


def encode_cursor(key: Any, filters: Filters | None = None) -> str:
    """Return an opaque text that fits lists of the same filters only."""
    content = orjson.dumps([_fingerprint(filters), key])
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def decode_cursor(
    cursor: str | None, kind: TypeAdapter[K], filters: Filters | None = None
) -> K | None:
    """Return the key in a cursor; None for the first page. Raises ProblemError for other texts."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        fingerprint, content = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        key = kind.validate_python(content)
    except (binascii.Error, ValueError, TypeError, ValidationError) as error:
        raise _invalid("it is not a cursor of this list.") from error
    if fingerprint != _fingerprint(filters):
        raise _invalid("it belongs to a list with another order or other filters.")
    return key


def _invalid(reason: str) -> ProblemError:
    return ProblemError(422, "invalid", f"query/cursor: {reason}")


def _fingerprint(filters: Filters | None) -> str:
    """Return the same text for the same filters, whatever the order of their values."""
    ordered = {
        name: sorted(value) if isinstance(value, list | tuple | set | frozenset) else value
        for name, value in (filters or {}).items()
    }
    content = orjson.dumps(ordered, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(content, digest_size=8).hexdigest()

"""Pages: cut at the limit, continued by a cursor that fits its own list only."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from common.http.pagination import Page, decode_cursor, encode_cursor
from common.http.problems import ProblemError

NUMBER: TypeAdapter[int] = TypeAdapter(int)
PLACE: TypeAdapter[tuple[datetime, str]] = TypeAdapter(tuple[datetime, str])


class Names(Page[str]):
    pass


def page(count: int, limit: int) -> Names:
    return Names.of(range(count), limit, key=lambda number: number, show=str)


@pytest.mark.parametrize(("count", "limit"), [(0, 1), (2, 3), (3, 3)])
def test_last_page_has_no_cursor(count: int, limit: int) -> None:
    assert page(count, limit).model_dump() == {
        "items": [str(number) for number in range(count)],
        "next_cursor": None,
    }


def test_row_beyond_the_limit_makes_a_cursor_after_the_last_item() -> None:
    cut = page(4, 3)
    assert cut.items == ["0", "1", "2"]
    assert decode_cursor(cut.next_cursor, NUMBER) == 2


def test_first_page_has_no_key() -> None:
    assert decode_cursor(None, NUMBER) is None


@given(st.tuples(st.datetimes(timezones=st.just(UTC)), st.text(st.characters(codec="utf-8"))))
def test_cursor_keeps_a_key_of_several_parts(place: tuple[datetime, str]) -> None:
    cursor = encode_cursor(place)
    assert decode_cursor(cursor, PLACE) == place
    assert cursor.isascii()
    assert not set(cursor) & set("+/=&?#")


def test_order_of_filter_values_does_not_matter() -> None:
    cursor = encode_cursor(7, {"state": ["open", "closed"], "type": None})
    assert decode_cursor(cursor, NUMBER, {"type": None, "state": ["closed", "open"]}) == 7


@pytest.mark.parametrize("filters", [None, {"state": ["open"]}, {"type": "a"}])
def test_cursor_of_other_filters_is_refused(filters: dict[str, object] | None) -> None:
    cursor = encode_cursor(7, {"state": ["closed"]})
    with pytest.raises(ProblemError, match="another order or other filters") as raised:
        decode_cursor(cursor, NUMBER, filters)
    assert (raised.value.status, raised.value.code) == (422, "invalid")


@given(st.text())
def test_other_texts_are_no_cursor(text: str) -> None:
    with pytest.raises(ProblemError, match="query/cursor"):
        decode_cursor(text, NUMBER)


def test_key_of_another_kind_is_refused() -> None:
    with pytest.raises(ProblemError, match="not a cursor of this list"):
        decode_cursor(encode_cursor("seven"), NUMBER)

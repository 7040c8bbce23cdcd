"""Every kind of wrong value has words, without a term of Python or a regular expression."""

import re
from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import (
    AwareDatetime,
    Field,
    HttpUrl,
    StringConstraints,
    TypeAdapter,
    UrlConstraints,
    ValidationError,
)
from pydantic_core import core_schema

from common.contracts.event import ID_PATTERN, Instant
from common.contracts.needs import LanguageTag
from common.http.validation_messages import describe, place

FILE_ADDRESS = Annotated[HttpUrl, UrlConstraints(max_length=90, allowed_schemes=["https"])]
TERMS = re.compile(r"[Tt]uple|[Vv]alue error|\bdict|\bstr\b|[Pp]attern|\^|Input|class|Python")


def errors(kind: Any, value: object) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(value)
    return [describe(error) for error in refused.value.errors()]


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN}$")], "a b", "must be 1 to 100"),
        (Annotated[str, StringConstraints(min_length=1)], "", "must have at least 1 character"),
        (Annotated[str, StringConstraints(max_length=2)], "abc", "must have at most 2 characters"),
        (Annotated[tuple[str, ...], Field(min_length=1)], (), "must have at least 1 entry"),
        (tuple[int, int], [1, 2, 3], "must have at most 2 entries"),
        (tuple[int, int], [1], "is missing"),
        (tuple[int, int], "1", "must be a list"),
        (dict[str, int], 1, "must be an object with named fields"),
        (int, "x", "must be a whole number"),
        (Annotated[int, Field(le=3)], 4, "must be at most 3"),
        (bool, "x", "must be true or false"),
        (Literal["low", "high"], "x", "must be 'low' or 'high'"),
        (AwareDatetime, "2026-03-02T09:00:00", "must be a date and a time with its zone"),
        (AwareDatetime, "yesterday", "must be a date and a time with its zone"),
        (Instant, "1900-01-01T00:00:00Z", "must be at least 1970-01-02"),
        (LanguageTag, "english", "must be a language as BCP 47 writes it"),
        (FILE_ADDRESS, "http://a.example/f", "must be a URL that begins with https://"),
        (FILE_ADDRESS, "https://a.example/" + "f" * 90, "must have at most 90 characters"),
        (HttpUrl, "ftp://a.example/f", "must be a URL that begins with http:// or https://"),
        (Annotated[str, StringConstraints(pattern="^x$")], "y", "is not a value that is allowed"),
    ],
)
def test_constraint_is_said_in_words(kind: Any, value: object, words: str) -> None:
    (message,) = errors(kind, value)
    assert message.startswith(words)
    assert not TERMS.search(message)


@pytest.mark.parametrize("kind", get_args(core_schema.ErrorType))
def test_every_kind_of_error_has_words_even_without_context(kind: str) -> None:
    assert not TERMS.search(describe({"type": kind, "loc": (), "msg": "Input"}))


def test_place_names_the_way_to_the_value() -> None:
    assert place({"loc": ("body", "hours", "mon", 0)}) == "body/hours/mon/0"
    assert place({"loc": ("body", "hours", "mun", "[key]")}) == "body/hours/mun/name"

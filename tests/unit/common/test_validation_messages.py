"""Every kind of wrong value has words, without a term of Python or a regular expression."""

import re
from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    StringConstraints,
    TypeAdapter,
    UrlConstraints,
    ValidationError,
)
from pydantic_core import core_schema

from common.contracts.contract import Instant
from common.contracts.event import ID_PATTERN
from common.contracts.needs import LanguageTag
from common.contracts.validation_messages import PATTERNS, describe, invalid_parts, place

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
        (Annotated[float, Field(gt=0)], 0, "must be more than 0"),
        (Annotated[float, Field(ge=3600)], 60, "must be at least 3600"),
        (Annotated[float, Field(lt=31536000)], 1e9, "must be less than 31536000"),
        (Annotated[float, Field(le=0.5)], 1, "must be at most 0.5"),
        (Annotated[float, Field(multiple_of=60)], 1, "must be a multiple of 60"),
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
    assert not re.search(r"\.0\b", message)


@pytest.mark.parametrize("kind", get_args(core_schema.ErrorType))
def test_every_kind_of_error_has_words_even_without_context(kind: str) -> None:
    assert not TERMS.search(describe({"type": kind, "loc": (), "msg": "Input"}))


def test_place_names_the_way_to_the_value() -> None:
    assert place({"loc": ("body", "hours", "mon", 0)}) == "body/hours/mon/0"
    assert place({"loc": ("body", "hours", "mun", "[key]")}) == "body/hours/mun"


class Named(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["person"]
    person_id: Annotated[str, Field(min_length=1)]


class Counted(BaseModel):
    kind: Literal["team"]
    steps: int


class Entry(BaseModel):
    who: Annotated[
        tuple[Annotated[Named | Counted, Field(discriminator="kind")], ...], Field(min_length=1)
    ] = (Named(kind="person", person_id="kim"),)
    targets: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=2)] = (1, 2)
    names: Annotated[frozenset[str], Field(min_length=2)] = frozenset("ab")
    hours: Annotated[dict[Literal["mon", "tue"], int], Field(min_length=1)] = {"mon": 1}


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ({"targets": [0, 1]}, {"body/targets/0": "must be more than 0"}),
        (
            {"targets": [0]},
            {"body/targets/0": "must be more than 0", "body/targets": "must have at least 2"},
        ),
        ({"targets": []}, {"body/targets": "must have at least 2 entries"}),
        ({"names": ["a", "a"]}, {"body/names": "must have at least 2 entries"}),
        ({"hours": {"monday": 1}}, {"body/hours/monday": "must be 'mon' or 'tue'"}),
        ({"hours": {"mon": "x"}}, {"body/hours/mon": "must be a whole number"}),
        ({"who": [{"kind": "person"}]}, {"body/who/0/person_id": "is missing"}),
        ({"who": [{"kind": "person", "person_id": ""}]}, {"body/who/0/person_id": "must have at"}),
        (
            {"who": [{"kind": "person", "person_id": "a", "person": 1}]},
            {"body/who/0/person": "is not a field"},
        ),
        ({"who": [{"kind": "team", "steps": "team"}]}, {"body/who/0/steps": "must be a whole"}),
        ({"who": [{"kind": "king"}]}, {"body/who/0": "must have one of these"}),
        ({"who": ["person"]}, {"body/who/0": "must be an object"}),
        ({"who": [{"person_id": "kind"}]}, {"body/who/0": "must have the field"}),
    ],
)
def test_invalid_part_is_named_once_with_its_place_in_the_body(
    body: dict[str, Any], parts: dict[str, str]
) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(Entry).validate_python(body)
    errors = [{**error, "loc": ("body", *error["loc"])} for error in refused.value.errors()]
    words_by_place = {part.place: part.detail for part in invalid_parts(errors, body)}
    assert words_by_place.keys() == parts.keys()
    for place_, words in parts.items():
        assert words_by_place[place_].startswith(words)


def test_place_outside_of_the_body_has_all_its_parts() -> None:
    error = {"loc": ("query", "state", 0)}
    assert place(error, {"x": "state"}) == "query/state/0"


@pytest.mark.parametrize("pattern", PATTERNS)
def test_pattern_admits_no_digits_and_letters_of_other_scripts(pattern: str) -> None:
    r"""Pydantic's \d and \w match every script's; what reads the value knows ASCII only."""
    assert not re.search(r"\\[dw]", pattern)

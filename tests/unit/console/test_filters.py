"""Filters live in the address; what makes no sense is named and left out."""

import pytest

from console.views.filters import parse_filters, selects
from unit.console.answers import reader


def test_filters_become_the_query_of_the_list() -> None:
    pairs = [("severity", "high"), ("severity", "critical"), ("team", "care"), ("sort", "newest")]
    filters = parse_filters(pairs, reader())
    assert filters.query == {
        "sort": ["newest"],
        "severity": ["high", "critical"],
        "team": ["care"],
    }
    assert filters.problems == ()


def test_address_of_filters_gives_the_same_filters() -> None:
    filters = parse_filters([("topic", "a&b=c"), ("alarm", "true"), ("sort", "newest")], reader())
    pairs = [tuple(part.split("=", 1)) for part in filters.address.split("&")]
    assert ("topic", "a%26b%3Dc") in pairs
    assert ("alarm", "true") in pairs


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("severity", "purple"),
        ("sort", "random"),
        ("overdue", "perhaps"),
        ("state", "closed"),
        ("<script>", "alert(1)"),
        ("topic", "x" * 101),
        ("topic", "a\x00b"),
    ],
)
def test_rubbish_is_named_and_left_out(name: str, value: str) -> None:
    filters = parse_filters([(name, value), ("severity", "high")], reader())
    assert filters.query == {"sort": ["time_left"], "severity": ["high"]}
    (problem,) = filters.problems
    assert problem.startswith(f"There is no filter “{name}: ")
    assert len(problem) < 200
    assert problem.isprintable()


def test_empty_fields_of_the_filter_form_are_no_filters() -> None:
    filters = parse_filters([("severity", ""), ("topic", " ")], reader())
    assert (filters.query, filters.problems, filters.address) == ({"sort": ["time_left"]}, (), "")


def test_values_are_limited() -> None:
    filters = parse_filters([("topic", str(number)) for number in range(30)], reader())
    assert len(filters.query["topic"]) == 20
    assert filters.problems


def test_filter_bar_shows_what_is_chosen() -> None:
    bar = {
        select.name: select
        for select in selects(parse_filters([("tier", "vip")], reader()), reader())
    }
    assert [option.value for option in bar["tier"].options if option.is_chosen] == ["vip"]
    assert not any(option.is_chosen for option in bar["severity"].options)

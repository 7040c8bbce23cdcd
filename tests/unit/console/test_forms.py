"""Forms of actions: what they send, and what is wrong beside the field."""

from datetime import timedelta

import pytest

from console.views.actions import ACTIONS
from console.views.forms import FIELDS, FormState, form_view, parse_form
from unit.console.answers import NOW, reader


def test_every_action_has_its_fields() -> None:
    assert FIELDS.keys() == ACTIONS.keys()
    assert not any(FIELDS[name] for name, action in ACTIONS.items() if not action.asks_first)


def test_resolution_is_sent_as_the_service_wants_it() -> None:
    values = {"outcome": "refund", "amount": "49,5", "currency": "eur", "note": " Paid back. "}
    submission = parse_form("resolve", values, reader())
    assert submission.problems == {}
    assert submission.body == {
        "outcome": "refund",
        "amount": "49.5",
        "currency": "EUR",
        "note": "Paid back.",
    }


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"outcome": "refund", "note": "x"}, "amount"),
        ({"outcome": "refund", "note": "x", "amount": "5"}, "currency"),
        ({"outcome": "refund", "note": "x", "amount": "-5", "currency": "EUR"}, "amount"),
        ({"outcome": "refund", "note": "x", "amount": "NaN", "currency": "EUR"}, "amount"),
        ({"outcome": "refund", "note": "x", "amount": "5", "currency": "€"}, "currency"),
        ({"outcome": "bribe", "note": "x"}, "outcome"),
        ({"outcome": "answer", "note": "  "}, "note"),
    ],
)
def test_problem_stands_beside_its_field(values: dict[str, str], place: str) -> None:
    submission = parse_form("resolve", values, reader())
    assert [*submission.problems] == [place]
    form = form_view("resolve", "/x", FormState("", "", values, submission.problems), reader())
    assert {field.name: field.value for field in form.fields if field.value} == values
    assert [field.name for field in form.fields if field.problem] == [place]


def test_snooze_ends_after_the_chosen_minutes() -> None:
    submission = parse_form("snooze", {"until": "30", "reason": "He calls back."}, reader())
    assert submission.body["until"] == (NOW + timedelta(minutes=30)).isoformat()


@pytest.mark.parametrize("minutes", ["31", "-5", "soon", "²"])
def test_snooze_takes_minutes_of_its_list_only(minutes: str) -> None:
    submission = parse_form("snooze", {"until": minutes, "reason": "x"}, reader())
    assert [*submission.problems] == ["until"]


def test_colleagues_are_listed_without_the_reader() -> None:
    form = form_view("hand_over", "/x", FormState("", ""), reader())
    listed = [option.label for option in form.fields[0].options]
    assert listed == ["Dora Diaz", "Rita Rossi", "Sam Stone"]

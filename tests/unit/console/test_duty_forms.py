"""The forms of Duty send what was written, and show what is wrong beside the field."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from console.texts import Texts
from console.views.duty_forms import DutyFormName, duty_form_view, parse_duty_form
from console.views.reader import Reader
from console.views.service_problems import FilledForm, FormProblems, form_problems
from unit.console.answers import reader

PERIOD = {"from": "2026-03-05T08:00", "until": "2026-03-05T16:00"}


def in_madrid() -> Reader:
    return replace(reader(), texts=Texts.of("en", ZoneInfo("Europe/Madrid")))


def test_swap_is_of_who_asks() -> None:
    submission = parse_duty_form("swap", {"second": "sam", **PERIOD}, in_madrid())
    assert not submission.problems
    assert submission.body == {
        "first": "sara",
        "second": "sam",
        "from": "2026-03-05T08:00:00+01:00",
        "until": "2026-03-05T16:00:00+01:00",
    }


def test_override_needs_nobody_whom_it_replaces() -> None:
    values = {"person_id": "sam", "instead_of": " ", **PERIOD}
    submission = parse_duty_form("override", values, in_madrid())
    assert not submission.problems
    assert "instead_of" not in submission.body


@pytest.mark.parametrize("name", ["override", "swap"])
def test_empty_form_says_what_is_missing(name: DutyFormName) -> None:
    problems = parse_duty_form(name, {}, reader()).problems
    person = "second" if name == "swap" else "person_id"
    assert set(problems) == {person, "from", "until"}


@pytest.mark.parametrize("moment", ["tomorrow", "08:00", "2026-02-30T08:00", "<b>"])
def test_text_that_is_no_time_is_refused_beside_its_field(moment: str) -> None:
    values = {"second": "sam", **PERIOD, "from": moment}
    problems = parse_duty_form("swap", values, reader()).problems
    assert problems == {"from": "Please write a date and a time."}


def test_form_begins_with_the_next_hour_in_the_readers_zone() -> None:
    fields = {
        each.name: each.value
        for each in duty_form_view("swap", "x", (), FilledForm(), in_madrid()).fields
    }
    assert (fields["from"], fields["until"]) == ("2026-03-02T12:00", "2026-03-02T20:00")


def test_swap_is_with_somebody_else_who_has_turns() -> None:
    turns = {"sara", "sam"}
    (second, *_) = duty_form_view("swap", "x", turns, FilledForm(), reader()).fields
    assert [option.value for option in second.options] == ["sam"]
    (person, *_) = duty_form_view("override", "x", turns, FilledForm(), reader()).fields
    assert {"sara", "dora"} <= {option.value for option in person.options}


def test_refusal_of_the_service_stands_beside_its_field() -> None:
    document = {
        "detail": "body/until: It must come after from.",
        "errors": [
            {"pointer": "body/until", "detail": "It must come after from."},
            {"pointer": "query/limit", "detail": "It is too large."},
        ],
    }
    problems = form_problems(document, {"from", "until"}, reader())
    assert problems == FormProblems({"until": "It must come after from."}, "It is too large.")
    view = duty_form_view("swap", "x", (), FilledForm(PERIOD, problems), reader())
    assert [each.problem for each in view.fields] == [None, None, "It must come after from."]
    assert view.problem == "It is too large."


def test_refusal_without_a_field_stands_above_the_form() -> None:
    assert form_problems({"detail": "It starts in the past."}, {"from"}, reader()).whole == (
        "It starts in the past."
    )

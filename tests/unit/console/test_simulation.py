"""Trying a change of a policy on the past: the draft that a form makes, and what is shown of it."""

import pytest

from console.views.service_problems import FilledForm
from console.views.simulation import simulation_view
from console.views.simulation_form import (
    parse_try_form,
    try_form_view,
    try_problems,
)
from unit.console.answers import reader
from unit.console.simulation_answers import POLICY, RESULT, VALUES, job


def test_form_makes_a_draft_of_the_whole_policy() -> None:
    sent = parse_try_form("gold", POLICY, VALUES, reader())
    assert not sent.problems
    (draft,) = sent.body["drafts"]
    assert (draft["kind"], draft["id"]) == ("sla-policies", "gold")
    first, second = draft["body"]["targets"]
    assert (first["target_s"], second["target_s"]) == (450.0, 7200.0)
    assert first["thresholds"] == [{"action": "raise"}]
    assert draft["body"] | {"targets": (), "ladder_id": ""} == POLICY | {
        "targets": (),
        "ladder_id": "",
    }
    assert draft["body"]["ladder_id"] == "night"
    assert (sent.body["latest_contacts"], sent.body["answer_after_s"]) == (500, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target-first_response", "soon"),
        ("target-first_response", "10"),
        ("target-resolution", "-5"),
        ("target-resolution", ""),
        ("days", "1000"),
        ("contacts", "1e9"),
        ("answer", "x"),
    ],
)
def test_value_that_is_wrong_is_named_beside_its_field(name: str, value: str) -> None:
    sent = parse_try_form("gold", POLICY, {**VALUES, name: value}, reader())
    assert list(sent.problems) == [name]


def test_form_shows_the_policy_in_force() -> None:
    form = try_form_view("gold", POLICY, ["night"], FilledForm(), "s", reader())
    assert [entry.value for entry in form.changes] == ["10 min", "2 h", "default"]
    assert [option.value for option in form.changes[2].options] == ["default", "night"]


def test_refusal_stands_beside_the_field_that_it_names() -> None:
    errors = [
        {"pointer": "body/drafts/0/body/targets/1/target_s", "detail": "too long"},
        {"pointer": "body/drafts/0/body/ladder_id", "detail": "gone"},
        {"pointer": "body/drafts/0/body/targets/9/target_s", "detail": "odd"},
        {"pointer": "body/until", "detail": "too far"},
    ]
    problems = try_problems({"errors": errors}, POLICY, reader())
    assert problems.by_field == {"target-resolution": "too long", "ladder_id": "gone"}
    assert problems.whole == "odd too far"
    assert try_problems({"detail": "Too many."}, POLICY, reader()).whole == "Too many."


def test_result_is_a_sentence_and_tables() -> None:
    view = simulation_view("gold", POLICY, job(), reader())
    assert view.changes == ("Ladder: Night instead of Default",)
    assert view.result is not None
    assert view.result.summary.startswith("43 instead of 12 promises would have been broken")
    assert view.result.is_worse
    everything, gold, levels = view.result.tables
    assert (everything.lines[0].difference, everything.lines[0].is_worse) == ("+31", True)
    assert gold.title == "Policy Gold"
    assert (levels.lines[0].difference, levels.lines[0].is_better) == ("-3", True)
    (example,) = view.result.examples
    assert example.before == "All promises kept."
    assert example.after == "Broken: First reply. It goes up to Supervisors."


def test_result_that_changes_nothing_says_so() -> None:
    same = {**RESULT, "changed": 0}
    view = simulation_view("gold", POLICY, job(result=same), reader())
    assert view.result is not None
    assert view.result.summary.startswith("Nothing would have been different")
    empty = simulation_view("gold", POLICY, job(result={**same, "contacts": 0}), reader())
    assert empty.result is not None
    assert "No contacts came" in empty.result.summary


@pytest.mark.parametrize(("state", "is_under_way"), [("queued", True), ("cancelled", False)])
def test_job_without_a_result_says_how_it_stands(state: str, is_under_way: bool) -> None:
    view = simulation_view("gold", POLICY, job(state=state, result=None, total=None), reader())
    assert (view.is_under_way, view.result) == (is_under_way, None)
    assert view.state_text

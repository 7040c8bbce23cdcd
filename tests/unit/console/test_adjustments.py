"""Other contacts for a person until a time: in words, and as a form."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from console.views.adjustments import (
    AdjustmentFormState,
    AdjustmentFormView,
    adjustment_form_view,
    adjustment_view,
    may_adjust,
    parse_adjustment_form,
)
from unit.console.answers import NOW, ahead, reader
from unit.console.floor_answers import adjustment, representative

PERSON = {"person_id": "rita", "skills": ["billing", "orders"], "languages": ["de", "en"]}


def form(
    answer: dict[str, Any], zone: str | None = None, state: AdjustmentFormState | None = None
) -> AdjustmentFormView:
    return adjustment_form_view(answer, PERSON, zone, state or AdjustmentFormState(""), reader())


def values_of(view: AdjustmentFormView) -> dict[str, str]:
    return {field.name: field.value for field in view.fields}


def ticked(view: AdjustmentFormView, name: str) -> list[str]:
    (field,) = [field for field in view.fields if field.name == name]
    return [option.value for option in field.options if option.is_chosen]


def sent(
    skills: tuple[str, ...] = ("billing", "orders"),
    languages: tuple[str, ...] = ("de", "en"),
    **values: str,
) -> AdjustmentFormState:
    written = {"ends_at": "2026-03-02T17:00", "reason": "in training", **values}
    return AdjustmentFormState('"4"', written, skills, languages)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "at most 1 contact; only orders; also returns; without billing; only in German"),
        (
            "de",
            "höchstens 1 Kontakt; nur orders; auch returns; ohne billing; nur auf Deutsch",
        ),
    ],
)
def test_adjustment_is_said_with_its_end_and_who_set_it(language: str, text: str) -> None:
    parts = {
        "only_skills": ["orders"],
        "added_skills": ["returns"],
        "removed_skills": ["billing"],
        "only_languages": ["de"],
    }
    shown = adjustment_view(
        representative(adjustment=adjustment(**parts)), reader(language=language)
    )
    assert shown
    assert (shown.text, shown.until, shown.by) == (text, "12:12", "Sara Singh")
    assert (shown.end_url, shown.etag) == ("/floor/rita/adjustment/end", '"4"')


def test_capacity_that_is_as_usual_is_not_said() -> None:
    answer = representative(adjustment=adjustment(capacity=None, only_skills=["orders"]))
    shown = adjustment_view(answer, reader())
    assert shown
    assert shown.text == "only orders"


@pytest.mark.parametrize(
    ("zone", "end"),
    [
        (None, "2026-03-03T00:00"),
        ("UTC", "2026-03-03T00:00"),
        ("Europe/Berlin", "2026-03-02T23:00"),
        ("America/New_York", "2026-03-03T05:00"),
    ],
)
def test_form_ends_with_the_day_where_the_person_is(zone: str | None, end: str) -> None:
    view = form(representative(skills=["billing", "orders"], languages=["de", "en"]), zone)
    assert values_of(view)["ends_at"] == end
    assert ticked(view, "skills") == ["billing", "orders"]
    assert ticked(view, "languages") == ["de", "en"]


def test_form_begins_with_what_is_adjusted_now() -> None:
    answer = representative(skills=["orders", "returns"], languages=["en"], adjustment=adjustment())
    view = form(answer)
    assert values_of(view) == {
        "capacity": "1",
        "skills": "",
        "more_skills": "returns",
        "languages": "",
        "ends_at": "2026-03-02T12:12",
        "reason": "in training",
    }
    assert (ticked(view, "skills"), ticked(view, "languages")) == (["orders"], ["en"])


def test_usual_number_of_contacts_stands_beside_the_field() -> None:
    adjusted = representative(usual_capacity=7, capacity=2, adjustment=adjustment(capacity=2))
    (capacity,) = [field for field in form(adjusted).fields if field.name == "capacity"]
    assert (capacity.value, capacity.hint) == ("2", "Usually 7. Left empty, as many as usual.")


def test_refused_form_keeps_what_was_written() -> None:
    state = sent(skills=("orders",), capacity="7", more_skills="x")
    view = form(representative(), state=state)
    assert (values_of(view)["capacity"], values_of(view)["more_skills"]) == ("7", "x")
    assert (ticked(view, "skills"), view.etag) == (["orders"], '"4"')


def test_form_sends_what_differs_from_usual() -> None:
    state = sent(("billing",), ("en",), more_skills="Returns, ", capacity="5")
    submission = parse_adjustment_form(PERSON, state, reader())
    assert submission.problems == {}
    assert submission.body == {
        "capacity": 5,
        "added_skills": ["returns"],
        "removed_skills": ["orders"],
        "only_languages": ["en"],
        "ends_at": "2026-03-02T17:00:00+00:00",
        "reason": "in training",
    }


@pytest.mark.parametrize(
    ("state", "place"),
    [
        (sent(), "capacity"),
        (sent(capacity="²"), "capacity"),
        (sent(capacity="9" * 5000), "capacity"),
        (sent(skills=()), "skills"),
        (sent(languages=()), "languages"),
        (sent(capacity="1", ends_at="2026-03-02T10:00"), "ends_at"),
        (sent(capacity="1", ends_at="2026-03-09T10:13"), "ends_at"),
        (sent(capacity="1", ends_at="soon"), "ends_at"),
        (sent(capacity="1", reason=" "), "reason"),
    ],
)
def test_mistake_is_said_beside_its_field(state: AdjustmentFormState, place: str) -> None:
    assert list(parse_adjustment_form(PERSON, state, reader()).problems) == [place]


def test_end_is_shown_with_the_date_on_another_day() -> None:
    tomorrow = (NOW + timedelta(days=1)).astimezone(ZoneInfo("UTC"))
    answer = representative(adjustment=adjustment(ends_at=ahead(days=1)))
    shown = adjustment_view(answer, reader())
    assert shown
    assert shown.until == f"Mar {tomorrow.day} {datetime.strftime(tomorrow, '%H:%M')}"


def test_form_is_offered_to_who_leads_the_person_and_not_for_oneself() -> None:
    leader = reader(teams=frozenset({"care"}))
    assert may_adjust("rita", "care", leader)
    assert not may_adjust("rita", "back", leader)
    assert not may_adjust("sara", "care", leader)

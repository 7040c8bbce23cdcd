"""The form of My notifications: what it shows, and what it asks the service for."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from console.texts import Texts
from console.views.my_notifications import (
    Data,
    my_notifications_view,
    read_form,
    saved_form,
    service_problems,
)
from console.views.reader import Reader
from console.views.service_problems import FilledForm

READER = Reader(
    "sara",
    "supervisor",
    datetime(2026, 3, 2, 14, 0, tzinfo=UTC),
    Texts.of("en", ZoneInfo("UTC")),
)
MEDIA = ("slack", "email")
RECIPIENT: dict[str, Any] = {
    "media": [{"medium": "slack", "channel": "D1", "user_id": "U1"}],
    "time_zone": "Europe/Madrid",
    "language": "de",
    "steps": {
        "critical": [
            {"after_minutes": 0, "media": ["slack"]},
            {"after_minutes": 7, "media": ["email"]},
        ],
        "low": [{"after_minutes": 0, "media": ["email"]}],
        "high": [],
    },
    "quiet_hours": {
        "periods": [{"days": ["fri", "sat"], "begins": "22:00", "ends": "07:00"}],
        "unless_severity": "high",
        "dates": ["2026-12-24", "2026-12-25"],
    },
    "verified": {"slack": "2026-03-02T14:00:00Z"},
    "late_steps": [{"severity": "critical", "after_minutes": 7, "answer_within_minutes": 5}],
}


def test_form_asks_for_what_it_was_filled_in_with() -> None:
    body, problems = read_form(saved_form(RECIPIENT, MEDIA).values, MEDIA, READER)
    at_once = [{"after_minutes": 0, "media": ["slack", "email"]}]
    assert problems == {}
    assert body == {
        "steps": {**RECIPIENT["steps"], "high": at_once},
        "quiet_hours": RECIPIENT["quiet_hours"],
        "language": "de",
        "time_zone": "Europe/Madrid",
    }


def test_view_warns_of_a_step_that_comes_late() -> None:
    form = saved_form(RECIPIENT, MEDIA)
    view = my_notifications_view(Data(RECIPIENT, MEDIA), form, (), READER)
    (critical,) = [row for row in view.severities if row.severity == "critical"]
    assert critical.warnings == ("The step after 7 min comes late: you had 5 min to answer.",)
    (delay,) = [each for each in critical.delays if each.name == "after-critical-email"]
    assert delay.label == "critical: email"
    assert [option.label for option in delay.options if option.is_chosen] == ["after 7 min"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"mode-low": "own"}, "steps-low"),
        ({"mode-low": "own", "after-low-slack": "5"}, "steps-low"),
        ({"mode-low": "own", "after-low-slack": "x"}, "steps-low"),
        ({"begins-1": "22:00", "ends-1": "07:00"}, "days-1"),
        ({"days-0": "mon", "begins-0": "22", "ends-0": "07:00"}, "begins-0"),
        ({"days-0": "mon", "begins-0": "22:00"}, "ends-0"),
        # An Arabic digit.
        ({"days-0": "mon", "begins-0": "1\u0662:00", "ends-0": "07:00"}, "begins-0"),
        ({"date-2": "24.12."}, "date-2"),
    ],
)
def test_mistake_is_shown_beside_its_field(values: dict[str, str], field: str) -> None:
    assert set(read_form(values, MEDIA, READER)[1]) == {field}


def test_empty_form_means_no_rule() -> None:
    body, problems = read_form({}, MEDIA, READER)
    assert problems == {}
    assert (body["steps"], body["quiet_hours"], body["language"]) == ({}, None, None)


@pytest.mark.parametrize(
    ("pointer", "field"),
    [
        ("body/time_zone", "time_zone"),
        ("body/steps/critical/1/media", "steps-critical"),
        # The first row of the form was empty.
        ("body/quiet_hours/periods/0/begins", "begins-1"),
        ("body/quiet_hours/periods", "periods"),
    ],
)
def test_refusals_of_the_service_find_their_field(pointer: str, field: str) -> None:
    document = {"errors": [{"pointer": pointer, "detail": "is wrong"}]}
    problems = service_problems(document, {"days-1": "mon"}, READER)
    assert problems.by_field == {field: "is wrong"}


def test_test_says_in_the_words_of_the_reader_why_a_message_failed() -> None:
    message = {
        "medium": "email",
        "state": "failed",
        "sent_at": None,
        "reason": "gave up after 3 attempts: 421",
        "reason_code": "gave-up",
        "reason_parameters": {"attempts": 3},
    }
    test = {"requested_at": "2026-03-02T14:00:00Z", "messages": [message]}
    german = replace(READER, texts=Texts.of("de", ZoneInfo("UTC")))
    view = my_notifications_view(Data(RECIPIENT, MEDIA, test), FilledForm(), (), german)
    assert [row.reason for row in view.test] == ["3 Versuche sind gescheitert"]


def test_language_that_is_not_chosen_is_english() -> None:
    view = my_notifications_view(Data(RECIPIENT, MEDIA), FilledForm(), (), READER)
    assert (view.languages[0].value, view.languages[0].label) == ("", "English, unless you choose")


def test_person_without_contact_methods_has_nothing_to_choose() -> None:
    view = my_notifications_view(Data(None), FilledForm(), (), READER)
    assert (view.is_registered, view.methods) == (False, ())


@pytest.mark.parametrize(
    ("values", "rows"), [({}, 1), ({"days-0": "mon"}, 2), ({"begins-2": "22:00"}, 3)]
)
def test_row_for_another_quiet_time_is_offered(values: dict[str, str], rows: int) -> None:
    view = my_notifications_view(Data(RECIPIENT, MEDIA), FilledForm(values), (), READER)
    assert len(view.periods) == rows


def test_days_of_the_past_are_left_out_when_the_form_is_saved() -> None:
    values = {"date-0": "2026-12-25", "date-3": "2025-12-24", "date-4": "2026-12-25"}
    body, problems = read_form(values, MEDIA, READER)
    assert problems == {}
    assert body["quiet_hours"]["dates"] == ["2026-12-25"]
    assert read_form({"date-0": "2025-12-24"}, MEDIA, READER)[0]["quiet_hours"] is None

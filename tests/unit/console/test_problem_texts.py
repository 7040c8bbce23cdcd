"""Refusals of services are read in the reader's language."""

from typing import Any, get_args

import pytest

from console.views.problem_texts import TEXTS, problem_text
from console.views.refusal_words import field_text
from escalation.domain.errors import DutyRefusalCode, RefusalCode
from router.domain.errors import EntryRefusalCode
from unit.console.answers import reader

ENGLISH, GERMAN = reader(), reader(language="de")
SERVICE_WORDS = "The service's own words."
# What the refusals name, all of it.
PARAMETERS = {
    "person_id": "sam",
    "number": 3,
    "level_name": "managers",
    "limit_s": 3600,
    "amount": "120.00",
    "limit": "50.00",
    "granted": "10.00",
    "currency": "EUR",
    "now": "2026-03-02T10:12:00+00:00",
    "start": "2026-03-02T11:00:00+00:00",
    "end": "2026-03-02T12:00:00+00:00",
}
# Their kind of problem says it.
PLAIN = ("wrong-state", "forbidden")


def problem(code: str, detail: str = SERVICE_WORDS, **more: object) -> dict[str, object]:
    return {"type": f"urn:upstairs:problem:{code}", "status": 409, "detail": detail, **more}


def invalid(code: str | None, **parameters: Any) -> dict[str, Any]:
    return {"pointer": "body/x", "detail": SERVICE_WORDS, "code": code, "parameters": parameters}


@pytest.mark.parametrize("code", TEXTS)
def test_refusal_is_german_and_keeps_the_words_of_the_service(code: str) -> None:
    own_words, _, detail = problem_text(problem(code), GERMAN).partition(" (")
    assert own_words == GERMAN.texts.gettext(TEXTS[code])
    assert own_words != TEXTS[code]
    assert detail in ("", f"{SERVICE_WORDS})")


@pytest.mark.parametrize("code", [*get_args(RefusalCode), *get_args(DutyRefusalCode)])
def test_reason_of_escalation_is_said_without_the_words_of_the_service(code: str) -> None:
    refused = problem("wrong-state", reason_code=code, parameters=PARAMETERS)
    english, german = problem_text(refused, ENGLISH), problem_text(refused, GERMAN)
    assert (SERVICE_WORDS in german) == (code in PLAIN)
    assert english != german


def test_exceeded_limit_names_the_amounts() -> None:
    refused = problem("forbidden", reason_code="limit-exceeded", parameters=PARAMETERS)
    assert problem_text(refused, ENGLISH) == (
        "€120.00 is above your limit of €50.00. Granted before: €10.00."
    )


def test_absent_person_is_named_with_the_time() -> None:
    refused = problem("invalid-change", reason_code="person-absent", parameters=PARAMETERS)
    assert problem_text(refused, GERMAN) == (
        "Sam Stone ist von 11:00 bis 12:00 abwesend. Bitte wählen Sie jemand anderen."
    )


@pytest.mark.parametrize("code", get_args(EntryRefusalCode))
def test_refused_entry_of_a_person_is_said_in_german(code: EntryRefusalCode) -> None:
    said = field_text(invalid(code, people=["sam", "kim"]), GERMAN)
    assert said not in (SERVICE_WORDS, field_text(invalid(code, people=["sam", "kim"]), ENGLISH))


@pytest.mark.parametrize(
    ("code", "limit", "text"),
    [
        ("string-too-long", 80, "Höchstens 80 Zeichen."),
        ("less-than-equal", 500, "Höchstens 500."),
        ("missing", None, "Bitte ausfüllen."),
        (None, None, SERVICE_WORDS),
        ("new-kind", None, SERVICE_WORDS),
    ],
)
def test_mistake_in_a_field_is_said_in_german(
    code: str | None, limit: int | None, text: str
) -> None:
    assert field_text(invalid(code, limit=limit), GERMAN) == text


def test_refusal_in_english_is_what_the_service_says() -> None:
    assert problem_text(problem("limit-exceeded"), ENGLISH) == SERVICE_WORDS


def test_refused_plan_names_no_ids() -> None:
    said = "This takes the role manager, since it changes shifts of kim and sam."
    assert "kim" not in problem_text(problem("not-own-shift", said), ENGLISH)


def test_refusal_of_an_unknown_kind_is_told_as_it_came() -> None:
    assert problem_text(problem("new-kind"), GERMAN) == SERVICE_WORDS
    assert problem_text({}, GERMAN) == ""

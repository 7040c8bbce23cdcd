"""Refusals of services are read in the reader's language."""

from zoneinfo import ZoneInfo

import pytest

from console.texts import Texts
from console.views.problem_texts import TEXTS, problem_text

ENGLISH = Texts.of("en", ZoneInfo("UTC"))
GERMAN = Texts.of("de", ZoneInfo("UTC"))


def problem(code: str, detail: str = "The service's own words.") -> dict[str, object]:
    return {"type": f"urn:upstairs:problem:{code}", "status": 409, "detail": detail}


@pytest.mark.parametrize("code", TEXTS)
def test_refusal_is_german_and_keeps_the_words_of_the_service(code: str) -> None:
    own_words, _, detail = problem_text(problem(code), GERMAN).partition(" (")
    assert own_words == GERMAN.gettext(TEXTS[code])
    assert own_words != TEXTS[code]
    assert detail in ("", "The service's own words.)")


def test_refusal_in_english_is_what_the_service_says() -> None:
    assert problem_text(problem("limit-exceeded"), ENGLISH) == "The service's own words."


def test_refused_plan_names_no_ids() -> None:
    said = "This takes the role manager, since it changes shifts of kim and sam."
    assert "kim" not in problem_text(problem("not-own-shift", said), ENGLISH)


def test_refusal_of_an_unknown_kind_is_told_as_it_came() -> None:
    assert problem_text(problem("new-kind"), GERMAN) == "The service's own words."
    assert problem_text({}, GERMAN) == ""

"""Which language a browser asks for, of those that there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.http.accept_language import preferred_language

AVAILABLE = ("en", "de", "fr")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de", "de"),
        ("DE-at", "de"),
        ("pl, fr;q=0.5, de;q=0.8", "de"),
        ("fr;q=0.8,de;q=0.8", "fr"),
        (" fr ; q=0.9 , en;Q=1.0", "en"),
        ("de;q=0, fr;q=0.001", "fr"),
        ("de;q=0", None),
        ("de;q=nan, de;q=9, de;q=1e9, de;level=1", None),
        ("pl, *", None),
        ("", None),
        (";;,,-,", None),
    ],
)
def test_language_with_the_greatest_weight_is_preferred(header: str, language: str | None) -> None:
    assert preferred_language(header, AVAILABLE) == language


@given(st.text(alphabet="dehnfrq=;,.-* 019"))
def test_whatever_a_browser_sends_there_is_an_answer(header: str) -> None:
    assert preferred_language(header, AVAILABLE) in (*AVAILABLE, None)

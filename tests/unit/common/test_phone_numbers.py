"""Telephone numbers in the one form of E.164."""

import pytest

from common.core.phone_numbers import normalize_phone


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("+442079460018", None, "+442079460018"),
        ("+44 20 7946 0018", None, "+442079460018"),
        ("+44 (0)20 7946 0018", None, "+442079460018"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("0044 20 7946 0018", "DE", "+442079460018"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("020 7946 0018", None, None),
        ("12", "GB", None),
        ("anonymous", "GB", None),
        ("client:rita", "GB", None),
        ("", "GB", None),
        ("0" * 1000, "GB", None),
    ],
)
def test_number_has_one_form(text: str, region: str | None, expected: str | None) -> None:
    assert normalize_phone(text, region) == expected

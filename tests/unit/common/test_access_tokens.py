"""What a token server answers: a token that can be sent, for as long as it says, or nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.core.access_tokens import read_access_token

NOW = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expires_in", "life_s"),
    [
        (3600, 3540),
        ("3600", 3540),
        (3600.5, 3540.5),
        (30, 0),
        (-1, 0),
        (float("nan"), 0),
        (1e400, 86_340),
        (10**400, 840),
        (None, 840),
        ("soon", 840),
        ({}, 840),
    ],
)
def test_token_is_valid_until_shortly_before_it_expires(expires_in: Any, life_s: float) -> None:
    token = read_access_token({"access_token": "a-token", "expires_in": expires_in}, NOW)
    assert token is not None
    assert token.valid_until == NOW + timedelta(seconds=life_s)
    assert "a-token" not in repr(token)


@pytest.mark.parametrize(
    "token", [None, "", 7, ["a"], "a b", "a\r\nb", "a\x01", "\u00e9", "x" * 20_000]
)
def test_token_that_fits_into_no_header_is_none(token: Any) -> None:
    assert read_access_token({"access_token": token}, NOW) is None


@pytest.mark.parametrize("answer", [None, [], "access_token", 7, {"token": "a"}])
def test_answer_without_a_token_is_none(answer: Any) -> None:
    assert read_access_token(answer, NOW) is None

"""What every problem says."""

import pytest

from common.http.problems import ProblemError


@pytest.mark.parametrize("status", [429, 503])
def test_refusal_that_passes_says_when_to_try_again(status: int) -> None:
    assert ProblemError(status, "busy", "Too much.").response().headers["Retry-After"] == "5"
    stated = ProblemError(status, "busy", "Too much.", headers={"Retry-After": "60"})
    assert stated.response().headers["Retry-After"] == "60"


@pytest.mark.parametrize("status", [403, 404, 409, 422])
def test_refusal_that_stays_does_not_say_when_to_try_again(status: int) -> None:
    assert "Retry-After" not in ProblemError(status, "no", "No.").response().headers

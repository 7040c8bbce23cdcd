"""Which secrets are refused: short, patterned, published, or placeholders."""

import base64
import secrets

import pytest

from common.core.secret_strength import split_secrets, weakness


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "k",
        "a" * 64,
        "ab" * 32,
        "changeit" * 8,
        "0123456789" * 5,
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "correct horse battery " * 3,
        "dev-only-q8Z1r5Vb0uTnXy7cE3wJpL2sKd9fGhMa",
        "q8Z1r5Vb0uTnXy7cE3wJpL2sKd9fGhMa-DEV-ONLY",
        "please-change-me-before-production-1",
        "8f742231b10e8888abcd99yyyzzz85a5",
        "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==",
        "q8Z1r5Vb0uTnXy7cE3wJpL2sKd9fGhM",
        "q8Z1r5Vb0uTnXy7cE3wJpL" + " " * 32,
    ],
)
def test_weak_secret_is_refused_without_showing_it(secret: str) -> None:
    reason = weakness(secret)
    assert reason
    assert not secret or len(secret) < 2 or secret not in reason


def test_random_secrets_are_strong() -> None:
    for _ in range(500):
        for secret in (
            secrets.token_hex(16),
            secrets.token_hex(32),
            secrets.token_urlsafe(32),
            base64.b64encode(secrets.token_bytes(24)).decode(),
        ):
            assert weakness(secret) is None, secret


@pytest.mark.parametrize(
    ("secret", "is_weak"), [("hunter2", True), ("aaaaaaaa", True), ("xoxb-7f3a", False)]
)
def test_given_secret_may_be_short_but_not_trivial(secret: str, is_weak: bool) -> None:
    assert (weakness(secret, min_characters=8) is not None) == is_weak


def test_secrets_are_separated_by_commas_or_lines() -> None:
    assert split_secrets("new, old\nolder,,\n") == ("new", "old", "older")
    assert split_secrets(" , \n") == ()

"""Which secrets are refused: short, patterned, published, or placeholders."""

import base64
import random
import string
import uuid

import pytest

from common.core.secret_strength import split_secrets, weakness
from common.core.word_likelihood import word_bits


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
        "example",
        "your_secret",
        "q8Z1r5Vb0uTnXy7cE3wJpL2sKd9fGhMa.changeme",
        "changemechangemechangemechangeme",
        # A few common words, which a list of words finds however long they are.
        "correcthorsebatterystaplecorrecthorsebatterystaple",
        "supervisor-manager-representative-escalation",
        "this is a very long secret of our company",
        "SuperSecretTokenForTheNotifier2026",
        "my-very-long-production-api-key-for-upstairs-2026",
        "todo-todo-todo-please-put-a-secret-here-soon",
        "geheimes passwort für unsere firma in der produktion",
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


def random_secrets(source: random.Random) -> tuple[str, ...]:
    """Return a secret in each form in which tools make them."""
    return (
        source.randbytes(16).hex(),
        source.randbytes(32).hex(),
        str(uuid.UUID(int=source.getrandbits(128))),
        base64.urlsafe_b64encode(source.randbytes(32)).decode().rstrip("="),
        base64.b64encode(source.randbytes(24)).decode(),
        base64.b32encode(source.randbytes(20)).decode(),
        "".join(source.choices(string.ascii_lowercase, k=32)),
        "".join(source.choices(string.ascii_letters + string.digits, k=40)),
        base64.urlsafe_b64encode(source.randbytes(64)).decode(),
    )


def test_random_secrets_are_strong() -> None:
    """The same ones in each run: 18,000."""
    source = random.Random(2026)
    for _ in range(2000):
        for secret in random_secrets(source):
            assert weakness(secret) is None, secret


@pytest.mark.parametrize("word", ["todo", "TODO", "example", "changeme", "admin", "secret"])
def test_random_secret_may_contain_a_word_by_chance(word: str) -> None:
    assert weakness(f"q8Z1r5Vb0uTnXy{word}7cE3wJpL2sKd9fGhMa") is None


def test_words_are_no_more_than_chance_allows() -> None:
    """In each row of the table the mean ratio is at most 1: else the bound would not hold."""
    for first in string.ascii_lowercase:
        ratios = [2.0 ** word_bits(first + second) for second in string.ascii_lowercase]
        if first in "abcdef":  # pairs of hexadecimal digits count nothing
            ratios = [2.0 ** word_bits(f"{first}{second} z") for second in string.ascii_lowercase]
        assert sum(ratios) / 26 <= 1


@pytest.mark.parametrize(
    ("secret", "is_weak"), [("hunter2", True), ("aaaaaaaa", True), ("xoxb-7f3a", False)]
)
def test_given_secret_may_be_short_but_not_trivial(secret: str, is_weak: bool) -> None:
    assert (weakness(secret, min_characters=8) is not None) == is_weak


def test_secrets_are_separated_by_commas_or_lines() -> None:
    assert split_secrets("new, old\nolder,,\n") == ("new", "old", "older")
    assert split_secrets(" , \n") == ()

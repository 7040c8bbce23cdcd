"""Secrets: several that are valid at once, and whether one is weak."""

import itertools
from typing import Final

MIN_CHARACTERS: Final = 32
# For a secret that an outside system gives, such as a password of a mail server.
MIN_GIVEN_CHARACTERS: Final = 8
_MIN_DISTINCT: Final = 8
# The defaults of deploy/compose.yaml, and what people write before they choose a secret.
_PLACEHOLDERS: Final = (
    *("dev-only", "changeme", "change-me", "change_me", "change-this", "replace-me", "example"),
    *("placeholder", "your-secret", "your_secret", "todo"),
)
# Values in tests, samples and the documents of others, which a guess begins with.
_PUBLISHED: Final = frozenset(
    {
        *("local", "postgres", "upstairs", "password", "secret", "admin", "xoxb-local"),
        # In the documents of Slack, and of Zendesk, which signs test requests by it.
        "8f742231b10e8888abcd99yyyzzz85a5",
        "dghpc19zzwnyzxrfaxnfzm9yx3rlc3rpbmdfb25seq==",
    }
)


def split_secrets(text: str) -> tuple[str, ...]:
    """Return secrets that are valid at once, separated by commas or lines; the first one signs."""
    parts = (part.strip() for part in text.replace("\n", ",").split(","))
    return tuple(filter(None, parts))


def weakness(secret: str, *, min_characters: int = MIN_CHARACTERS) -> str | None:
    """Return what is wrong with a secret, without any part of it; None if it is strong enough."""
    lowered = secret.strip().lower()
    if lowered in _PUBLISHED or any(word in lowered for word in _PLACEHOLDERS):
        return "it is published or a placeholder; choose a random one"
    if len(secret.strip()) < min_characters:
        return f"it is shorter than {min_characters} characters"
    if min_characters >= MIN_CHARACTERS and _is_guessable(secret):
        return "its characters follow a pattern; choose a random one"
    if len(set(secret)) == 1:
        return "it is one character, repeated"
    return None


def _is_guessable(secret: str) -> bool:
    """Return whether few characters, a repeated part or a sequence make most of the secret."""
    steps = [ord(after) - ord(before) for before, after in itertools.pairwise(secret)]
    parts = {secret[start : start + 3] for start in range(len(secret) - 2)}
    return (
        len(set(secret)) < _MIN_DISTINCT
        or len(set(steps)) < _MIN_DISTINCT
        or 4 * len(parts) < 3 * (len(secret) - 2)
    )

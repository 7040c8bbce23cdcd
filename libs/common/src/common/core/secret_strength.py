"""Secrets: several that are valid at once, and whether one is weak."""

import itertools
import re
from typing import Final

from common.core.word_likelihood import word_bits

MIN_CHARACTERS: Final = 32
# For a secret that an outside system gives, such as a password of a mail server.
MIN_GIVEN_CHARACTERS: Final = 8
_MIN_DISTINCT: Final = 8
# The defaults of deploy/compose.yaml, and what people write before they choose a secret. As words
# of their own, and long: a random secret has none of them, while one in 25,000 has a `todo`.
_PLACEHOLDER: Final = re.compile(
    r"(?<![a-z0-9])"
    r"(dev-only|(change|replace)[-_ ]?(me|this|it)|example|placeholder|your[-_ ]secret)"
    r"(?![a-z0-9])"
)
# A random secret reaches so many with a probability of 2**-20 at most.
_MAX_WORD_BITS: Final = 20
# Values in tests, samples and the documents of others, which a guess begins with.
_PUBLISHED: Final = frozenset(
    {
        *("local", "postgres", "upstairs", "password", "secret", "admin", "xoxb-local"),
        # In the documents of Slack, and of Zendesk, which signs test requests by it.
        "8f742231b10e8888abcd99yyyzzz85a5",
        "dghpc19zzwnyzxrfaxnfzm9yx3rlc3rpbmdfb25seq==",
        # The public keys in deploy/compose.yaml: their private keys are beside them.
        "xjlpmujqni11/p01mabsuvnhkuq+wcb9mejnofnkrxe=",
        "igzsxzstaywdasczv4zlff64i0k3tt/1ss7jvofzyxc=",
        "hy/gcrhlngmdhllyr+diifouyuajoz+y35j0mbpdrts=",
        "0skpkxzpopkg+y6bkpb5zeqpcc2r8+/b8fequse9xoy=",
        "uo/ltm9ycieiydu4qsair71a6oxuugc7zfssgiyhhsu=",
    }
)


def split_secrets(text: str) -> tuple[str, ...]:
    """Return secrets that are valid at once, separated by commas or lines; the first one signs."""
    parts = (part.strip() for part in text.replace("\n", ",").split(","))
    return tuple(filter(None, parts))


def weakness(secret: str, *, min_characters: int = MIN_CHARACTERS) -> str | None:
    """Return what is wrong with a secret, without any part of it; None if it is strong enough."""
    lowered = secret.strip().lower()
    if lowered in _PUBLISHED or _PLACEHOLDER.search(lowered):
        return "it is published or a placeholder; choose a random one"
    if len(secret.strip()) < min_characters:
        return f"it is shorter than {min_characters} characters"
    if min_characters >= MIN_CHARACTERS and _is_guessable(secret):
        return "its characters follow a pattern; choose a random one"
    if min_characters >= MIN_CHARACTERS and word_bits(secret) > _MAX_WORD_BITS:
        return "it is made of words; choose a random one"
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

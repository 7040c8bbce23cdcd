"""Erasure: what stands where the words of a customer were."""

from collections.abc import Collection
from typing import Any, Final

# Stands where words were: readers see that something was here.
ERASED: Final = "[erased]"
# The fields of events and stored data that may have such words, wherever they stand.
WORDS: Final = frozenset(
    {
        "comment",
        "context",
        "customer",
        "customer_name",
        "customer_statement",
        "excerpt",
        "explanation",
        "guidance",
        "name",
        "note",
        "proposal",
        "quote",
        "reason",
        "representative_statement",
        "subject",
        "text",
        "words",
    }
)


def without_words(value: Any, words: Collection[str] = WORDS) -> Any:
    """Return JSON data whose texts in these fields are erased."""
    match value:
        case dict():
            return {
                name: ERASED
                if name in words and isinstance(item, str)
                else without_words(item, words)
                for name, item in value.items()
            }
        case list():
            return [without_words(item, words) for item in value]
        case _:
            return value

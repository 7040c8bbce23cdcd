"""What the console shows where a newer service sends a value that has no words here."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from console.views.reader import Reader

K = TypeVar("K", bound=str)
Write = Callable[[Mapping[str, Any], Reader], str]


class Labels(dict[K, str]):
    """Texts by the values of services; a value without a text is shown as it is."""

    def __missing__(self, value: K) -> str:
        return value


def try_to_write(write: Write, of: Mapping[str, Any], reader: Reader) -> str | None:
    """Write a sentence; None if a value in it is missing or has no words here.

    Then the text of the service, in English, is better than no page.
    """
    try:
        return write(of, reader)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def write_sentence(
    code: str | None,
    of: Mapping[str, Any],
    sentences: Mapping[str, str],
    written: Mapping[str, Write],
    reader: Reader,
) -> str | None:
    """Say what a code means: by its sentence, or written with values; None without words here."""
    if code is None:
        return None
    if code in sentences:
        return reader.texts.gettext(sentences[code], **of)
    return try_to_write(written[code], of, reader) if code in written else None

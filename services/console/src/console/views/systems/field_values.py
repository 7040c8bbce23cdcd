"""Values that only the settings of outside systems have."""

from typing import Any, Final

import orjson

from console.texts import Texts, mark
from console.views.settings.values import Choice, Value

FIELD_HINT: Final = mark('true, false and numbers are sent as such; in quotes, as "5", as a text.')


class FieldText(Value):
    """A text, a number, yes or no; what looks like a number and is a text stands in quotes.

    A number that would not be sent as it is written is a text: a long one would lose digits.
    """

    def write(self, value: Any, _texts: Texts) -> str:
        if isinstance(value, str) and isinstance(_parse(value), str) and not _is_quoted(value):
            return value
        return orjson.dumps(value).decode()

    def read(self, text: str, _texts: Texts) -> str | float | bool:
        return _parse(text)


def _parse(text: str) -> str | float | bool:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    if isinstance(value, str):
        return value
    is_exact = isinstance(value, int | float) and orjson.dumps(value).decode() == text.strip()
    return value if is_exact else text


def _is_quoted(text: str) -> bool:
    return text.startswith('"')


class WritingChoice(Choice):
    """Whether a write-back writes: one that Upstairs has halted goes on once it is saved."""

    def write(self, value: Any, _texts: Texts) -> str:
        return "active" if value == "halted" else str(value)

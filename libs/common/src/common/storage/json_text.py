"""JSON for columns of the type `json`, which keep it as it is."""

import re
from typing import Final

import msgspec

from common.core.errors import ContentError

_encode: Final = msgspec.json.Encoder().encode
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class NulCharacterError(ContentError, UnicodeError):
    """A text contains the character NUL, which PostgreSQL can't hold."""


def to_json(value: object) -> str:
    """Return the JSON of it; raises NulCharacterError, since `json` would accept the escape.

    No query could read any field of such a row.
    """
    text = _encode(value)
    if b"\\u0000" in text and _NUL.search(text):
        raise NulCharacterError
    return text.decode()

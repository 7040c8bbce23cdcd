"""JSON for columns of the type `json`, which keep it as it is."""

import re
from typing import Final

from pydantic import BaseModel

from common.core.errors import ContentError

_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class NulCharacterError(ContentError, UnicodeError):
    """A text contains the character NUL, which PostgreSQL can't hold."""


def to_json(model: BaseModel) -> str:
    """Return the model's JSON; raises NulCharacterError, since `json` would accept the escape.

    No query could read any field of such a row.
    """
    text = model.model_dump_json()
    if "\\u0000" in text and _NUL.search(text):
        raise NulCharacterError
    return text

"""Telephone numbers by E.164, as `+442079460018`."""

import re
from importlib import import_module
from typing import Annotated, Any, Final

from pydantic import AfterValidator, StringConstraints

E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_MAX_CHARACTERS: Final = 254
_MAX_CHARACTERS_OF_A_METHOD: Final = 40


def normalize_phone(text: str, region: str | None) -> str | None:
    """Return the number by E.164; None if it is no valid number.

    Without a region, only a number with its country can be read.
    """
    text = text.strip()
    if E164.fullmatch(text):
        return text
    if len(text) > _MAX_CHARACTERS:
        return None
    return _read(text, region)


def require_phone_number(text: str) -> str:
    """Return the number by E.164; raises ValueError if no telephone can have it."""
    number = _read(text.strip(), None)
    if number is None:
        raise ValueError("must be a telephone number with its country, for example +442079460018")
    return number


def _read(text: str, region: str | None) -> str | None:
    # It takes 3 MB, so only a process that meets such a number loads it.
    library: Any = import_module("phonenumbers")
    try:
        number = library.parse(text, region)
    except library.NumberParseException:
        return None
    if not library.is_valid_number(number):
        return None
    formatted: str = library.format_number(number, library.PhoneNumberFormat.E164)
    return formatted


PhoneNumber = Annotated[
    str,
    StringConstraints(max_length=_MAX_CHARACTERS_OF_A_METHOD),
    AfterValidator(require_phone_number),
]

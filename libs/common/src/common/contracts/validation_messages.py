"""Says in words what is allowed where a value is not: no regular expression, no term of Python."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from common.contracts.event import ID_PATTERN, UUID_PATTERN

DATE_TIME: Final = "must be a date and a time with its zone, for example 2026-03-02T09:30:00Z"
DATE: Final = "must be a date, for example 2026-03-02"
NUMBER: Final = "must be a number"
WHOLE_NUMBER: Final = "must be a whole number"
LIST: Final = "must be a list"
OBJECT: Final = "must be an object with named fields"
TEXT: Final = "must be a text"
TRUE_OR_FALSE: Final = "must be true or false"
UNSPECIFIC: Final = "is not a value that is allowed here"
_MAX_SUMMARY_CHARACTERS: Final = 500

# Each pattern that a field of the API has; a test compares it with OpenAPI.
PATTERNS: Final[Mapping[str, str]] = {
    r"^[A-Za-z0-9_.+-]+/[A-Za-z0-9_.+-]+$": "must be a media type, for example image/jpeg",
    f"^{ID_PATTERN}$": "must be 1 to 100 letters without accents, digits or characters of . _ @ -"
    " and begin with a letter or a digit",
    f"^{ID_PATTERN}:{ID_PATTERN}$": "must be two names with a colon between them, for example"
    " channel:shop",
    f"^{UUID_PATTERN}$": "must be an id that we made: a UUID in small letters, for example"
    " 01924f6e-0000-7000-8000-000000000000",
    r"^[0-9]{6}$": "must be the six digits of the code, for example 042917",
    "^[0-9a-f]{12}$": "must be the id of a key: 12 digits or letters from a to f",
    r"^[^\x00-\x1f]{1,100}$": "must be 1 to 100 characters in one line",
    r"^[^\x00-\x1f\x7f-\x9f]+$": "must be one line without control characters",
    "^https?://": "must begin with https:// or http://",
    "^/": "must begin with a slash, for example /supervisor",
    "^00D": "must be the id of an organization in Salesforce: it begins with 00D",
    r"^https?://[!-~]+$": "must be a whole address in ASCII, for example https://example.com/x",
    r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$": "must be the address of a host without a path, in"
    " small letters, for example https://acme.crm4.dynamics.com",
    r"^[A-Za-z0-9._-]+$": "must be letters without accents, digits or characters of . _ -",
    r"^[A-Z]{2}$": "must be two capital letters, for example DE",
    r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$": "must be a time from 00:00 to 24:00 with four"
    " digits, for example 09:30",
    r"^([01][0-9]|2[0-3]):[0-5][0-9]$": "must be a time from 00:00 to 23:59 with four digits,"
    " for example 09:30",
    r"^[A-Za-z0-9.:_-]+$": "must be the name or the address of a host, for example"
    " imap.example.com",
    r"^[A-Za-z_][A-Za-z0-9_]{0,99}$": "must be the name of an environment variable, for example"
    " CHANNEL_ACME",
    r"^/[^\x00-\x1f]{0,298}$": "must be the path of a file that begins with a slash",
    r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+$": "must be a mail address, for example"
    " ann@example.com",
    r"^[0-9]{1,19}(\.[0-9]{1,19})*(-[0-9]{1,19}(\.[0-9]{1,19})*)*$": "must be the id of an event"
    " as the stream sent it",
}

_PLAIN: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "is not a field that is known here",
    "invalid_key": "must have texts as names of its fields",
    "json_type": "must be JSON",
    "model_type": OBJECT,
    "model_attributes_type": OBJECT,
    "dataclass_type": OBJECT,
    "dict_type": OBJECT,
    "mapping_type": OBJECT,
    "none_required": "must be null",
    "finite_number": "must be a number that is not infinite",
    "string_type": TEXT,
    "string_unicode": "must be a text in UTF-8",
    "list_type": LIST,
    "tuple_type": LIST,
    "set_type": LIST,
    "frozen_set_type": LIST,
    "iterable_type": LIST,
    "bool_type": TRUE_OR_FALSE,
    "bool_parsing": TRUE_OR_FALSE,
    "int_type": WHOLE_NUMBER,
    "int_parsing": WHOLE_NUMBER,
    "int_parsing_size": "must be a smaller number",
    "int_from_float": WHOLE_NUMBER,
    "float_type": NUMBER,
    "float_parsing": NUMBER,
    "decimal_type": NUMBER,
    "decimal_parsing": NUMBER,
    "date_type": DATE,
    "date_parsing": DATE,
    "date_from_datetime_parsing": DATE,
    "date_from_datetime_inexact": DATE,
    "datetime_type": DATE_TIME,
    "datetime_parsing": DATE_TIME,
    "datetime_object_invalid": DATE_TIME,
    "datetime_from_date_parsing": DATE_TIME,
    "timezone_aware": DATE_TIME,
    "url_type": "must be a URL",
    "url_parsing": "must be a URL",
    "uuid_type": PATTERNS[f"^{UUID_PATTERN}$"],
    "uuid_parsing": PATTERNS[f"^{UUID_PATTERN}$"],
}

_BOUNDED: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "value_error": lambda c: str(c["error"]),
    "json_invalid": lambda c: f"is not JSON: {c['error']}",
    "literal_error": lambda c: f"must be {c['expected']}",
    "enum": lambda c: f"must be {c['expected']}",
    "union_tag_invalid": lambda c: (
        f"must have one of these as {c['discriminator']}: {c['expected_tags']}"
    ),
    "union_tag_not_found": lambda c: f"must have the field {c['discriminator']}",
    "string_pattern_mismatch": lambda c: PATTERNS.get(c["pattern"], UNSPECIFIC),
    "string_too_short": lambda c: f"must have at least {_count(c['min_length'], 'character')}",
    "string_too_long": lambda c: f"must have at most {_count(c['max_length'], 'character')}",
    "too_short": lambda c: f"must have at least {_count(c['min_length'], 'entry')}",
    "too_long": lambda c: f"must have at most {_count(c['max_length'], 'entry')}",
    "greater_than": lambda c: f"must be more than {_number(c['gt'])}",
    "greater_than_equal": lambda c: f"must be at least {_number(c['ge'])}",
    "less_than": lambda c: f"must be less than {_number(c['lt'])}",
    "less_than_equal": lambda c: f"must be at most {_number(c['le'])}",
    "url_scheme": lambda c: f"must be a URL that begins with {_schemes(c['expected_schemes'])}",
    "url_too_long": lambda c: f"must have at most {_count(c['max_length'], 'character')}",
    "multiple_of": lambda c: f"must be a multiple of {_number(c['multiple_of'])}",
    "decimal_max_digits": lambda c: f"must have at most {_count(c['max_digits'], 'digit')}",
    "decimal_max_places": lambda c: f"must have at most {_count(c['decimal_places'], 'decimal')}",
    "decimal_whole_digits": lambda c: (
        f"must have at most {_count(c['whole_digits'], 'digit')} before the point"
    ),
}

# Whose context has one bound, by its name there.
_BOUND_NAMES: Final[Mapping[str, str]] = {
    "string_too_short": "min_length",
    "string_too_long": "max_length",
    "too_short": "min_length",
    "too_long": "max_length",
    "greater_than": "gt",
    "greater_than_equal": "ge",
    "less_than": "lt",
    "less_than_equal": "le",
    "decimal_max_digits": "max_digits",
    "decimal_max_places": "decimal_places",
    "decimal_whole_digits": "whole_digits",
}
_PLURALS: Final = {"entry": "entries"}


class InvalidValueError(ValueError):
    """A value is refused by a rule of the field, which a code names for other languages."""

    def __init__(self, detail: str, code: str, **parameters: str | float) -> None:
        super().__init__(detail)
        self.code = code
        self.parameters = parameters


class InvalidField(NamedTuple):
    """What is wrong at a place: in words, and as a code with parameters for other languages."""

    place: str
    detail: str
    code: str | None = None
    parameters: Mapping[str, Any] | None = None

    def within(self, place: str) -> "InvalidField":
        """Return it as a part of what is at the place."""
        return self._replace(place=f"{place}/{self.place}")


def describe(error: Mapping[str, Any]) -> str:
    """Return what is allowed there; `error` is one of `ValidationError.errors()`."""
    kind, context = error["type"], error.get("ctx")
    if context and kind in _BOUNDED:
        return _BOUNDED[kind](context)
    return _PLAIN.get(kind, UNSPECIFIC)


def invalid_parts(errors: Sequence[Mapping[str, Any]], body: object) -> list[InvalidField]:
    """Return each error of a request with this body, with its place: `body/priority`.

    A list is not short because some of its entries are invalid: pydantic counts only the others.
    """
    return [
        _invalid_field(error, body)
        for error in errors
        if not (_has_enough_entries(error) and _is_around_another(error, errors))
    ]


def _invalid_field(error: Mapping[str, Any], body: object) -> InvalidField:
    raised = error.get("ctx", {}).get("error")
    if isinstance(raised, InvalidValueError):
        return InvalidField(place(error, body), str(raised), raised.code, raised.parameters)
    kind: str = error["type"]
    is_named = kind in _PLAIN or kind in _BOUND_NAMES
    code = kind.replace("_", "-") if is_named else None
    bound = error.get("ctx", {}).get(_BOUND_NAMES.get(kind, ""))
    parameters = None if bound is None else {"limit": str(_number(bound))}
    return InvalidField(place(error, body), describe(error), code, parameters)


def summarize(error: ValidationError, whole: str) -> str:
    """Say what is wrong and where, without the values: they may be customers' words.

    `whole` names what is checked, for what is wrong with all of it.
    """
    details = error.errors(include_url=False, include_input=False)
    parts = (f"{place(detail) or whole}: {describe(detail)}" for detail in details)
    return "; ".join(parts)[:_MAX_SUMMARY_CHARACTERS]


def place(error: Mapping[str, Any], body: object = None) -> str:
    """Return the place in the request: `body/priority`.

    pydantic also names the tag of a union in it; with the body it is told from the fields.
    """
    parts = [part for part in error["loc"] if part != "[key]"]
    way = _way(parts[1:], body) if parts[:1] == ["body"] else None
    return "/".join(map(str, parts if way is None else ("body", *way)))


def _way(parts: Sequence[int | str], value: Any) -> tuple[int | str, ...] | None:
    """Return the parts without tags, or None if they do not lead through the value."""
    if not parts:
        return ()
    first, rest = parts[0], parts[1:]
    if isinstance(value, list):
        value = dict(enumerate(value))
    elif not isinstance(value, dict):
        return None
    further = _way(rest, value[first]) if first in value else None
    if further is not None:
        return (first, *further)
    if rest:
        return _way(rest, value) if first in value.values() else None
    # The field is missing.
    return (first,)


def _has_enough_entries(error: Mapping[str, Any]) -> bool:
    if error["type"] != "too_short" or not hasattr(error["input"], "__len__"):
        return False
    return len(error["input"]) >= int(error["ctx"]["min_length"])


def _is_around_another(error: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> bool:
    outer = error["loc"]
    return any(
        len(other["loc"]) > len(outer) and other["loc"][: len(outer)] == outer for other in errors
    )


def _number(number: object) -> object:
    """Return a whole number without its `.0`."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _schemes(expected: str) -> str:
    """Write pydantic's `'http' or 'https'` as a URL begins."""
    return re.sub("'([^']*)'", r"\1://", expected)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun if number == 1 else _PLURALS.get(noun, f'{noun}s')}"

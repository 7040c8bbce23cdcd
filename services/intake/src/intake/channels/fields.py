"""What outside systems write into JSON: strict about what we need, lenient about the rest.

Captures differ from the documentation: states in capitals, numbers for texts, null for anything,
ids above 2^64, times in nanoseconds.
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, BeforeValidator

from common.core.text import clean_text, is_visible, one_line, opaque_id
from intake.channels.base import ExternalFile, MalformedBodyError
from intake.domain.model import Moment

M = TypeVar("M", bound=BaseModel)

# Rather far from the ends of the calendar, where time zones can't be computed.
YEARS: Final = range(1971, 2200)
_MAX_FIELDS: Final = 1000
# More than any system writes, and few enough for whatever reads them by recursion.
_MAX_LEVELS: Final = 100
_URL_CHARACTERS: Final = 2_000
_CONTENT_TYPE_CHARACTERS: Final = 100
_LARGEST_POSITION: Final = 1_000_000
_POSITION_DIGITS: Final = 7
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_json(body: bytes, model: type[M]) -> M:
    """Read a body without what PostgreSQL can't store: NUL, and halves of surrogate pairs.

    Numbers keep all their digits. Raises MalformedBodyError, or ValidationError for the fields.
    """
    return model.model_validate(load_json(body))


def load_json(body: bytes | str) -> Any:
    """Return the JSON as `read_json` reads it; raises MalformedBodyError."""
    try:
        content = json.loads(body, parse_constant=lambda _: None, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise MalformedBodyError("The body is not JSON.", "not-json") from error
    return _storable(content, _MAX_LEVELS)


def _finite(number: str) -> float | None:
    """Return None for `1e400`, as for `Infinity`: it is no number that a system would mean."""
    value = float(number)
    return value if math.isfinite(value) else None


def _storable(value: Any, levels: int) -> Any:
    if levels == 0:
        raise MalformedBodyError("The JSON has too many levels.", "too-large")
    match value:
        case str():
            return clean_text(value)
        case list():
            return [_storable(item, levels - 1) for item in value]
        case dict():
            return {clean_text(name): _storable(item, levels - 1) for name, item in value.items()}
        case _:
            return value


def read_text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else None


def read_id(value: Any) -> str | None:
    try:
        return opaque_id(one_line(read_text(value) or ""))
    except ValueError:
        return None


def read_flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "1": True, "false": False, "0": False}.get(
        (read_text(value) or "").strip().lower()
    )


def read_tags(value: Any) -> tuple[str, ...]:
    """Read a list, or the text with spaces or commas that a template makes of it."""
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    if not isinstance(value, list):
        return ()
    return tuple(text for item in value if (text := read_text(item)) is not None)


def read_time(value: Any) -> datetime | None:
    try:
        return bounded_time(datetime.fromisoformat(value))
    except (TypeError, ValueError):
        return None


def read_mail_date(value: Any) -> datetime | None:
    """Read a time as mails have it: `Sat, 28 Nov 2026 10:00:00 +0100`."""
    try:
        return bounded_time(parsedate_to_datetime(value))
    # Python's parser raises what its parts raise.
    except (TypeError, ValueError, OverflowError, IndexError, AttributeError):
        return None


def read_seconds(value: Any) -> datetime | None:
    """Read seconds since 1970, as a number or as text; the offset is nobody's."""
    try:
        return bounded_time(_EPOCH + timedelta(seconds=float(value)))
    except (TypeError, ValueError, OverflowError):
        return None


def moment_at(time: datetime | None) -> Moment | None:
    return None if time is None else Moment(time)


def bounded_time(time: datetime) -> datetime | None:
    """Return the time in UTC, which it is in without a zone; None if it is of no likely year."""
    if time.year not in YEARS:
        return None
    in_utc = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    # A zone may move it into another year.
    return in_utc if in_utc.year in YEARS else None


def read_position(value: Any) -> int:
    """Read the place of an event among those of one moment; 0 for what is no such number."""
    digits = read_text(value) or ""
    is_number = digits.isascii() and digits.isdigit()
    return min(int(digits[:_POSITION_DIGITS]), _LARGEST_POSITION) if is_number else 0


def read_file(
    file_id: str | None, name: str | None, url: str | None, content_type: str | None
) -> ExternalFile | None:
    """Return the file, unless it has no id or no address that people can open."""
    if file_id is None or url is None:
        return None
    if not url.startswith("https://") or len(url) > _URL_CHARACTERS or not is_visible(url):
        return None
    return ExternalFile(file_id, name or file_id, url, read_content_type(content_type))


def read_content_type(text: str | None) -> str | None:
    return one_line(clean_text((text or "")[:_CONTENT_TYPE_CHARACTERS])) or None


def read_object(value: Any) -> Any:
    return value if isinstance(value, dict) else {}


def read_object_or_none(value: Any) -> Any:
    return value if isinstance(value, dict) else None


def read_texts(value: Any) -> Mapping[str, str]:
    fields = value if isinstance(value, dict) else {}
    return {name: text for name, item in fields.items() if (text := read_text(item)) is not None}


Text = Annotated[str | None, BeforeValidator(read_text)]
Id = Annotated[str | None, BeforeValidator(read_id)]
Flag = Annotated[bool | None, BeforeValidator(read_flag)]
Tags = Annotated[tuple[str, ...], BeforeValidator(read_tags)]
Position = Annotated[int, BeforeValidator(read_position)]
Time = Annotated[datetime | None, BeforeValidator(read_time)]
Texts = Annotated[Mapping[str, str], BeforeValidator(read_texts)]


def read_form(body: bytes) -> dict[str, str]:
    """Return the first value of each field of a form, without what PostgreSQL can't store.

    Raises MalformedBodyError if it has too many fields.
    """
    fields = form_fields(body)
    return {name: clean_text(value) for name, value in reversed(fields)}


def form_fields(body: bytes) -> list[tuple[str, str]]:
    """Return all fields as they came; raises MalformedBodyError if they are too many."""
    try:
        return parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_FIELDS
        )
    except ValueError as error:
        raise MalformedBodyError("The form has too many fields.", "too-large") from error

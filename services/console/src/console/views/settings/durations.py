"""Lengths of time as people write them in forms: `1 h 30 min`, exact to the second."""

import re
from collections.abc import Mapping
from typing import Final

from console.texts import Texts
from console.views.fields import FieldError

_SECONDS: Final[Mapping[str, int]] = {"d": 86400, "h": 3600, "min": 60, "s": 1}
# People write them in other ways too, in each language.
_SPELLINGS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("d", "day", "days", "t", "tag", "tage", "tagen"), "d"),
    **dict.fromkeys(("h", "hour", "hours", "std", "stunde", "stunden"), "h"),
    **dict.fromkeys(("min", "m", "mins", "minute", "minutes", "minuten"), "min"),
    **dict.fromkeys(("s", "sec", "second", "seconds", "sek", "sekunde", "sekunden"), "s"),
}
_PART: Final = re.compile(r"(\d{1,9}(?:[.,]\d{1,3})?)\s*([^\W\d_]+)\.?\s*")


def write_duration(seconds: float, texts: Texts, *, has_days: bool = True) -> str:
    units = texts.units()
    parts = []
    rest = seconds
    for unit, length in _SECONDS.items():
        if unit == "d" and not has_days:
            continue
        count = rest if unit == "s" else rest // length
        if count:
            parts.append(f"{count:g} {units[unit]}")
        rest -= count * length
    return " ".join(parts) or f"0 {units['s']}"


def parse_duration(text: str, texts: Texts) -> float:
    """Return the seconds; raises FieldError."""
    spellings = {**_SPELLINGS, **{name.lower(): unit for unit, name in texts.units().items()}}
    seconds, end = 0.0, 0
    for part in _PART.finditer(text):
        unit = spellings.get(part[2].lower())
        if part.start() != end or unit is None:
            break
        seconds += float(part[1].replace(",", ".")) * _SECONDS[unit]
        end = part.end()
    if not text or end != len(text):
        raise FieldError(
            texts.gettext("Please write a time with its unit, such as 10 min or 1 h 30 min.")
        )
    return int(seconds) if seconds.is_integer() else seconds

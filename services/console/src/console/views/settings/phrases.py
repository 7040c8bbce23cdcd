"""Words that sentences about several kinds of settings share."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from common.contracts.contacts import Priority, Tier
from console.texts import mark
from console.views.reader import Reader
from console.views.settings.durations import write_duration
from console.views.words import WEEKDAYS

PRIORITIES: Final[Mapping[Priority, str]] = {
    "low": mark("low"),
    "normal": mark("normal"),
    "high": mark("high"),
    "urgent": mark("urgent"),
}
TIERS: Final[Mapping[Tier, str]] = {
    "standard": mark("standard"),
    "premium": mark("premium"),
    "vip": mark("VIP"),
}
_DAY_S: Final = 86400


def listing(words: Iterable[str], reader: Reader) -> str:
    """Name several of which one is enough: `A, B or C`."""
    listed = list(words)
    if not listed[1:]:
        return "".join(listed)
    return reader.texts.gettext(
        "%(first)s or %(last)s", first=", ".join(listed[:-1]), last=listed[-1]
    )


def labels(values: Sequence[str], names: Mapping[Any, str], reader: Reader) -> str:
    return listing((reader.texts.gettext(names.get(value, value)) for value in values), reader)


def duration(seconds: float, reader: Reader) -> str:
    return write_duration(seconds, reader.texts)


def days(count: int, reader: Reader) -> str:
    return write_duration(count * _DAY_S, reader.texts)


def business_duration(seconds: float, reader: Reader) -> str:
    return write_duration(seconds, reader.texts, has_days=False)


def week_sentences(hours: Mapping[str, Any], reader: Reader) -> list[str]:
    """Say the hours of each day; days with the same hours are in one sentence."""
    _ = reader.texts.gettext
    days: dict[str, list[str]] = {}
    for day, name in WEEKDAYS.items():
        spans = ", ".join(f"{opens}\u2013{closes}" for opens, closes in hours.get(day, ()))
        days.setdefault(spans, []).append(_(name))
    return [
        _("%(days)s: %(hours)s", days=", ".join(names), hours=spans or _("closed"))
        for spans, names in days.items()
    ]

"""The filters of the list of escalations: they live in the address and nowhere else."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from console.texts import mark
from console.views import words
from console.views.fields import Option, options_of
from console.views.reader import Reader

SORTS: Final[Mapping[str, str]] = {
    "time_left": mark("Time left"),
    "severity": mark("Severity"),
    "newest": mark("Newest"),
}
TIERS: Final[Mapping[str, str]] = {
    "vip": mark("VIP"),
    "premium": mark("Premium"),
    "standard": mark("Standard"),
}
# Filters with a list of choices, by the names that the API of escalation has for them.
CHOICES: Final[Mapping[str, tuple[str, Mapping[Any, str]]]] = {
    "severity": (mark("Severity"), words.SEVERITIES),
    "cause": (mark("Reason"), words.CAUSES),
    "channel": (mark("Channel"), words.CHANNELS),
    "tier": (mark("Customer"), TIERS),
}
# Filters by an id that people type or follow a link to.
IDS: Final[Mapping[str, str]] = {
    "topic": mark("Topic"),
    "team": mark("Team"),
    "representative": mark("Representative"),
    "level": mark("Level"),
    "person": mark("Person"),
}
SWITCHES: Final[Mapping[str, str]] = {
    "overdue": mark("Only overdue"),
    "alarm": mark("Only unanswered by all levels"),
}
_ID: Final = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
_MAX_VALUES: Final = 20
_MAX_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class Select:
    name: str
    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """`values` narrow the list; `problems` say which parts of the address were left out."""

    sort: str = "time_left"
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def query(self) -> dict[str, list[str]]:
        """Return the query of the list in the API."""
        return {"sort": [self.sort], **{name: [*chosen] for name, chosen in self.values.items()}}

    @property
    def address(self) -> str:
        """Return the same filters as the query of a page; empty without any."""
        sort = {} if self.sort == "time_left" else {"sort": self.sort}
        return urlencode({**sort, **self.values}, doseq=True)

    def chosen(self, name: str) -> tuple[str, ...]:
        return self.values.get(name, ())


def parse_filters(pairs: Iterable[tuple[str, str]], reader: Reader) -> Filters:
    """Read the query of a page: what makes no sense is left out, and named."""
    sort = "time_left"
    values: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    for name, value in pairs:
        if not value.strip():
            continue
        if name == "sort" and value in SORTS:
            sort = value
        elif _is_valid(name, value) and len(values.get(name, ())) < _MAX_VALUES:
            values[name] = tuple(dict.fromkeys((*values.get(name, ()), value)))
        else:
            problems.append(_problem(name, value, reader))
    return Filters(sort, values, tuple(dict.fromkeys(problems)))


def _is_valid(name: str, value: str) -> bool:
    if name in CHOICES:
        return value in CHOICES[name][1]
    if name in SWITCHES:
        return value in ("true", "false")
    return name in IDS and _ID.fullmatch(value) is not None


def _problem(name: str, value: str, reader: Reader) -> str:
    return reader.texts.gettext(
        "There is no filter “%(name)s: %(value)s”. It was left out.",
        name=_shortened(name),
        value=_shortened(value),
    )


def _shortened(text: str) -> str:
    shown = "".join(character for character in text if character.isprintable())
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[: _MAX_SHOWN - 1]}…"


def selects(filters: Filters, reader: Reader) -> tuple[Select, ...]:
    """Return the lists of the filter bar, each with what is chosen."""
    gettext = reader.texts.gettext
    return tuple(
        Select(
            name,
            gettext(label),
            options_of(
                ((value, gettext(text)) for value, text in options.items()), filters.chosen(name)
            ),
        )
        for name, (label, options) in CHOICES.items()
    )

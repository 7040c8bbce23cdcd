"""Kinds of values in settings: how a form writes and reads each, and how a page shows it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from babel.dates import format_date

from console.texts import Texts
from console.views.fields import MOMENT, FieldError, Kind, people_by_name, read_moment, whole_number
from console.views.reader import Reader
from console.views.settings.durations import parse_duration, write_duration
from console.views.words import title_of

_SPAN: Final = re.compile(r"(\d\d?[:.]\d\d)\s*(?:-|\u2013|bis|to)\s*(\d\d?[:.]\d\d)")
_AMOUNT: Final = re.compile(r"[0-9]{1,18}([.,][0-9]{1,4})?")
_LAST_MINUTE: Final = "24:00"


@dataclass(frozen=True, slots=True)
class Choices:
    """Who reads, and the ids of the settings that may be named, by kind."""

    reader: Reader
    ids: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def texts(self) -> Texts:
        return self.reader.texts


class Value:
    """One line of text; others say how they differ.

    `write` and `read` go between the setting's JSON and the text in a form. `read` raises
    FieldError.
    """

    control: Kind = "line"

    def write(self, value: Any, _texts: Texts) -> str:
        return str(value)

    def read(self, text: str, _texts: Texts) -> Any:
        return text

    def show(self, text: str, _choices: Choices) -> str:
        return text

    def options(self, _choices: Choices) -> Iterable[tuple[str, str]]:
        """Return the texts to choose from, with their labels."""
        return ()


class Line(Value):
    """Any text of one line."""


class WholeNumber(Value):
    def read(self, text: str, texts: Texts) -> int:
        number = whole_number(text)
        if number is None:
            raise FieldError(texts.gettext("Please write a whole number."))
        return number


class Words(Value):
    """Several words with commas between them."""

    def write(self, value: Any, _texts: Texts) -> str:
        return ", ".join(value)

    def read(self, text: str, _texts: Texts) -> list[str]:
        return [word.strip() for word in text.split(",") if word.strip()]


class Flag(Value):
    """Yes or no; no is an empty text."""

    control = "flag"

    def write(self, value: Any, _texts: Texts) -> str:
        return "on" if value else ""

    def read(self, text: str, _texts: Texts) -> bool:
        return text == "on"

    def show(self, text: str, choices: Choices) -> str:
        return choices.texts.gettext("yes") if text else choices.texts.gettext("no")


@dataclass(frozen=True, slots=True)
class Choice(Value):
    """One of several; `labels` are by the setting's own words."""

    labels: Mapping[Any, str]

    def read(self, text: str, texts: Texts) -> str:
        if text not in self.labels:
            raise FieldError(texts.gettext("Please choose one from the list."))
        return text

    def show(self, text: str, choices: Choices) -> str:
        return choices.texts.gettext(self.labels[text]) if text in self.labels else text

    def options(self, choices: Choices) -> Iterable[tuple[str, str]]:
        return ((name, choices.texts.gettext(label)) for name, label in self.labels.items())


@dataclass(frozen=True, slots=True)
class SeveralOf(Value):
    """Any number of choices, with spaces between them."""

    labels: Mapping[Any, str]
    control = "many"

    def write(self, value: Any, _texts: Texts) -> str:
        return " ".join(name for name in self.labels if name in value)

    def read(self, text: str, _texts: Texts) -> list[str]:
        return text.split()

    def show(self, text: str, choices: Choices) -> str:
        labels = (self.labels.get(name, name) for name in text.split())
        return ", ".join(choices.texts.gettext(label) for label in labels)

    def options(self, choices: Choices) -> Iterable[tuple[str, str]]:
        return ((name, choices.texts.gettext(label)) for name, label in self.labels.items())


class PersonChoice(Value):
    """A colleague by id."""

    control = "person"

    def show(self, text: str, choices: Choices) -> str:
        return choices.reader.name(text)

    def options(self, choices: Choices) -> Iterable[tuple[str, str]]:
        return people_by_name(choices.reader)


@dataclass(frozen=True, slots=True)
class SettingChoice(Value):
    """Another setting by id; `kind` is its path in the API."""

    kind: str

    def show(self, text: str, _choices: Choices) -> str:
        return title_of(text)

    def options(self, choices: Choices) -> Iterable[tuple[str, str]]:
        return ((setting_id, title_of(setting_id)) for setting_id in choices.ids.get(self.kind, ()))


@dataclass(frozen=True, slots=True)
class Duration(Value):
    """Seconds, written with their units: `1 h 30 min`. Business time has no days."""

    has_days: bool = True

    def write(self, value: Any, texts: Texts) -> str:
        return write_duration(value, texts, has_days=self.has_days)

    def read(self, text: str, texts: Texts) -> float:
        return parse_duration(text, texts)


class Moment(Value):
    """A time in the reader's zone."""

    control = "moment"

    def write(self, value: Any, texts: Texts) -> str:
        local = datetime.fromisoformat(value).astimezone(texts.zone)
        return local.strftime(f"{MOMENT}:%S" if local.second else MOMENT)

    def read(self, text: str, texts: Texts) -> str:
        return read_moment(text, texts).isoformat()

    def show(self, text: str, choices: Choices) -> str:
        try:
            moment = read_moment(text, choices.texts)
        except FieldError:
            return text
        return choices.texts.full_time(moment)


class Day(Value):
    control = "day"

    def read(self, text: str, texts: Texts) -> str:
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError as error:
            raise FieldError(texts.gettext("Please write a date.")) from error

    def show(self, text: str, choices: Choices) -> str:
        try:
            return format_date(date.fromisoformat(text), "long", locale=choices.texts.locale)
        except ValueError:
            return text


class Hours(Value):
    """Opening hours of a day: `09:00-12:30, 13:00-17:00`."""

    def write(self, value: Any, _texts: Texts) -> str:
        return ", ".join(f"{opens}\u2013{closes}" for opens, closes in value)

    def read(self, text: str, texts: Texts) -> list[list[str]]:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        spans = [_SPAN.fullmatch(part) for part in parts]
        if not all(spans):
            raise FieldError(
                texts.gettext("Please write hours as 09:00-17:00, several with commas between.")
            )
        return [[_time_of_day(time) for time in span.groups()] for span in spans if span]


def _time_of_day(text: str) -> str:
    return text.replace(".", ":").rjust(len(_LAST_MINUTE), "0")


class Amount(Value):
    control = "amount"

    def read(self, text: str, texts: Texts) -> str:
        if not _AMOUNT.fullmatch(text):
            raise FieldError(texts.gettext("Please write an amount, such as 49.00."))
        return text.replace(",", ".")


class CurrencyCode(Value):
    control = "currency"

    def read(self, text: str, _texts: Texts) -> str:
        return text.upper()

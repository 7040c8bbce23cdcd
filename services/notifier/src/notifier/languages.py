"""The languages of messages: texts by gettext, times, durations and numbers as they are read.

English is in the templates; `locale/<language>/LC_MESSAGES/messages.po` has the others.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Final

from babel import Locale
from babel.dates import format_skeleton
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations

from common.core.durations import duration_text
from notifier.domain.recipients import DEFAULT_LANGUAGE, LANGUAGES

# What stands at the start and the end of a quotation.
_QUOTATION_MARKS: Final[Mapping[str, tuple[str, str]]] = {
    "en": ("“", "”"),
    "de": ("„", "“"),
    "es": ("«", "»"),
    "fr": ("« ", " »"),
    "pt": ("“", "”"),
    "it": ("«", "»"),
}
_UNIT: Final = re.compile("[a-z]+")


def mark(text: str) -> str:
    """Mark a text that is translated where it is written, so that it gets into the catalogues."""
    return text


# Units after a number.
_UNITS: Final = (mark("d"), mark("h"), mark("min"), mark("s"), mark("ms"))


@dataclass(frozen=True, slots=True)
class Language:
    """One of `LANGUAGES`; `name` is its code, as `de`."""

    name: str
    translations: NullTranslations

    def gettext(self, text: str, /, **values: object) -> str:
        return self.translations.gettext(text) % values

    def ngettext(self, singular: str, plural: str, number: int, /, **values: object) -> str:
        return self.translations.ngettext(singular, plural, number) % {"number": number, **values}

    @property
    def quotation_marks(self) -> tuple[str, str]:
        return _QUOTATION_MARKS[self.name]

    def duration(self, duration: timedelta | float) -> str:
        """Write a duration as `duration_text` does, with the units of the language."""
        return self.units(duration_text(duration))

    def units(self, text: str) -> str:
        """Translate the units of a duration that is written in English."""
        return _UNIT.sub(lambda unit: self.gettext(unit[0]), text)

    def left(self, until: datetime, at: datetime) -> str:
        """Write how long there is, rounded down to seconds: `12 min 30 s left`."""
        seconds = int((until - at).total_seconds())
        if seconds <= 0:
            return self.gettext("time is up")
        return self.gettext("%(duration)s left", duration=self.duration(seconds))

    def time(self, moment: datetime, at: datetime) -> str:
        """Write a time in the zone of `at`; on the day of `at` without its date, with seconds."""
        local = moment.astimezone(at.tzinfo)
        same_day = local.date() == at.date()
        return f"{local:%H:%M:%S} {_zone(local)}" if same_day else self.date_time(moment, at)

    def date_time(self, moment: datetime, at: datetime) -> str:
        """Write a date and a time in the zone of `at`.

        In English, which everybody reads, days before months and the reverse are both usual, hence
        the date of ISO 8601.
        """
        local = moment.astimezone(at.tzinfo)
        if self.name == DEFAULT_LANGUAGE:
            return f"{local:%a %Y-%m-%d %H:%M} {_zone(local)}"
        day = format_skeleton("yMMMEd", local, tzinfo=local.tzinfo, locale=self.locale)
        return f"{day} {local:%H:%M} {_zone(local)}"

    def number(self, number: Decimal) -> str:
        if self.name == DEFAULT_LANGUAGE:
            return f"{number:f}"
        # As many decimal places as it was given with: `500.00` is an amount of money.
        places = max(0, -int(number.as_tuple().exponent))
        pattern = f"#,##0.{'0' * places}" if places else "#,##0"
        return format_decimal(number, pattern, locale=self.locale)

    @property
    def locale(self) -> Locale:
        return Locale.parse(self.name)


def language_of(name: str | None) -> Language:
    """Return it; for a language without a catalogue English."""
    return _language(name if name in LANGUAGES else DEFAULT_LANGUAGE)


@cache
def _language(name: str) -> Language:
    return Language(name, _translations(name))


def _translations(language: str) -> NullTranslations:
    if language == DEFAULT_LANGUAGE:
        return NullTranslations()
    source = files("notifier") / "locale" / language / "LC_MESSAGES" / "messages.po"
    with source.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def _zone(local: datetime) -> str:
    """Name the zone: `CET`, or where it has no letters `UTC+04`."""
    name = local.strftime("%Z")
    return name if name[:1].isalpha() else f"UTC{name}"

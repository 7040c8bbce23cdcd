"""The languages of the console: texts by gettext, times, durations and amounts as they are read.

English is in the code; `locale/<language>/LC_MESSAGES/messages.po` has the others.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency
from babel.support import NullTranslations, Translations

ENGLISH: Final = "en"
LANGUAGES: Final = (ENGLISH, "de")

_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86400
# Below it a countdown shows seconds.
SECONDS_SHOWN_BELOW_S: Final = 600


def mark(text: str) -> str:
    """Mark a text that is translated where it is shown, so that it gets into the catalogues."""
    return text


@dataclass(frozen=True, slots=True)
class Texts:
    """One reader's language and time zone."""

    language: str
    zone: ZoneInfo
    translations: NullTranslations

    @classmethod
    def of(cls, language: str, zone: ZoneInfo) -> "Texts":
        """Fall back to English for a language without a catalogue."""
        spoken = language if language in LANGUAGES else ENGLISH
        return cls(spoken, zone, translations(spoken))

    def gettext(self, text: str, /, **values: object) -> str:
        # By no text a catalogue names itself.
        return self.translations.gettext(text) % values if text else ""

    def ngettext(self, singular: str, plural: str, number: int, /, **values: object) -> str:
        return self.translations.ngettext(singular, plural, number) % {"number": number, **values}

    def duration(self, duration: timedelta | float) -> str:
        """Write a length, not negative, in its two largest units: `4 min 30 s`, `1 h 5 min`."""
        seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
        whole = int(seconds)
        units = self.units()
        if whole >= _DAY_S:
            return _two_units(whole, _DAY_S, units["d"], _HOUR_S, units["h"])
        if whole >= _HOUR_S:
            return _two_units(whole, _HOUR_S, units["h"], _MINUTE_S, units["min"])
        if whole >= SECONDS_SHOWN_BELOW_S:
            return f"{whole // _MINUTE_S} {units['min']}"
        if whole >= _MINUTE_S:
            return _two_units(whole, _MINUTE_S, units["min"], 1, units["s"])
        return f"{whole} {units['s']}"

    def time_left(self, seconds: float) -> str:
        """Write how long there is until a deadline: `4 min`, `now`, `3 min over`."""
        if abs(seconds) < 1:
            return self.gettext("now")
        if seconds > 0:
            return self.duration(seconds)
        return self.gettext("%(duration)s over", duration=self.duration(-seconds))

    def countdown_words(self) -> dict[str, str]:
        """Return what a browser needs to write `time_left` itself."""
        over = self.gettext("%(duration)s over", duration="{}")
        return {**self.units(), "now": self.gettext("now"), "over": over}

    def time(self, moment: datetime, now: datetime) -> str:
        """Write the time in the reader's zone, with the date if that is not today's."""
        local = moment.astimezone(self.zone)
        is_today = local.date() == now.astimezone(self.zone).date()
        time = self._format(moment, "Hm")
        return time if is_today else f"{self._format(moment, 'MMMd')} {time}"

    def full_time(self, moment: datetime) -> str:
        """Write date and time to the second with the zone."""
        day, time = self._format(moment, "yMMMEd"), self._format(moment, "Hms")
        return f"{day} {time} {moment.astimezone(self.zone):%Z}"

    def amount(self, amount: Decimal | str, currency: str) -> str:
        return format_currency(Decimal(amount), currency, locale=self.locale)

    @property
    def locale(self) -> Locale:
        return Locale.parse(self.language)

    def _format(self, moment: datetime, skeleton: str) -> str:
        return format_skeleton(skeleton, moment, tzinfo=self.zone, locale=self.locale)

    def units(self) -> dict[str, str]:
        _ = self.gettext
        # Units after a number: days, hours, minutes, seconds.
        return {"d": _("d"), "h": _("h"), "min": _("min"), "s": _("s")}


def _two_units(seconds: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    count, rest = divmod(seconds, large)
    remainder = rest // small
    return f"{count} {large_unit}" + (f" {remainder} {small_unit}" if remainder else "")


@cache
def translations(language: str) -> NullTranslations:
    if language == ENGLISH:
        return NullTranslations()
    source = files("console") / "locale" / language / "LC_MESSAGES" / "messages.po"
    with source.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)

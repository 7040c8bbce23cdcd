"""The languages of messages, and the names of languages in that of the reader."""

from typing import Final

from babel import Locale, UnknownLocaleError

from common.core.languages import UNDETERMINED
from console.views.reader import Reader

MESSAGE_LANGUAGES: Final = ("en", "de", "es", "fr", "pt", "it")


def language_name(tag: str, reader: Reader) -> str:
    if tag == UNDETERMINED:
        return reader.texts.gettext("language not known")
    try:
        name = Locale.parse(tag, sep="-").get_display_name(reader.texts.locale)
    except (ValueError, UnknownLocaleError):
        return tag
    return name or tag

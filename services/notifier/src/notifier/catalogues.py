"""Collects the texts of messages; `python -m notifier.catalogues` updates the catalogues.

A text that is new gets into each catalogue without a translation; one that is gone is dropped.
"""

from importlib.resources import files
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from notifier.domain.recipients import DEFAULT_LANGUAGE, LANGUAGES
from notifier.refusals import REFUSALS

SOURCES: Final = Path(str(files("notifier")))
_KEYWORDS: Final = {"_": None, "gettext": None, "mark": None, "ngettext": (1, 2)}
_METHODS: Final = [("**.py", "python"), ("templates/**.j2", "jinja2")]
_OPTIONS: Final = {"templates/**.j2": {"silent": "false"}}


def extract_texts() -> Catalog:
    """Return every text that is written through gettext, in code and in templates."""
    catalogue = Catalog()
    messages = extract_from_dir(SOURCES, _METHODS, _OPTIONS, _KEYWORDS)
    for name, _line, text, _comments, context in sorted(messages, key=lambda message: message[0]):
        catalogue.add(text, None, [(name, 0)], context=context)
    for error in REFUSALS:
        catalogue.add(str(error.__doc__))
    return catalogue


def catalogue_path(language: str) -> Path:
    return SOURCES / "locale" / language / "LC_MESSAGES" / "messages.po"


def read_catalogue(language: str) -> Catalog:
    with catalogue_path(language).open("rb") as file:
        return read_po(file, locale=language)


def update_catalogues() -> None:
    texts = extract_texts()
    for language in LANGUAGES:
        if language != DEFAULT_LANGUAGE:
            catalogue = read_catalogue(language)
            catalogue.update(texts, no_fuzzy_matching=True, update_creation_date=False)
            catalogue.obsolete.clear()
            with catalogue_path(language).open("wb") as file:
                write_po(file, catalogue, width=100, sort_output=True, no_location=True)


if __name__ == "__main__":
    update_catalogues()

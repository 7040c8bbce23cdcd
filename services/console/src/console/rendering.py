"""Writes pages and fragments: the templates, the files beside them, and the reader's language."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from console.navigation import Screen, screens_of
from console.texts import LANGUAGES, SECONDS_SHOWN_BELOW_S, translations
from console.views.countdown import SOON_S
from console.views.reader import Reader

THEMES: Final = ("auto", "light", "dark")
STATIC_URL: Final = "/static"
_HASH_LENGTH: Final = 12


@dataclass(frozen=True, slots=True)
class Shell:
    """What stands around every page: the screen it is of, and how the person likes to see it."""

    screen: str
    theme: str = "auto"
    has_keys: bool = True
    address: str = "/now"


def render_page(template: str, reader: Reader, shell: Shell, **values: object) -> str:
    screens: tuple[Screen, ...] = screens_of(reader.role)
    return (
        _environment(reader.texts.language)
        .get_template(template)
        .render(
            reader=reader,
            shell=shell,
            screens=screens,
            countdown_words=json.dumps(reader.texts.countdown_words()),
            **values,
        )
    )


def render_fragment(template: str, macro: str, reader: Reader, *arguments: object) -> str:
    """Write what one macro of a template writes, such as a row."""
    module = _module(template, reader.texts.language)
    return str(getattr(module, macro)(*arguments))


@cache
def _module(template: str, language: str) -> Any:
    return _environment(language).get_template(template).module


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(  # type: ignore[attr-defined]  # of the extension
        translations(language), newstyle=True
    )
    environment.globals |= {
        "asset": asset_url,
        "language": language,
        "languages": LANGUAGES,
        "themes": THEMES,
        "soon_s": SOON_S,
        "seconds_shown_below_s": SECONDS_SHOWN_BELOW_S,
    }
    return environment


@cache
def asset_url(name: str) -> str:
    """Return the address of a static file; it changes with the content, so it may be cached."""
    content = (files("console") / "static" / name).read_bytes()
    return f"{STATIC_URL}/{name}?v={hashlib.sha256(content).hexdigest()[:_HASH_LENGTH]}"

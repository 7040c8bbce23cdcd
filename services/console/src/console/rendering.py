"""Renders templates, in the language and the colours that the reader has chosen."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel import Locale
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from common.http.accept_language import preferred_language
from console.navigation import LEADERS, screens_of
from console.texts import LANGUAGES, SECONDS_SHOWN_BELOW_S, translations
from console.views.board import board_words
from console.views.browsers import browser_name
from console.views.countdown import SOON_S
from console.views.floor import FloorView
from console.views.rows import Row

LANGUAGE_COOKIE: Final = "upstairs-language"
THEME_COOKIE: Final = "upstairs-theme"
# Single keys act on rows unless this cookie is `off`.
KEYS_COOKIE: Final = "upstairs-keys"
# Alarms are silent if this cookie is `off`.
SOUND_COOKIE: Final = "upstairs-sound"
THEMES: Final = ("auto", "light", "dark")
_STATIC_URL: Final = "/static"
_HASH_LENGTH: Final = 12
_ROW_BEGIN: Final = re.compile("(?=<tr )")


def render_page(
    request: Request, template: str, status: int = 200, **context: object
) -> HTMLResponse:
    """Render a template of `templates/` for this request.

    Every template has `request`, `language`, `theme`, `has_keys`, `has_alarms`, `has_sound`,
    `session_ends_soon`, and `viewer`, which is None if nobody is signed in.
    """
    language = language_of(request)
    viewer = getattr(request.state, "viewer", None)
    values: Mapping[str, Any] = {
        "request": request,
        "language": language,
        "theme": theme_of(request),
        "has_keys": request.cookies.get(KEYS_COOKIE) != "off",
        "has_alarms": viewer is not None and viewer.role in LEADERS,
        "has_sound": request.cookies.get(SOUND_COOKIE) != "off",
        "viewer": viewer,
        "session_ends_soon": getattr(request.state, "session_ends_soon", False),
        **context,
    }
    text = _environment(language).get_template(template).render(values)
    return HTMLResponse(text, status, headers={"Content-Language": language, "Vary": "Cookie"})


def render_row(row: Row, language: str) -> str:
    """Write one row of a board, as its page has it."""
    return str(_macros(language).row(row))


def render_floor(view: FloorView, language: str) -> list[str]:
    """Write what Floor shows in pieces, one for each row."""
    text = _environment(language).get_template("floor_content.html").render(view=view)
    return _ROW_BEGIN.split(text)


def language_of(request: Request) -> str:
    """Return the language that the reader has chosen, else the first that the browser asks for."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    wished = request.headers.get("accept-language", "")
    return preferred_language(wished, LANGUAGES) or LANGUAGES[0]


def is_fragment(request: Request) -> bool:
    """Return whether a script asks, which shows the answer as a part of its page."""
    return request.headers.get("sec-fetch-dest") == "empty"


def theme_of(request: Request) -> str:
    """Return the theme that the reader has chosen; `auto` follows the device."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else THEMES[0]


@cache
def asset_url(name: str) -> str:
    """Return the address of a static file; it changes with the content."""
    content = (files("console") / "static" / name).read_bytes()
    return f"{_STATIC_URL}/{name}?v={hashlib.sha256(content).hexdigest()[:_HASH_LENGTH]}"


@cache
def _macros(language: str) -> Any:
    return _environment(language).get_template("macros.html").module


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    # The extension adds this method to the environment.
    install: Any = environment
    install.install_gettext_translations(translations(language), newstyle=True)
    environment.filters["local_time"] = _local_time
    environment.filters["browser_name"] = browser_name
    environment.filters["board_words"] = board_words
    environment.globals |= {
        "asset": asset_url,
        "screens_of": screens_of,
        "themes": THEMES,
        # Each by its own name.
        "languages": {name: Locale.parse(name).display_name for name in LANGUAGES},
        "soon_s": SOON_S,
        "seconds_shown_below_s": SECONDS_SHOWN_BELOW_S,
    }
    return environment


def _local_time(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"

"""Renders templates, in the language of the reader."""

import gettext
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

LANGUAGES: Final = ("en", "de")
LANGUAGE_COOKIE: Final = "upstairs-language"
_LOCALES: Final = Path(__file__).parent / "locale"


def render_page(
    request: Request, template: str, status: int = 200, **context: object
) -> HTMLResponse:
    """Render a template of `templates/` for this request.

    Every template has `request`, `language`, and `viewer`, which is None if nobody is signed in.
    """
    language = language_of(request)
    values: Mapping[str, Any] = {
        "request": request,
        "language": language,
        "viewer": getattr(request.state, "viewer", None),
        **context,
    }
    text = _environment(language).get_template(template).render(values)
    return HTMLResponse(text, status, headers={"Content-Language": language, "Vary": "Cookie"})


def language_of(request: Request) -> str:
    """Return the language that the reader has chosen, else the first that the browser asks for."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    wished = request.headers.get("accept-language", "").split(",")
    for text in (chosen, *wished):
        tag = text.partition(";")[0].partition("-")[0].strip().lower()
        if tag in LANGUAGES:
            return tag
    return LANGUAGES[0]


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
    translations = gettext.translation("console", _LOCALES, [language], fallback=True)
    # The extension adds this method to the environment.
    install: Any = environment
    install.install_gettext_translations(translations, newstyle=True)
    environment.filters["local_time"] = _local_time
    return environment


def _local_time(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"

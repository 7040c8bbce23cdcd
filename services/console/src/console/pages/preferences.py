"""How a person likes to see the console, in cookies of their browser."""

from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from console.auth.cookies import SessionCookie
from console.rendering import KEYS_COOKIE, LANGUAGE_COOKIE, SOUND_COOKIE, THEME_COOKIE, THEMES
from console.texts import LANGUAGES

router = APIRouter()

_YEAR_S: Final = 365 * 24 * 3600
_CHOICES: Final = {
    "theme": (THEME_COOKIE, THEMES),
    "language": (LANGUAGE_COOKIE, LANGUAGES),
    "keys": (KEYS_COOKIE, ("on", "off")),
    "sound": (SOUND_COOKIE, ("on", "off")),
}


@router.post("/preferences")
async def change_preferences(
    request: Request,
    theme: Annotated[str, Form()] = "",
    language: Annotated[str, Form()] = "",
    keys: Annotated[str, Form()] = "",
    sound: Annotated[str, Form()] = "",
) -> Response:
    """Keep what was chosen, and lead back; a choice that does not exist changes nothing."""
    response = RedirectResponse(_page_before(request), HTTPStatus.SEE_OTHER)
    session_cookie: SessionCookie = request.app.state.session_cookie
    wishes = {"theme": theme, "language": language, "keys": keys, "sound": sound}
    for name, (cookie, values) in _CHOICES.items():
        if wishes[name] in values:
            response.set_cookie(
                cookie,
                wishes[name],
                max_age=_YEAR_S,
                httponly=True,
                samesite="lax",
                secure=session_cookie.is_secure,
            )
    return response


def _page_before(request: Request) -> str:
    """Return the path of the page with the form: only of this site, whatever the header says."""
    try:
        address = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return "/"
    path = address.path if address.netloc == request.url.netloc else ""
    query = f"?{address.query}" if address.query else ""
    return f"{path}{query}" if path.startswith("/") and not path.startswith("//") else "/"

"""Refuses what another site makes a browser send here."""

from typing import Final
from urllib.parse import urlsplit

from common.http.access import SAFE_METHODS
from common.http.whole_request import WholeRequest
from console.errors import PageError
from console.settings import Settings, is_loopback

_FETCH_SITE: Final = b"sec-fetch-site"
_ORIGIN: Final = b"origin"
_HOST: Final = b"host"


def check_origin(request: WholeRequest, own_origin: str) -> None:
    """Raise PageError unless the request is safe or comes from a page of the console.

    Browsers say so by `Sec-Fetch-Site`; older ones by `Origin`. Without either, nobody knows.
    """
    if request.method in SAFE_METHODS:
        return
    site = request.text_of(_FETCH_SITE)
    if site == "same-origin" or (not site and request.text_of(_ORIGIN) == own_origin):
        return
    raise PageError(403, "other-site")


def check_host(request: WholeRequest, settings: Settings) -> None:
    """Raise PageError if anybody can sign in here, and the name is not one of this machine.

    A site whose name suddenly leads to 127.0.0.1 is of the same origin to a browser.
    """
    if not settings.console_dev_login:
        return
    if not is_loopback(_name_of(request.text_of(_HOST))):
        raise PageError(421, "other-host", address=settings.public_url)


def _name_of(host: str) -> str:
    """Return the name without the port; empty if there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""

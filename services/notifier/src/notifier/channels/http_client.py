"""The HTTP client of channels that call a service in the internet."""

from collections.abc import Mapping
from functools import cache
from ssl import SSLContext, create_default_context
from typing import Final

import certifi
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

# Shorter to connect: if that fails, we know that nothing was sent.
_SHARE_TO_CONNECT: Final = 0.6


def open_client(timeout_s: float, headers: Mapping[str, str] | None = None) -> ClientSession:
    """Make a client; it must be made and closed in the same event loop."""
    return ClientSession(
        connector=TCPConnector(ssl=_trusted_issuers(), limit=0),
        cookie_jar=DummyCookieJar(),
        headers=headers,
        timeout=ClientTimeout(connect=timeout_s * _SHARE_TO_CONNECT, sock_read=timeout_s),
    )


@cache
def _trusted_issuers() -> SSLContext:
    return create_default_context(cafile=certifi.where())

"""The HTTP of channels that call a service in the internet: the client, and what failures mean."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from http import HTTPStatus
from ssl import SSLContext, create_default_context
from typing import Final

import certifi
from aiohttp import (
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
    TraceConfig,
)
from aiohttp.abc import AbstractResolver

from common.http.retry_after import retry_after
from notifier.domain.delivery import Postponed, Refused, Unknown

# Shorter to connect: if that fails, we know that nothing was sent.
_SHARE_TO_CONNECT: Final = 0.6
# Longer than any answer that says something.
_LONGEST_ANSWER: Final = 64 * 1024
# How long a connection is kept without a call.
_KEEP_IDLE_S: Final = 15.0
_KEEP_RESOLVED_S: Final = 1.0


def open_client(
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
    *,
    resolver: AbstractResolver | None = None,
    traces: Sequence[TraceConfig] = (),
) -> ClientSession:
    """Make a client; it must be made and closed in the same event loop.

    With a `resolver`, it resolves for each connection, and keeps one only for calls that follow at
    once.
    """
    connector = TCPConnector(
        ssl=_trusted_issuers(),
        limit=0,
        resolver=resolver,
        use_dns_cache=resolver is None,
        keepalive_timeout=_KEEP_IDLE_S if resolver is None else _KEEP_RESOLVED_S,
    )
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        headers=headers,
        trace_configs=list(traces),
        timeout=ClientTimeout(connect=timeout_s * _SHARE_TO_CONNECT, sock_read=timeout_s),
    )


async def read_answer(response: ClientResponse) -> bytes:
    """Return the body of the answer, whatever parts it comes in; what is too long is cut."""
    parts = bytearray()
    while len(parts) < _LONGEST_ANSWER:
        part = await response.content.read(_LONGEST_ANSWER - len(parts))
        if not part:
            break
        parts += part
    return bytes(parts)


def read_failure(error: ClientError | OSError, detail: str) -> Postponed | Unknown:
    """Return what a call without an answer means: was the service reached?"""
    if isinstance(error, (ClientConnectorError, ConnectionTimeoutError)):
        return Postponed(f"not reached: {detail}")
    return Unknown(f"no answer: {detail}")


def describe_failure(error: ClientError | OSError | ValueError) -> str:
    """Say why a call has no answer, for who has to mend the address or its server."""
    match error:
        case ClientConnectorDNSError():
            return "not reached: no address is known for the host"
        case ClientSSLError():
            return "not reached: no TLS connection, or no valid certificate"
        case ClientConnectorError() | ConnectionTimeoutError():
            return "not reached: no connection to the host"
        case ServerDisconnectedError():
            return "no answer: the server has closed the connection"
        case _:
            return f"no answer: {type(error).__name__}"


def read_refusal(service: str, status: int, wait: str | None, at: datetime) -> Postponed | Refused:
    """Return what an answer means that is no success; `wait` is its header Retry-After."""
    return by_status(f"{service} answered {status}", status, retry_after(wait, at))


def by_status(reason: str, status: int, wait: timedelta | None = None) -> Postponed | Refused:
    """Return what a status means that is no success: to wait, or that there is no use."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Postponed(reason, wait, works=True)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Postponed(reason, wait)
    return Refused(reason)


@cache
def _trusted_issuers() -> SSLContext:
    return create_default_context(cafile=certifi.where())

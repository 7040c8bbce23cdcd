"""What protects answers in browsers and caches, and slows down who guesses keys."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.http.limits import WrongKeyLimiter
from common.http.problems import ProblemError

_UNAUTHENTICATED: Final = HTTPStatus.UNAUTHORIZED.value
_POLICY = b"content-security-policy"
# Pages set a Content-Security-Policy of their own; no other answer is a document.
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (_POLICY, b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


def add_security_headers(
    headers: list[tuple[bytes, bytes]],
    added: Iterable[tuple[bytes, bytes]] = SECURITY_HEADERS,
) -> None:
    """Add each that is not among the headers."""
    names = {name for name, _ in headers}
    headers += [header for header in added if header[0] not in names]


class SecurityHeadersMiddleware:
    """Adds the headers with a `policy` for the scripts and styles of the app."""

    def __init__(self, app: ASGIApp, policy: bytes) -> None:
        self._app = app
        others = [header for header in SECURITY_HEADERS if header[0] != _POLICY]
        self._headers = (*others, (_POLICY, policy))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ())]
                add_security_headers(message["headers"], self._headers)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class WrongKeyGuard:
    """Answers 429 to a client that sent many wrong keys, signatures or links.

    A right key always passes: otherwise one client could lock out all others behind its address.
    """

    def __init__(self, limiter: WrongKeyLimiter | None = None) -> None:
        self._limiter = limiter or WrongKeyLimiter()

    def replace(self, response: Response, scope: Scope) -> Response:
        """Return the response to send in place of this one: mostly the same."""
        client = scope.get("client")
        if response.status_code != _UNAUTHENTICATED or client is None:
            return response
        return response if self._limiter.take(client[0]) else _too_many_wrong_keys().response()


def _too_many_wrong_keys() -> ProblemError:
    return ProblemError(
        429,
        "too-many-wrong-keys",
        "Too many wrong keys came from your address. Send the right one, or wait.",
        headers={"Retry-After": "60"},
    )

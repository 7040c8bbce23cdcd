"""What protects answers in browsers and caches, and slows down who guesses keys."""

from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.http.limits import WrongKeyLimiter
from common.http.problems import ProblemError

_POLICY = b"content-security-policy"
# Pages set a Content-Security-Policy of their own; no other answer is a document.
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (_POLICY, b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


class SecurityHeadersMiddleware:
    """Adds each header that the answer does not have; `policy` is for its scripts and styles."""

    def __init__(self, app: ASGIApp, policy: bytes | None = None) -> None:
        self._app = app
        self._headers = SECURITY_HEADERS
        if policy is not None:
            others = [header for header in SECURITY_HEADERS if header[0] != _POLICY]
            self._headers = (*others, (_POLICY, policy))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                names = {name for name, _ in headers}
                headers += [header for header in self._headers if header[0] not in names]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_with_headers)


class WrongKeyMiddleware:
    """Answers 429 to a client that sent many wrong keys, signatures or links.

    A right key always passes: otherwise one client could lock out all others behind its address.
    """

    def __init__(self, app: ASGIApp, limiter: WrongKeyLimiter | None = None) -> None:
        self._app = app
        self._limiter = limiter or WrongKeyLimiter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_refused = False

        async def send_or_refuse(message: Message) -> None:
            nonlocal is_refused
            if message.get("status") == HTTPStatus.UNAUTHORIZED:
                client = scope.get("client")
                is_refused = client is not None and not self._limiter.take(client[0])
                if is_refused:
                    await _TOO_MANY_WRONG_KEYS.response()(scope, receive, send)
            if not is_refused:
                await send(message)

        await self._app(scope, receive, send_or_refuse)


_TOO_MANY_WRONG_KEYS = ProblemError(
    429,
    "too-many-wrong-keys",
    "Too many wrong keys came from your address. Send the right one, or wait.",
    headers={"Retry-After": "60"},
)

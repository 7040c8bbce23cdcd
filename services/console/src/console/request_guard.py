"""The steps around every request: it is checked, measured, and answered also if its route fails."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.core import trace
from common.core.clock import monotonic
from common.core.metrics import Metrics
from common.http.protection import add_security_headers
from common.http.request_text import check_request
from common.http.whole_request import WholeRequest, read_request
from console.auth.origin_check import check_host, check_origin
from console.error_pages import answer_to
from console.settings import Settings

_FAILED: Final = 500
_STATIC: Final = "/static/"


class RequestGuard:
    """An ASGI middleware; its app may raise any error."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._headers = _security_headers(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = _FAILED

        async def send_protected(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ())]
                add_security_headers(message["headers"], self._headers)
            await send(message)

        started_at = monotonic()
        await self._answer(scope, receive, send_protected)
        route = getattr(scope.get("route"), "path", _unrouted(scope["path"]))
        duration = self._metrics.http_request_duration_seconds.labels(route, status)
        duration.observe(monotonic() - started_at)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_answered = False

        async def send_once(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            request = await read_request(scope, receive, send)
            if request is None:
                return
            trace.start(request.text_of(b"traceparent"))
            check_request(request)
            check_host(request, self._settings)
            check_origin(request, self._settings.public_url)
            await self._app(scope, _replay(request, receive), send_once)
        except Exception as error:
            if is_answered:
                raise
            response = answer_to(Request(scope), error)
            await response(scope, receive, send)


def _replay(request: WholeRequest, receive: Receive) -> Receive:
    """Return a receiver of the body that was read, and then of what comes after it."""
    is_read = False

    async def replay() -> Message:
        nonlocal is_read
        if is_read:
            return await receive()
        is_read = True
        return {"type": "http.request", "body": request.content, "more_body": False}

    return replay


def _unrouted(path: str) -> str:
    return _STATIC if path.startswith(_STATIC) else "unknown"


def _security_headers(settings: Settings) -> Sequence[tuple[bytes, bytes]]:
    policy = (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; "
        "frame-ancestors 'none'"
    )
    headers = [
        (b"cache-control", b"no-store"),
        (b"content-security-policy", policy.encode()),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
        # Not to other sites: the path holds ids. A check by Origin needs it in our own requests.
        (b"referrer-policy", b"same-origin"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
    ]
    if settings.is_https:
        headers.append((b"strict-transport-security", b"max-age=31536000"))
    return headers

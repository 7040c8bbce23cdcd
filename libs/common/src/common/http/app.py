"""The HTTP API of a service: what its routes share, and what surrounds them."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi import Path as PathParameter
from prometheus_client import Histogram
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.contracts.event import ID_PATTERN, UUID_PATTERN, ContactId, PersonId
from common.core import trace
from common.core.clock import monotonic
from common.core.metrics import Metrics
from common.core.text import (
    MAX_ID_CHARACTERS,
    one_line,
    opaque_id,
    plain_text,
    require_visible,
)
from common.http import openapi, problems
from common.http.examples import CONTACT_ID, REPRESENTATIVE
from common.http.idempotency import IdempotencyMiddleware
from common.http.limits import MAX_BODY_BYTES
from common.http.media_types import check_media_type
from common.http.problems import ProblemError
from common.http.protection import SecurityHeadersMiddleware, WrongKeyMiddleware
from common.http.request_body import give_again
from common.http.request_text import check_request
from common.http.routes import ApiRoute, ApiRouter

log = structlog.get_logger()


def reject_nul(text: str) -> str:
    """Return the text as it is; raises ValueError for the character NUL."""
    if "\x00" in text:
        raise ValueError("must not contain the character NUL")
    return text


def _reject_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("must contain a visible character")
    return text


Slug = Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN}$")]
# One line: a name, a subject, a reason.
ShortText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300),
    AfterValidator(reject_nul),
    AfterValidator(one_line),
    AfterValidator(_reject_empty),
]
# Lines of text: a message, a note, a comment.
LongText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100_000),
    AfterValidator(reject_nul),
    AfterValidator(plain_text),
    AfterValidator(_reject_empty),
]
# An id that an outside system chose: an address, a number, any text of one line.
ExternalId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_ID_CHARACTERS),
    AfterValidator(opaque_id),
]
# A secret: kept as it came, so what is not visible is refused.
OpaqueText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300),
    AfterValidator(require_visible),
]
ContactPath = Annotated[
    ContactId, PathParameter(pattern=f"^{UUID_PATTERN}$", examples=[CONTACT_ID])
]
PersonPath = Annotated[
    PersonId, PathParameter(pattern=f"^{ID_PATTERN}$", examples=[REPRESENTATIVE])
]


class RequestModel(BaseModel):
    """A request body; a field that it does not know is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_DESCRIPTION: Final = """
Send an API key as `Authorization: Bearer <key>`. An error is a problem document (RFC 9457); each
operation lists the codes that it may answer, which are the last part of `type`.

The examples are about one company, the one that `make run` starts with, on 2 March 2026; its plans
for duty are of 2030. Ids of contacts, escalations and complaints are those that other answers give.
"""


def make_app(
    title: str,
    routers: Sequence[ApiRouter],
    *,
    metrics: Metrics,
    state: Mapping[str, object],
    webhook_paths: Sequence[str] = (),
    form_paths: Sequence[str] = (),
    unkeyed_paths: Sequence[str] = (),
) -> FastAPI:
    """Make the app; `state` is what the routes' dependencies find in `request.app.state`.

    The body of a POST below the `webhook_paths` may be anything: its route reads it. A
    form may be sent below the `form_paths`; all other bodies are JSON. The
    `unkeyed_paths` heed idempotency keys on their own, or not.
    """
    app = _Api(
        title=f"Upstairs {title}",
        version="1",
        description=_DESCRIPTION,
        # They are on the port for operations.
        openapi_url=None,
        # A redirection would repeat the Host that the caller made up.
        redirect_slashes=False,
    )
    app.state.metrics = metrics
    for name, value in state.items():
        setattr(app.state, name, value)
    problems.install(app)
    openapi.install(app, unkeyed_paths)
    for router in routers:
        for route in router.routes:
            if isinstance(route, ApiRoute):
                route.reads_body = route.path.startswith((*webhook_paths, *form_paths))
        # Not `include_router`, which looks for the route of each request twice.
        app.router.routes += router.routes
    # The last is the outermost.
    app.add_middleware(IdempotencyMiddleware, unkeyed_paths=unkeyed_paths)
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    app.add_middleware(BodyLimitMiddleware, webhook_paths=webhook_paths, form_paths=form_paths)
    app.add_middleware(WrongKeyMiddleware)
    return app


class _Api(FastAPI):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Starlette's, here and below: FastAPI's have what `ApiRoute` does not use.
        await Starlette.__call__(self, scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        stack = Starlette.build_middleware_stack(self)
        # Around all: a middleware that is added later does not see the answer to an exception.
        return SecurityHeadersMiddleware(stack)


class BodyLimitMiddleware:
    """Reads the body before the app gets the request; answers 413 if it is over 256 KB.

    Answers 400 if the request holds text that can't be handled, and 415 if a body is not JSON.
    """

    def __init__(
        self, app: ASGIApp, webhook_paths: Sequence[str] = (), form_paths: Sequence[str] = ()
    ) -> None:
        self._app = app
        self._webhook_paths = tuple(webhook_paths)
        self._form_paths = tuple(form_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > MAX_BODY_BYTES:
                detail = f"The body is over {MAX_BODY_BYTES} bytes."
                await ProblemError(413, "too-large", detail).response()(scope, receive, send)
                return
            if not message.get("more_body", False):
                break
        try:
            self._check(scope, bytes(body))
        except ProblemError as problem:
            await problem.response()(scope, receive, send)
            return
        await self._app(scope, give_again(bytes(body), receive), send)

    def _check(self, scope: Scope, body: bytes) -> None:
        path: str = scope["path"]
        if scope["method"] == "POST" and path.startswith(self._webhook_paths):
            body = b""
        check_request(scope, body)
        if body and not path.startswith(self._form_paths):
            check_media_type(scope)


class MetricsMiddleware:
    """Continues the caller's trace; measures each request by its route, and logs refused ones."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        # Routes and statuses are few.
        self._series: dict[tuple[str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace.start(_header(scope, b"traceparent"))
        started_at = monotonic()
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noting_status)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            self._observe(route, status, monotonic() - started_at)
            if route.startswith("/v1"):
                # What went well is counted; a line for each would cost more than many requests.
                write = log.info if status >= HTTPStatus.BAD_REQUEST else log.debug
                write("http_request", method=scope["method"], route=route, status=status)

    def _observe(self, route: str, status: int, seconds: float) -> None:
        series = self._series.get((route, status))
        if series is None:
            series = self._metrics.http_request_duration_seconds.labels(route, status)
            self._series[route, status] = series
        series.observe(seconds)


def _header(scope: Scope, header: bytes) -> str | None:
    for name, value in scope["headers"]:
        if name == header:
            text: str = value.decode("latin-1")
            return text
    return None


async def get_database(request: Request) -> Any:
    """Give a route its `Database`; annotate it with the service's own unit of work."""
    # async, or FastAPI would run it in a thread at each request.
    return request.app.state.database

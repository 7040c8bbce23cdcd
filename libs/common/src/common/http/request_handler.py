"""The steps by which every request is answered, whatever its route; an ASGI application."""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Final

import structlog
from prometheus_client import Histogram
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from common.core import trace
from common.core.clock import monotonic
from common.core.metrics import Metrics
from common.http.idempotency import IdempotentHandler
from common.http.limits import BodyLimits, LargeBodyMemory
from common.http.media_types import check_media_type
from common.http.problems import ProblemError, response_to
from common.http.protection import WrongKeyGuard, add_security_headers
from common.http.request_text import check_content, check_request
from common.http.route_table import RouteTable
from common.http.routes import ApiRoute
from common.http.whole_request import WholeRequest, read_request

# As numbers: a member of HTTPStatus costs more to look up than to compare.
_REFUSED: Final = HTTPStatus.BAD_REQUEST.value
_FAILED: Final = HTTPStatus.INTERNAL_SERVER_ERROR.value

log = structlog.get_logger()


class RequestHandler:
    """Reads the request whole, checks it, does what its route says, and measures that.

    The steps hand on a request and a response, not ASGI's messages: to wrap those at each step
    costs more than most steps. For the paths see `make_app`.
    """

    def __init__(
        self,
        routes: Sequence[ApiRoute],
        metrics: Metrics,
        *,
        webhook_paths: Sequence[str] = (),
        form_paths: Sequence[str] = (),
        unkeyed_paths: Sequence[str] = (),
    ) -> None:
        self._routes = RouteTable(routes)
        self.bodies = BodyLimits()
        # Raises ProblemError for a request that is not to be handled now.
        self.admit: Callable[[WholeRequest], Awaitable[None]] | None = None
        self._memory = LargeBodyMemory()
        self._metrics = metrics
        self._webhook_paths = tuple(webhook_paths)
        self._form_paths = tuple(form_paths)
        self._handle_idempotently = IdempotentHandler(_respond_by_route, unkeyed_paths)
        self._wrong_keys = WrongKeyGuard()
        # Routes and statuses are few.
        self._durations: dict[tuple[str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = self.bodies.find(scope["path"])
        try:
            request = await read_request(scope, receive, send, limit, self._memory)
        except ProblemError as problem:
            self._metrics.http_refused.labels(problem.code).inc()
            await self._send(problem.response(), scope, receive, send)
            return
        if request is None:
            return
        try:
            await self._answer(request, scope, receive, send)
        finally:
            self._memory.release(len(request.content))

    async def _answer(
        self, request: WholeRequest, scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            self._check(request)
        except ProblemError as problem:
            await self._send(problem.response(), scope, receive, send)
            return
        trace.start(request.text_of(b"traceparent"))
        started_at = monotonic()
        status = _FAILED
        try:
            response = await self._respond(request)
            status = response.status_code
            await self._send(response, scope, receive, send)
        finally:
            self._observe(scope, status, monotonic() - started_at)

    def _check(self, request: WholeRequest) -> None:
        """Raise ProblemError for what no route could handle."""
        check_request(request)
        if not request.content:
            return
        if self._is_webhook(request):
            return
        check_content(request.content)
        path: str = request.scope["path"]
        if not path.startswith(self._form_paths):
            check_media_type(request)

    def _is_webhook(self, request: WholeRequest) -> bool:
        path: str = request.scope["path"]
        return request.method == "POST" and path.startswith(self._webhook_paths)

    async def _respond(self, request: WholeRequest) -> Response:
        try:
            response = await self._route(request)
        except Exception as error:  # noqa: BLE001 - every error is a response
            response = response_to(error)
        if request.answer_headers is not None:
            response.headers.update(request.answer_headers)
        return response

    async def _route(self, request: WholeRequest) -> Response:
        scope = request.scope
        route, scope["path_params"] = self._routes.find(scope)
        scope["route"] = route
        if self.admit is not None:
            # Before a transaction is begun, which would wait with the request.
            await self.admit(request)
        if self._is_webhook(request) and route.body_field is None:
            # Signed, and known by its own id when it comes again, whatever key it has.
            return await route.respond(request)
        return await self._handle_idempotently(request)

    async def _send(self, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
        response = self._wrong_keys.replace(response, scope)
        add_security_headers(response.raw_headers)
        await response(scope, receive, send)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        route: str = getattr(scope.get("route"), "path", "unknown")
        duration = self._durations.get((route, status))
        if duration is None:
            duration = self._metrics.http_request_duration_seconds.labels(route, status)
            self._durations[route, status] = duration
        duration.observe(seconds)
        # What went well is counted; a line for each would cost more than many requests.
        if status >= _REFUSED and route.startswith("/v1"):
            log.info("http_request", method=scope["method"], route=route, status=status)


async def _respond_by_route(request: WholeRequest) -> Response:
    route: ApiRoute = request.scope["route"]
    return await route.respond(request)

"""Calls the other services, as the person who looks."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

import httpx
import orjson
import structlog

from common.contracts.event import PersonRole
from common.contracts.services import EventService
from common.core import trace
from console.metrics import ConsoleMetrics
from console.tokens.mint import TokenMint

# A page waits no longer for a part that does not answer.
TIMEOUT_S: Final = 5
_JSON: Final = "application/json"
STREAM: Final = "text/event-stream"

log = structlog.get_logger()


class Caller(Protocol):
    """In whose name a service is called: a `Viewer`, or who signs in."""

    @property
    def person(self) -> str: ...
    @property
    def role(self) -> PersonRole: ...


class ServiceUnavailableError(Exception):
    """A service does not answer, or says that it can't now: the page shows the rest."""

    def __init__(self, service: EventService, reason: str) -> None:
        super().__init__(f"{service}: {reason}")
        self.service = service
        self.reason = reason


class ServiceProblemError(Exception):
    """A service has refused: `code` and `detail` are those of its problem document.

    `document` is all of it, for example the `errors` beside fields.
    """

    def __init__(
        self,
        service: EventService,
        status: int,
        document: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.service = service
        self.status = status
        self.document = document
        self.headers = headers or {}
        self.code = str(document.get("type", "")).rpartition(":")[2] or "unknown"
        self.detail = str(document.get("detail", ""))
        super().__init__(f"{service} answered {status} {self.code}: {self.detail}")

    @property
    def refuses_person(self) -> bool:
        """Whether the service admits the person no longer, but believes the console."""
        return self.status == HTTPStatus.UNAUTHORIZED and "person_is_unknown" in self.document

    @property
    def refuses_console(self) -> bool:
        """Whether the service does not believe the console's tokens: its key or its clock."""
        return self.status == HTTPStatus.UNAUTHORIZED and not self.refuses_person


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is the decoded JSON, or None; send `etag` as `if_match` with a change."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def etag(self) -> str | None:
        return self.headers.get("etag")


class Services:
    """The other services. Every method raises ServiceUnavailableError or ServiceProblemError.

    Parts of a query that are None are left out; a list comes once for each item.
    """

    def __init__(
        self,
        clients: Mapping[EventService, httpx.AsyncClient],
        tokens: TokenMint,
        metrics: ConsoleMetrics,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._clients = clients
        self._tokens = tokens
        self._metrics = metrics
        self._timeout_s = timeout_s

    async def get(self, service: EventService, path: str, viewer: Caller, **query: object) -> Any:
        """Return the decoded JSON."""
        return (await self.fetch(service, path, viewer, **query)).body

    async def items(
        self,
        service: EventService,
        path: str,
        viewer: Caller,
        *,
        max_pages: int,
        **query: object,
    ) -> list[Mapping[str, Any]]:
        """Return the items of the first pages of a list."""
        items: list[Mapping[str, Any]] = []
        cursor: str | None = None
        for _ in range(max_pages):
            page = await self.get(service, path, viewer, cursor=cursor, **query)
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        return items

    async def fetch(
        self, service: EventService, path: str, viewer: Caller, **query: object
    ) -> Answer:
        """As `get`, with the ETag of what is read."""
        return await self.send(service, "GET", path, viewer, query=query)

    async def post(
        self,
        service: EventService,
        path: str,
        viewer: Caller,
        body: object = None,
        *,
        if_match: str | None = None,
    ) -> Any:
        """Return the decoded JSON of the answer."""
        answer = await self.send(
            service,
            "POST",
            path,
            viewer,
            body=body,
            headers=_headers(if_match),
        )
        return answer.body

    async def put(
        self,
        service: EventService,
        path: str,
        viewer: Caller,
        body: object,
        *,
        if_match: str | None = None,
    ) -> Any:
        """Return the decoded JSON of the answer."""
        headers = _headers(if_match)
        return (await self.send(service, "PUT", path, viewer, body=body, headers=headers)).body

    async def send(
        self,
        service: EventService,
        method: str,
        path: str,
        viewer: Caller,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        content = None if body is None else orjson.dumps(body)
        request = self._clients[service].build_request(
            method,
            path,
            params=httpx.QueryParams(_parameters(query or {})),
            content=content,
            headers={**self.authorization(viewer), **_content_type(content), **(headers or {})},
        )
        with self._metrics.service_seconds.labels(service).time():
            try:
                # The limit of httpx is for each part of an answer.
                async with asyncio.timeout(self._timeout_s):
                    response = await self._clients[service].send(request)
            except (httpx.HTTPError, TimeoutError) as error:
                log.warning("service_unreachable", service=service, error=repr(error))
                raise ServiceUnavailableError(service, "it does not answer") from error
        return _read(service, response)

    def authorization(self, viewer: Caller) -> dict[str, str]:
        """Return the headers that call in the name of the person, for 60 s."""
        token = self._tokens.make_token(viewer.person, viewer.role)
        traceparent = trace.current()
        headers = {"Authorization": f"Bearer {token}"}
        return headers if traceparent is None else {**headers, "traceparent": traceparent}

    def client(self, service: EventService) -> httpx.AsyncClient:
        """Return the client of a service, for answers that go on: they accept a `STREAM`."""
        return self._clients[service]

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()


class _StreamsApart(httpx.AsyncBaseTransport):
    """Keeps the connections of streams apart from those that are used again.

    Each supervisor with an open board has one to escalation. httpx looks at all connections of a
    pool with each request: with two hundred of them that takes longer than the request.
    """

    def __init__(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        self._requests = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)
        self._streams = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        is_stream = request.headers.get("Accept") == STREAM
        transport = self._streams if is_stream else self._requests
        return await transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self._requests.aclose()
        await self._streams.aclose()


def open_clients(urls: Mapping[EventService, str]) -> dict[EventService, httpx.AsyncClient]:
    return {
        service: httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, transport=_StreamsApart())
        for service, url in urls.items()
    }


def _headers(if_match: str | None) -> dict[str, str]:
    return {} if if_match is None else {"If-Match": if_match}


def _content_type(content: bytes | None) -> dict[str, str]:
    return {} if content is None else {"Content-Type": _JSON}


def _parameters(query: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, _text(item))
        for name, value in query.items()
        for item in (value if isinstance(value, list | tuple | set) else (value,))
        if item is not None
    )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(service: EventService, response: httpx.Response) -> Answer:
    if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise ServiceUnavailableError(service, f"it answered {response.status_code}")
    try:
        body = orjson.loads(response.content) if response.content else None
    except orjson.JSONDecodeError as error:
        raise ServiceUnavailableError(service, "its answer can't be read") from error
    headers = {name.lower(): value for name, value in response.headers.items()}
    if response.status_code < httpx.codes.BAD_REQUEST:
        return Answer(response.status_code, body, headers)
    document = body if isinstance(body, dict) else {}
    raise ServiceProblemError(service, response.status_code, document, headers)

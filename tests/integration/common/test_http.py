"""The HTTP side that all services share: problems, limits, health, metrics, and who may call."""

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import text

from common.contracts.event import MAX_EVENT_BYTES
from common.core import trace
from common.core.health import Health
from common.core.metrics import Metrics
from common.http.access import Principal, require_role
from common.http.app import (
    ContactPath,
    RequestModel,
    ShortText,
    get_database,
)
from common.http.limits import MAX_BODY_BYTES
from common.http.operations import make_operations_app
from common.http.problems import ProblemError
from common.http.routes import ApiRouter
from common.http.server import HttpServer
from common.messaging.subscriptions import HandlerRegistry
from common.service.database_monitor import DatabaseMonitor
from common.service.spec import ServiceSpec, application
from common.storage.database import Database
from support.databases import rows
from support.probe import (
    Broker,
    UnitOfWork,
    add_note,
    customer_wrote,
    new_contact,
    open_database,
    run_workers,
)
from support.tcp_proxy import TcpProxy
from support.waiting import until

router = ApiRouter(prefix="/v1", tags=["probe"])
Data = Annotated[Database[UnitOfWork], Depends(get_database)]


class Wanted(RequestModel):
    text: ShortText
    count: int = 1


@router.post("/notes/{contact_id}", status_code=201)
async def take(contact_id: ContactPath, wanted: Wanted, database: Data) -> dict[str, str]:
    async with database.transaction() as uow:
        await add_note(contact_id, wanted.text, uow)
        uow.outbox.add([customer_wrote(contact_id)])
    return {"contact_id": contact_id}


@router.post("/events/{size}", status_code=201)
async def publish(size: int, database: Data) -> None:
    async with database.transaction() as uow:
        await add_note(new_contact(), "kept only with its event", uow)
        uow.outbox.add([customer_wrote(new_contact(), size * "x")])


@router.get("/values/{value}")
async def read_value(value: str, database: Data) -> None:
    """Hand a value to the database as it came."""
    async with database.transaction() as uow:
        statement = text("SELECT CAST(CAST(:value AS text) AS smallint)")
        await uow.connection.execute(statement, {"value": value})


@router.get("/refused")
async def refused() -> None:
    raise ProblemError(409, "taken", "Somebody else has it.", by="p-1", headers={"X-By": "p-1"})


@router.get("/broken")
async def broken() -> None:
    raise ValueError("a bug")


@router.get("/mine")
async def mine(
    principal: Annotated[Principal, Depends(require_role("supervisor", "manager"))],
) -> dict[str, str]:
    return {"role": principal.role, "subject": principal.subject}


PARTS = ServiceSpec("probe", UnitOfWork, HandlerRegistry[UnitOfWork](), [router])
KEYS = "supervisor:p-7:s-key,representative:p-8:r-key,admin:ops:a-key"


class Service:
    """The app of one process, and what stands beside it."""

    def __init__(self, database: Database[UnitOfWork]) -> None:
        self.database, self.metrics, self.health = database, Metrics(), Health()
        settings = Broker("unused", "unused").make_settings(api_keys=KEYS)
        self.app = application(PARTS, settings, database, self.metrics)

    def client(self, app: FastAPI | None = None) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app or self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://probe")

    def operations_client(self) -> httpx.AsyncClient:
        return self.client(make_operations_app(self.app, metrics=self.metrics, health=self.health))


@pytest.fixture
def service(database: Database[UnitOfWork]) -> Service:
    return Service(database)


@pytest.fixture
async def api(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with service.client() as client:
        yield client


@pytest.fixture
async def operations(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with service.operations_client() as client:
        yield client


def problem(response: httpx.Response) -> tuple[int, str, str]:
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    kind = body["type"].removeprefix("urn:upstairs:problem:")
    return response.status_code, kind, body["detail"]


async def requests(operations: httpx.AsyncClient) -> dict[tuple[str, str], float]:
    """Return how many requests were measured by route and status."""
    lines = (await operations.get("/metrics")).text.splitlines()
    counts = {}
    for line in lines:
        if line.startswith("upstairs_http_request_duration_seconds_count{"):
            labels, value = line.removeprefix("upstairs_http_request_duration_seconds_count").split(
                " "
            )
            route, status = (part.split('"')[1] for part in labels.split(","))
            counts[route, status] = float(value)
    return counts


async def test_request_is_handled(api: httpx.AsyncClient, operations: httpx.AsyncClient) -> None:
    response = await api.post(f"/v1/notes/{new_contact()}", json={"text": "hello"})
    assert response.status_code == 201
    assert await requests(operations) == {("/v1/notes/{contact_id}", "201"): 1}


async def test_problem_has_detail_and_extensions(api: httpx.AsyncClient) -> None:
    response = await api.get("/v1/refused")
    assert problem(response) == (409, "taken", "Somebody else has it.")
    assert (response.json()["by"], response.headers["X-By"]) == ("p-1", "p-1")


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"{not json", 400, "malformed-json"),
        (b"\xff\xfe", 400, "malformed-json"),
        (b"[]", 422, "invalid"),
        (b"[" * 200_000, 400, "malformed-json"),
        (b'{"text": ' + b"[" * 200_000, 400, "malformed-json"),
        (b'{"text": ""}', 422, "invalid"),
        (b'{"text": "nul \\u0000"}', 422, "invalid"),
        (b'{"text": "half \\ud800"}', 422, "invalid"),
        (b'{"text": "a", "\\ud800": 1}', 422, "invalid"),
        (b'{"text": "a", "cuont": 2}', 422, "invalid"),
        (b'{"text": "' + b"x" * MAX_BODY_BYTES + b'"}', 413, "too-large"),
    ],
)
async def test_invalid_body_is_refused(
    api: httpx.AsyncClient, content: bytes, status: int, kind: str
) -> None:
    headers = {"Content-Type": "application/json"}
    response = await api.post(f"/v1/notes/{new_contact()}", content=content, headers=headers)
    assert problem(response)[:2] == (status, kind)


@pytest.mark.parametrize(
    ("method", "path", "status", "kind", "words"),
    [
        ("GET", "/v1/nothing", 404, "not-found", "no such path; those of the API begin with /v1/"),
        ("DELETE", "/v1/refused", 405, "method-not-allowed", "does not take DELETE"),
        ("POST", "/v1/notes/no-uuid", 422, "invalid", ""),
        ("GET", "/v1/broken", 500, "unexpected", ""),
    ],
)
async def test_errors_are_answered_as_problems(
    api: httpx.AsyncClient, method: str, path: str, status: int, kind: str, words: str
) -> None:
    response = await api.request(method, path, json={"text": "a"} if method == "POST" else None)
    assert problem(response)[:2] == (status, kind)
    assert words in problem(response)[2]
    assert "a bug" not in response.text


@pytest.mark.parametrize(
    ("key", "status"), [("s-key", 200), ("a-key", 200), ("r-key", 403), ("guess", 401), (None, 401)]
)
async def test_route_admits_its_roles_and_admin(
    api: httpx.AsyncClient, key: str | None, status: int
) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    response = await api.get("/v1/mine", headers=headers)
    assert response.status_code == status
    assert ("WWW-Authenticate" in response.headers) == (status == 401)


async def test_request_that_causes_too_large_an_event_is_refused_whole(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    response = await api.post(f"/v1/events/{MAX_EVENT_BYTES}")
    assert problem(response)[:2] == (422, "event-too-large")
    assert str(MAX_EVENT_BYTES) in response.json()["detail"]
    assert not await rows(database, "SELECT 1 FROM probes UNION ALL SELECT 1 FROM outbox")
    assert (await api.post(f"/v1/events/{MAX_EVENT_BYTES - 1000}")).status_code == 201


@pytest.mark.parametrize("value", ["40000", "9" * 5000, "text", "1e400", "-", "\u0661"])
async def test_value_that_the_database_refuses_is_the_callers_fault(
    api: httpx.AsyncClient, value: str
) -> None:
    assert problem(await api.get(f"/v1/values/{value}"))[:2] == (422, "invalid")


async def test_readiness_lists_the_troubles(
    operations: httpx.AsyncClient, service: Service
) -> None:
    assert (await operations.get("/readyz")).json() == {
        "ready": True,
        "troubles": {},
        "degraded": {},
    }
    service.health.report_trouble("consumer", "halted")
    response = await operations.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"ready": False, "troubles": {"consumer": "halted"}, "degraded": {}}
    assert (await operations.get("/livez")).status_code == 200
    service.health.report_healthy("consumer")
    assert (await operations.get("/readyz")).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/docs", "/openapi.json"])
async def test_operations_are_not_on_the_public_port(
    api: httpx.AsyncClient, operations: httpx.AsyncClient, path: str
) -> None:
    assert (await operations.get(path)).status_code == 200
    assert problem(await api.get(path))[:2] == (404, "not-found")


async def test_reference_of_the_api_needs_no_other_host(
    api: httpx.AsyncClient, operations: httpx.AsyncClient
) -> None:
    document = (await operations.get("/openapi.json")).json()
    assert "/v1/notes/{contact_id}" in document["paths"]
    page = (await operations.get("/docs")).text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) >= 2
    for path in loaded:
        assert path.startswith("/")
        assert (await operations.get(path)).status_code == 200
    assert (await api.get(loaded[0])).status_code == 404


async def test_answer_does_not_repeat_the_host_of_the_request(api: httpx.AsyncClient) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    for path in ("/v1/mine/", "/v1/mine", "/v1/refused/", "/nothing/"):
        response = await api.get(path, headers=headers)
        assert response.status_code in {401, 404}
        assert "evil" not in f"{response.headers}{response.text}"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/mine"), ("GET", "/v1/broken"), ("POST", "/v1/none")]
)
async def test_every_answer_has_headers_for_browsers_and_caches(
    api: httpx.AsyncClient, operations: httpx.AsyncClient, method: str, path: str
) -> None:
    for response in (await api.request(method, path), await operations.get("/docs")):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert "Server" not in response.headers


async def test_many_wrong_keys_are_refused_and_right_ones_still_pass(
    api: httpx.AsyncClient, service: Service
) -> None:
    wrong = {"Authorization": "Bearer guess"}
    answers = [(await api.get("/v1/mine", headers=wrong)).status_code for _ in range(300)]
    assert answers[:100] == [401] * 100
    assert answers.count(429) > 100
    refused = await api.get("/v1/mine", headers=wrong)
    assert problem(refused)[:2] == (429, "too-many-wrong-keys")
    assert refused.headers["Retry-After"]
    right = await api.get("/v1/mine", headers={"Authorization": "Bearer s-key"})
    assert right.status_code == 200
    elsewhere = httpx.ASGITransport(service.app, client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=elsewhere, base_url="http://probe") as other:
        assert (await other.get("/v1/mine", headers=wrong)).status_code == 401


async def test_unavailable_database_is_reported_to_the_caller_and_in_readiness(
    proxy: TcpProxy, probe_url: str
) -> None:
    path = f"/v1/notes/{new_contact()}"
    async with open_database(proxy.url(probe_url)) as proxied:
        service = Service(proxied)
        async with (
            service.client() as api,
            service.operations_client() as operations,
            run_workers(DatabaseMonitor(proxied, Metrics(), service.health)),
        ):
            await until(lambda: not service.health.troubles)
            await proxy.stop()
            response = await api.post(path, json={"text": "a"})
            assert problem(response)[:2] == (503, "unavailable")
            assert response.headers["Retry-After"] == "1"
            await until(lambda: "database" in service.health.troubles)
            await proxy.start()
            await until(lambda: not service.health.troubles)
            assert (await api.post(path, json={"text": "a"})).status_code == 201
            route = "/v1/notes/{contact_id}"
            assert await requests(operations) == {(route, "503"): 1, (route, "201"): 1}


@pytest.fixture
async def address(service: Service, unused_tcp_port: int) -> AsyncIterator[tuple[str, int]]:
    """The app on a socket: some of what is tested happens below ASGI."""
    server = HttpServer(service.app, "127.0.0.1", unused_tcp_port, service.metrics)
    async with run_workers(server):
        await until(lambda: server.started)
        yield "127.0.0.1", unused_tcp_port


async def test_chunked_body_is_limited(address: tuple[str, int]) -> None:
    async def chunks(count: int) -> AsyncIterator[bytes]:
        yield b'{"text": "'
        for _ in range(count):
            yield b"x" * 1024
        yield b'"}'

    async with httpx.AsyncClient(base_url=f"http://{address[0]}:{address[1]}") as api:
        path, headers = f"/v1/notes/{new_contact()}", {"Content-Type": "application/json"}
        huge = await api.post(path, content=chunks(300), headers=headers)
        assert problem(huge)[:2] == (413, "too-large")
        long = await api.post(path, content=chunks(200), headers=headers)
        assert problem(long)[:2] == (422, "invalid")


async def test_incomplete_body_is_not_handled(service: Service) -> None:
    """A caller that hangs up in mid-sentence has said nothing, though the half may make sense."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/v1/notes/{new_contact()}",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"100")],
    }
    received = iter(
        [
            {"type": "http.request", "body": b'{"text": "a"}', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    sent: list[object] = []

    async def receive() -> Any:
        return next(received)

    async def send(message: object) -> None:
        sent.append(message)

    await service.app(scope, receive, send)
    assert sent == []
    assert await rows(service.database, "SELECT 1 FROM probes") == []


async def test_trace_of_the_caller_is_continued(api: httpx.AsyncClient, service: Service) -> None:
    parent = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
    path, body = f"/v1/notes/{new_contact()}", {"text": "a"}
    await api.post(path, json=body, headers={"traceparent": parent})
    await api.post(path, json=body, headers={"traceparent": "nonsense"})
    taken, made = await rows(service.database, "SELECT trace FROM published_events ORDER BY id")
    assert trace.from_bytes(taken.trace) == parent
    assert made.trace not in (None, taken.trace)

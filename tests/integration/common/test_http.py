"""The HTTP side that all services share: problems, limits, health, metrics, and who may call."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends

from common.core.health import Health
from common.core.metrics import Metrics
from common.http.access import Principal, require_role
from common.http.app import (
    MAX_BODY_BYTES,
    ContactPath,
    HttpServer,
    RequestModel,
    ShortText,
    get_database,
)
from common.http.problems import ProblemError
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

router = APIRouter(prefix="/v1")
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
        self.app = application(PARTS, settings, database, self.metrics, self.health)

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://probe")


@pytest.fixture
def service(database: Database[UnitOfWork]) -> Service:
    return Service(database)


@pytest.fixture
async def api(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with service.client() as client:
        yield client


def problem(response: httpx.Response) -> tuple[int, str, str]:
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    kind = body["type"].removeprefix("urn:upstairs:problem:")
    return response.status_code, kind, body["detail"]


async def requests(api: httpx.AsyncClient) -> dict[tuple[str, str], float]:
    """Return how many requests were measured by route and status."""
    lines = (await api.get("/metrics")).text.splitlines()
    counts = {}
    for line in lines:
        if line.startswith("upstairs_http_request_duration_seconds_count{"):
            labels, value = line.removeprefix("upstairs_http_request_duration_seconds_count").split(
                " "
            )
            route, status = (part.split('"')[1] for part in labels.split(","))
            counts[route, status] = float(value)
    return counts


async def test_request_is_handled(api: httpx.AsyncClient) -> None:
    response = await api.post(f"/v1/notes/{new_contact()}", json={"text": "hello"})
    assert response.status_code == 201
    assert await requests(api) == {("/v1/notes/{contact_id}", "201"): 1}


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
    ("method", "path", "status", "kind"),
    [
        ("GET", "/v1/nothing", 404, "not-found"),
        ("DELETE", "/v1/refused", 405, "method-not-allowed"),
        ("POST", "/v1/notes/no-uuid", 422, "invalid"),
        ("GET", "/v1/broken", 500, "unexpected"),
    ],
)
async def test_errors_are_answered_as_problems(
    api: httpx.AsyncClient, method: str, path: str, status: int, kind: str
) -> None:
    response = await api.request(method, path, json={"text": "a"} if method == "POST" else None)
    assert problem(response)[:2] == (status, kind)
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


async def test_readiness_lists_the_troubles(api: httpx.AsyncClient, service: Service) -> None:
    assert (await api.get("/readyz")).json() == {"ready": True, "troubles": {}, "degraded": {}}
    service.health.report_trouble("consumer", "halted")
    response = await api.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"ready": False, "troubles": {"consumer": "halted"}, "degraded": {}}
    assert (await api.get("/livez")).status_code == 200
    service.health.report_healthy("consumer")
    assert (await api.get("/readyz")).status_code == 200


async def test_unavailable_database_is_reported_to_the_caller_and_in_readiness(
    proxy: TcpProxy, probe_url: str
) -> None:
    path = f"/v1/notes/{new_contact()}"
    async with open_database(proxy.url(probe_url)) as proxied:
        service = Service(proxied)
        async with (
            service.client() as api,
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
            assert await requests(api) == {(route, "503"): 1, (route, "201"): 1}


@pytest.fixture
async def address(service: Service, unused_tcp_port: int) -> AsyncIterator[tuple[str, int]]:
    """The app on a socket: some of what is tested happens below ASGI."""
    server = HttpServer(service.app, "127.0.0.1", unused_tcp_port)
    async with run_workers(server):
        await until(lambda: server._server.started)
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
    taken, made = await rows(
        service.database, "SELECT traceparent AS parent FROM outbox ORDER BY id"
    )
    assert taken.parent == parent
    assert made.parent != parent

"""Slow services: a page waits a bounded time, and nobody waits for what others ask."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from common.core.clock import monotonic
from common.core.metrics import Metrics
from console.auth.people import Identity
from console.clients.services import Services, ServiceUnavailableError, open_clients
from console.metrics import ConsoleMetrics
from console.parts import Parts
from console.people import People
from integration.console.harness import ConsoleHarness
from support.waiting import until

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
_MANY = 150
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    """Open a server that does this with each connection, until its client leaves."""

    connections: set[asyncio.StreamWriter] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        with suppress(ConnectionError):
            await serve(reader, writer)
        writer.close()
        connections.discard(writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await until(lambda: not connections)


async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send one byte after the other: httpx would wait for each."""
    writer.write(_HEAD)
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.fixture
async def slow(console: ConsoleHarness) -> AsyncIterator[Services]:
    """Services whose answers never end."""
    async with serving(drip) as url:
        clients = open_clients(dict.fromkeys(console.clients, url))
        state = console.app.state
        services = Services(clients, state.tokens, ConsoleMetrics(Metrics().registry), 0.5)
        yield services
        await services.close()


async def test_answer_that_never_ends_is_given_up(slow: Services) -> None:
    began_at = monotonic()
    with pytest.raises(ServiceUnavailableError, match="router"):
        await slow.get("router", "/v1/people", Identity("mia", "manager"))
    assert monotonic() - began_at < 5


async def test_people_are_not_waited_for_twice(slow: Services, console: ConsoleHarness) -> None:
    people, now = People(slow), console.database.clock.utc_now()
    caller = Identity("mia", "manager")
    began_at = monotonic()
    await asyncio.gather(*(people.directory(caller, now) for _ in range(20)))
    assert monotonic() - began_at < 5


async def test_parts_of_a_page_share_one_limit(console: ConsoleHarness) -> None:
    """However many pages a list has, each of which comes in time."""

    async def answer(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.1)
        return httpx.Response(200, json={"items": [{}], "next_cursor": "more"})

    console.clients["intake"] = httpx.AsyncClient(
        transport=httpx.MockTransport(answer), base_url="http://intake"
    )
    parts = Parts(console.app.state.services, Identity("mia", "manager"), within_s=0.25)
    assert await parts.items("intake", "/v1/contacts") is None
    assert parts.missing == ["intake"]


async def test_open_streams_leave_connections_for_pages() -> None:
    """Each supervisor with an open board has one to escalation."""
    connected = 0

    async def hold(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        # Until the client leaves.
        await reader.read()

    async with serving(hold) as url:
        client = open_clients({"escalation": url})["escalation"]
        async with client, asyncio.TaskGroup() as tasks:
            requests = [tasks.create_task(client.get("/", timeout=60)) for _ in range(_MANY)]
            await until(lambda: connected == _MANY, within=20)
            for request in requests:
                request.cancel()

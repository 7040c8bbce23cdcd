"""Limits of the HTTP server before any key is checked, over sockets: the server still serves."""

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from common.core.clock import TimeSource
from common.core.metrics import Metrics
from common.service.spec import application
from common.storage.database import Database
from common.storage.engine import make_engine
from notifier.main import build
from notifier.settings import Settings
from notifier.store.unit_of_work import UnitOfWork
from support.http_probe import make_probe
from support.http_server import ELSEWHERE, GET, LIMITS, MEGABYTE, serve
from support.probe import sum_samples
from support.waiting import until

POST = b"POST /v1/small HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"


def make_notifier() -> FastAPI:
    """The notifier, whose HTTP must be public. No refusal needs its database."""
    settings = Settings.model_validate(
        {
            "database_url": "postgresql+asyncpg://unused@localhost/unused",
            "kafka_bootstrap": "unused",
            "link_secret": "of this test",
        }
    )
    engine = make_engine(str(settings.database_url))
    database = Database(engine, UnitOfWork, TimeSource())
    return application(build(settings), settings, database, Metrics())


@pytest.fixture(params=[make_probe, make_notifier])
def app(request: pytest.FixtureRequest) -> FastAPI:
    make: Callable[[], FastAPI] = request.param
    return make()


HUGE = b"x" * 40 * MEGABYTE
REFUSED = {
    "header of 40 MB": (GET + b"X-Huge: " + HUGE + b"\r\n\r\n", 431, "headers-too-large"),
    "name of 40 MB": (GET + HUGE + b": x\r\n\r\n", 431, "headers-too-large"),
    "headers of 33 KB": (
        GET + b"".join(b"X-%d: " % n + b"x" * 3400 + b"\r\n" for n in range(10)) + b"\r\n",
        431,
        "headers-too-large",
    ),
    "10,000 headers": (GET + b"a: b\r\n" * 10_000 + b"\r\n", 431, "too-many-headers"),
    "200 headers": (GET + b"a: b\r\n" * 200 + b"\r\n", 431, "too-many-headers"),
    "URL of 10 KB": (b"GET /" + b"u" * 10_000 + b" HTTP/1.1\r\n\r\n", 414, "url-too-long"),
    "URL of 40 MB": (b"GET /" + HUGE + b" HTTP/1.1\r\n\r\n", 414, "url-too-long"),
    "query of 10 KB": (b"GET /?" + b"q" * 10_000 + b" HTTP/1.1\r\n\r\n", 414, "url-too-long"),
    "empty lines": (b"\r\n" * MEGABYTE, 431, "headers-too-large"),
    "declared body": (POST + b"Content-Length: 400000000\r\n\r\n{", 413, "too-large"),
    "chunked body": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n" * 20,
        400,
        "malformed-request",
    ),
    "chunk extension": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"e" * 2 * MEGABYTE,
        413,
        "too-large",
    ),
    "10,000 trailers": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 10_000 + b"\r\n",
        431,
        "too-many-headers",
    ),
    "no HTTP": (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n",
        400,
        "malformed-request",
    ),
    "two lengths": (
        POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        400,
        "malformed-request",
    ),
    "body of another protocol": (
        POST + UPGRADE + b"Content-Length: 3\r\n\r\nabc",
        400,
        "upgrade-with-body",
    ),
    "length of chunks": (
        POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "malformed-request",
    ),
    "tunnel": (b"CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n", 400, "malformed-request"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_request_over_a_limit_is_refused(app: FastAPI, case: str) -> None:
    data, status, code = REFUSED[case]
    async with serve(app) as server:
        answer = await server.ask(data)
        assert (answer.status, answer.code) == (status, code)
        assert answer.headers["connection"] == "close"
        assert server.refused(code) == 1
        await server.assert_serves()


async def test_trailer_is_no_header_of_the_request() -> None:
    async def answer_headers(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        names = b" ".join(name for name, _ in scope["headers"])
        length = [(b"content-length", b"%d" % len(names))]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": names})

    app = FastAPI()
    app.mount("/", answer_headers)

    trailers = b"Authorization: Bearer k\r\nX-Forwarded-For: 10.9.9.9\r\n"
    data = POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" + trailers + b"\r\n"
    async with serve(app) as server, server.connect() as connection:
        await connection.send(data)
        answer = await connection.answer()
    assert b"transfer-encoding" in answer.body
    assert b"authorization" not in answer.body
    assert b"x-forwarded-for" not in answer.body


async def test_endless_chunks_are_refused(app: FastAPI) -> None:
    chunk = b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"
    async with serve(app) as server:
        answer = await server.ask(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 600)
        assert (answer.status, answer.code) == (413, "too-large")


async def test_request_below_all_limits_is_served() -> None:
    headers = b"".join(b"X-%d: %s\r\n" % (number, b"v" * 250) for number in range(90))
    body = b"b" * 256 * 1024
    async with serve(make_probe()) as server:
        head = POST + headers + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        answer = await server.ask(head + body)
        assert (answer.status, answer.body) == (200, b"262144")


async def test_request_that_asks_for_another_protocol_is_served() -> None:
    async with serve(make_probe()) as server, server.connect() as connection:
        await connection.send(GET + UPGRADE + b"\r\n" + GET + b"\r\n")
        answer = await connection.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await connection.is_closed()


async def test_head_that_comes_byte_by_byte_is_ended(app: FastAPI) -> None:
    async with (
        serve(app, replace(LIMITS, head_s=0.3)) as server,
        server.connect() as connection,
    ):
        await connection.send(GET + b"X-Slow: ")

        async def drip() -> bool:
            await connection.send(b"x")
            return server.refused("timeout") > 0

        await until(drip)
        answer = await connection.answer()
        assert (answer.status, answer.code) == (408, "timeout")
        assert await connection.is_closed()


@pytest.mark.parametrize("data", [b"", b"\r\n", GET, GET + b"X-Half: "])
async def test_head_that_does_not_end_is_ended(app: FastAPI, data: bytes) -> None:
    async with (
        serve(app, replace(LIMITS, head_s=0.3)) as server,
        server.connect() as connection,
    ):
        await connection.send(data)
        assert (await connection.answer()).code == "timeout"
        assert await connection.is_closed()


async def test_second_request_of_a_connection_has_the_same_time() -> None:
    async with (
        serve(make_probe(), replace(LIMITS, head_s=0.3)) as server,
        server.connect() as connection,
    ):
        await connection.send(GET + b"\r\n")
        assert (await connection.answer()).status == 200
        await connection.send(b"\r\n")
        assert (await connection.answer()).code == "timeout"
        assert await connection.is_closed()


async def test_idle_connection_is_closed() -> None:
    async with (
        serve(make_probe(), replace(LIMITS, idle_s=1)) as server,
        server.connect() as connection,
    ):
        await connection.send(GET + b"\r\n")
        assert (await connection.answer()).status == 200
        assert await connection.is_closed()


@pytest.mark.parametrize(
    "data",
    [
        POST + b"Content-Length: 100\r\n\r\n{",
        POST + b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
async def test_half_of_a_body_is_ended(data: bytes) -> None:
    async with (
        serve(make_probe(), replace(LIMITS, body_s=0.3)) as server,
        server.connect() as connection,
    ):
        await connection.send(data)
        if b"Expect" in data:
            assert (await connection.answer()).status == 100
        answer = await connection.answer()
        assert (answer.status, answer.code) == (408, "timeout")
        assert await connection.is_closed()


async def test_rest_of_a_refused_body_is_not_awaited() -> None:
    """The app has answered; the client goes on sending."""
    async with serve(make_probe()) as server, server.connect() as connection:
        await connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(5):
            await connection.send(b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n")
        answer = await connection.answer()
        assert (answer.status, answer.code) == (413, "too-large")
        assert await connection.is_closed()


async def test_half_of_a_body_does_not_delay_the_stop() -> None:
    async with asyncio.timeout(8), AsyncExitStack() as stack:
        async with serve(make_probe()) as server:
            connection = await stack.enter_async_context(server.connect())
            await connection.send(POST + b"Content-Length: 100\r\n\r\n{")
            await server.assert_serves()
        assert await connection.is_closed()


@pytest.mark.parametrize("seed", range(5))
async def test_requests_in_any_pieces_are_served(seed: int) -> None:
    chance = random.Random(seed)
    async with serve(make_probe()) as server, server.connect() as connection:
        for _ in range(20):
            body = b"b" * chance.choice([0, 1, 100, 20_000])
            if chance.random() < 0.5:
                rest = b"Content-Length: %d\r\n\r\n" % len(body) + body
            else:
                chunk = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
                rest = b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\nX-End: 1\r\n\r\n"
            data = POST + rest
            while data:
                size = chance.choice([1, 7, 100, 30_000])
                await connection.send(data[:size])
                data = data[size:]
            answer = await connection.answer()
            assert (answer.status, answer.body) == (200, b"%d" % len(body))


async def test_others_are_served_beside_300_half_bodies(app: FastAPI) -> None:
    limits = replace(LIMITS, connections_per_client=300)
    async with serve(app, limits) as server, AsyncExitStack() as stack:
        halves = []
        for _ in range(300):
            connection = await stack.enter_async_context(server.connect())
            await connection.send(POST + b"Content-Length: 100\r\n\r\n{")
            halves.append(connection)
        await server.assert_serves(ELSEWHERE)
        assert not any(half.reader.at_eof() for half in halves)


async def test_others_are_served_beside_many_connections_of_one_client(app: FastAPI) -> None:
    limits = replace(LIMITS, connections_per_client=5)
    async with serve(app, limits) as server, AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(server.connect())
        async with server.connect() as further:
            answer = await further.answer()
            assert (answer.status, answer.code) == (503, "too-many-connections")
            assert await further.is_closed()
        await server.assert_serves(ELSEWHERE)
        await stack.aclose()
        await until(lambda: server.ask(GET + b"\r\n"), lambda answer: answer.status != 503)


async def test_refused_client_that_stays_is_dropped() -> None:
    limits = replace(LIMITS, connections_per_client=1)
    async with serve(make_probe(), limits) as server, server.connect() as refused:
        await refused.send(b"no HTTP\r\n\r\n")
        assert (await refused.answer()).status == 400
        await until(lambda: server.ask(GET + b"\r\n"), lambda answer: answer.status == 200)


async def test_all_connections_together_have_a_limit() -> None:
    limits = replace(LIMITS, connections=5)
    async with serve(make_probe(), limits) as server, AsyncExitStack() as stack:
        for number in range(5):
            await stack.enter_async_context(server.connect(f"127.0.0.{number + 3}"))
        async with server.connect() as further:
            assert (await further.answer()).status == 503


async def test_proxy_may_open_more_connections_than_a_client() -> None:
    limits = replace(LIMITS, connections_per_client=1)
    async with serve(make_probe(), limits, proxies="127.0.0.0/31") as server:
        async with server.connect(), server.connect():
            await server.assert_serves()
        async with server.connect(ELSEWHERE), server.connect(ELSEWHERE) as further:
            assert (await further.answer()).status == 503


async def test_client_that_does_not_read_its_answer_is_dropped() -> None:
    limits = replace(LIMITS, answer_s=0.3)
    async with serve(make_probe(), limits) as server, server.connect() as connection:
        await connection.send(b"GET /v1/large HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: server.refused("answer-not-read") == 1)
        await server.assert_serves()


async def test_stream_lives_longer_than_any_limit() -> None:
    limits = replace(LIMITS, head_s=0.2, body_s=0.2, answer_s=0.2, idle_s=1)
    async with serve(make_probe(), limits) as server, server.connect() as connection:
        await connection.send(b"GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        await connection.answer()
        for _ in range(40):
            await connection.reader.readuntil(b": heartbeat")
        assert not sum_samples(server.metrics.http_refused)


@pytest.mark.parametrize("count", [10, 10_000])
async def test_many_requests_at_once_on_a_connection_are_not_served(count: int) -> None:
    async with serve(make_probe()) as server:
        async with server.connect() as connection:
            await connection.send((GET + b"\r\n") * count)
            assert await connection.is_closed()
        assert server.refused("too-many-pipelined") == 1
        async with server.connect() as connection:
            await connection.send((GET + b"\r\n") * 3)
            assert [(await connection.answer()).status for _ in range(3)] == [200] * 3

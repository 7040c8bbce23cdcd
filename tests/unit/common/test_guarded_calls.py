"""Calls of addresses that others name: to checked addresses only, bounded in size and time."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from common.core.networks import read_networks
from common.http.guarded_calls import (
    Call,
    CallError,
    ForbiddenAddressError,
    GuardedCalls,
)
from support.certificates import Authority
from support.loopback_server import LoopbackServer

OWN = read_networks("127.0.0.0/8")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with LoopbackServer(app, shutdown_timeout_s=0) as server:
        yield server.url


async def echo_host(request: web.Request) -> web.Response:
    form = dict(await request.post())
    return web.json_response({"host": request.headers["Host"], "form": form})


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every name have these addresses; return the list of names that were looked up."""
    names: list[str] = []

    def look_up(host: str, port: int, **_kind: object) -> list[Any]:
        names.append(host)
        family = socket.AF_INET
        return [(family, socket.SOCK_STREAM, 0, "", (each, port)) for each in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


async def test_host_is_looked_up_once_and_named_in_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(echo_host) as url:
        names = resolve_to(monkeypatch, "127.0.0.1")
        port = url.rpartition(":")[2]
        call = Call("POST", f"http://login.example.com:{port}/token", form={"a": "b c&d"})
        answer = await GuardedCalls(OWN).send(call)
    assert answer.json() == {"host": f"login.example.com:{port}", "form": {"a": "b c&d"}}
    assert names == ["login.example.com"]


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("https://a.example.com/", ["127.0.0.1"]),
        ("https://a.example.com/", ["8.8.8.8", "10.0.0.7"]),
        ("https://a.example.com/", ["169.254.169.254"]),
        ("https://a.example.com/", ["2002:0a00:0001::"]),
        ("https://a.example.com/", ["::ffff:127.0.0.1"]),
        ("https://a.example.com/", []),
        # Without encryption only into one's own networks.
        ("http://a.example.com/", ["8.8.8.8"]),
        ("https://user:password@a.example.com/", ["8.8.8.8"]),
        ("ftp://a.example.com/", ["8.8.8.8"]),
        ("https:///path", ["8.8.8.8"]),
    ],
)
async def test_address_that_is_not_public_is_not_called(
    monkeypatch: pytest.MonkeyPatch, url: str, addresses: list[str]
) -> None:
    resolve_to(monkeypatch, *addresses)
    with pytest.raises(ForbiddenAddressError):
        await GuardedCalls().send(Call("GET", url))


@pytest.mark.parametrize("url", ["https://[::1", "a\x00b", "https://a:99999999/", "//"])
async def test_wrong_address_is_a_failed_call(url: str) -> None:
    with pytest.raises(CallError):
        await GuardedCalls(OWN).send(Call("GET", url))


async def test_redirection_is_an_answer() -> None:
    async def redirect(request: web.Request) -> web.Response:
        assert request.path == "/first"
        return web.Response(status=302, headers={"Location": "/second"})

    async with serving(redirect) as url:
        answer = await GuardedCalls(OWN).send(Call("GET", f"{url}/first"))
    assert (answer.status, answer.is_success) == (302, False)


async def test_answer_is_bounded_and_not_unpacked() -> None:
    async def pack(_request: web.Request) -> web.Response:
        return web.Response(
            body=gzip.compress(b"x" * 50_000_000), headers={"Content-Encoding": "gzip"}
        )

    async def pour(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 10_000_000)

    async with serving(pack) as url:
        answer = await GuardedCalls(OWN).send(Call("GET", url))
    assert len(answer.content) < 100_000
    assert answer.json() is None
    async with serving(pour) as url:
        with pytest.raises(CallError, match="over 1048576 bytes"):
            await GuardedCalls(OWN).send(Call("GET", url))


async def test_answer_that_drips_ends_in_time() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    async with serving(drip) as url:
        with pytest.raises(CallError, match="no answer within"):
            await GuardedCalls(OWN, timeout_s=0.2).send(Call("GET", url))


async def test_secrets_of_a_call_are_in_no_error() -> None:
    call = Call(
        "GET", "http://127.0.0.1:1/", {"Authorization": "Bearer a\nsecret"}, {"b": "secret"}
    )
    with pytest.raises(CallError) as failed:
        await GuardedCalls(OWN).send(call)
    assert "secret" not in f"{failed.value} {call!r} {failed.value.__cause__}"


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serving(echo_host) as url:
        assert (await GuardedCalls(OWN).send(Call("GET", url))).is_success


async def test_certificate_must_be_of_the_named_host(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "authority")
    named: list[str | None] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(authority.issue("login.example.com"))
    served.sni_callback = lambda _socket, name, _context: named.append(name)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=served)
    port = server.sockets[0].getsockname()[1]
    resolve_to(monkeypatch, "127.0.0.1")
    calls = GuardedCalls(OWN, context=ssl.create_default_context(cafile=str(authority.ca_file)))
    async with server:
        assert (await calls.send(Call("GET", f"https://login.example.com:{port}/"))).json() == {}
        with pytest.raises(CallError):
            await calls.send(Call("GET", f"https://other.example.com:{port}/"))
    assert named == ["login.example.com", "other.example.com"]

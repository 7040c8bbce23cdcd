"""Who a client is, requests that can be read in two ways, and clients that leave."""

import asyncio
import logging

import pytest
import uvloop

from common.http.limits import TrustedProxies
from support.http_probe import make_probe
from support.http_server import GET, serve


@pytest.mark.parametrize(
    "headers",
    [
        b"",
        b"Host: x\r\nHost: x\r\n",
        b"Host: x\r\nhOST: y\r\n",
        b"Host: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n",
        b"Host: x\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n",
        b"Host: x\r\nIf-Match: 1\r\nIf-Match: 2\r\n",
        b"Host: x\r\nLast-Event-ID: 1\r\nlast-event-id: 2\r\n",
    ],
)
async def test_request_that_two_readers_read_differently_is_refused(headers: bytes) -> None:
    async with serve(make_probe()) as server:
        answer = await server.ask(b"GET /v1/small HTTP/1.1\r\n" + headers + b"\r\n")
        assert (answer.status, answer.code) == (400, "malformed-request")
        await server.assert_serves()


async def test_old_client_need_not_name_the_host() -> None:
    async with serve(make_probe()) as server:
        answer = await server.ask(b"GET /v1/small HTTP/1.0\r\n\r\n")
        assert answer.status == 200


@pytest.mark.parametrize(
    ("proxies", "client"),
    [("", "127.0.0.1"), ("127.0.0.1", "192.0.2.9"), ("127.0.0.1,192.0.2.0/24", "198.51.100.7")],
)
async def test_only_trusted_proxies_name_the_client(proxies: str, client: str) -> None:
    forwarded = b"X-Forwarded-For: 203.0.113.1, 198.51.100.7, 192.0.2.9\r\n"
    request = b"GET /v1/client HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + forwarded + b"\r\n"
    async with serve(make_probe(), proxies=proxies) as server:
        assert (await server.ask(request)).body.decode() == client


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["203.0.113.1", "198.51.100.7"], "198.51.100.7"),
        (["127.0.0.1", "198.51.100.7"], "198.51.100.7"),
        (["198.51.100.7", "127.0.0.1"], "198.51.100.7"),
        (["203.0.113.1, 198.51.100.7", "192.0.2.9"], "198.51.100.7"),
        (["evil", "198.51.100.7:4711"], "198.51.100.7"),
        (["127.0.0.1, [2001:db8::1]:443"], "2001:db8::1"),
        (["127.0.0.1", "192.0.2.9"], "127.0.0.1"),
        ([""], "127.0.0.1"),
    ],
)
async def test_several_forwarding_lines_are_one_list(lines: list[str], client: str) -> None:
    """What a client writes itself stands before what the proxies add, in whichever line."""
    forwarded = "".join(f"X-Forwarded-For: {line}\r\n" for line in lines)
    request = f"GET /v1/client HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{forwarded}\r\n"
    async with serve(make_probe(), proxies="127.0.0.1,192.0.2.0/24") as server:
        assert (await server.ask(request.encode())).body.decode() == client


def test_dropped_connection_leaves_no_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Else a stranger could fill it. On the event loop of the services, which raises."""

    async def flood() -> None:
        async with serve(make_probe()) as server:
            for count in (10, 50, 500):
                async with server.connect() as connection:
                    await connection.send((GET + b"\r\n").replace(b"small", b"slow") * count)
                    assert await connection.is_closed()
            for count in (1, 2, 3):  # a client that leaves
                async with server.connect() as connection:
                    await connection.send((GET + b"\r\n").replace(b"small", b"slow") * count)
                    await asyncio.sleep(0.05)
            await asyncio.sleep(0.3)  # until the app would answer
            await server.assert_serves()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(flood())
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("networks", ["proxy", "10.0.0.0/33", "10.0.0.0/8,proxy"])
def test_wrong_proxies_are_refused(networks: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 network"):
        TrustedProxies(networks)

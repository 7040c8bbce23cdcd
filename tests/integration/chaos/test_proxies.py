"""The proxies do what each command says; faults rely on them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from chaos.proxies import Proxies, Server
from common.core.clock import monotonic
from devstack.processes import LOOPBACK
from support.tcp_proxy import tcp_proxy

SERVER: Server = "kafka"
# Far more than an answer takes, even on a busy machine.
ANSWER_WITHIN_S = 60
SILENCE_S = 0.2


class Echo:
    """A server that sends back what it receives, and remembers it."""

    def __init__(self) -> None:
        self.received = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(100):
            self.received += chunk
            writer.write(chunk)
        writer.close()


class Caller:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def receive(self, within: float = ANSWER_WITHIN_S) -> bytes:
        """Return the next data; empty when the connection has ended."""
        async with asyncio.timeout(within):
            try:
                return await self._reader.read(100)
            except ConnectionError:
                return b""

    def disconnect(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Proxies, Echo]]:
    echo = Echo()
    async with await asyncio.start_server(echo.serve, LOOPBACK, 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Proxies().running({"postgres": port, "kafka": port}) as proxies:
            yield proxies, echo


@asynccontextmanager
async def connected(proxies: Proxies) -> AsyncIterator[Caller]:
    caller = Caller(*await asyncio.open_connection(LOOPBACK, proxies.ports[SERVER]))
    try:
        yield caller
    finally:
        caller.disconnect()


async def test_paused_proxy_holds_data_back_until_it_is_resumed() -> None:
    async with running() as (proxies, echo), connected(proxies) as caller:
        await proxies.pause(SERVER)
        caller.send(b"one")
        with pytest.raises(TimeoutError):
            await caller.receive(SILENCE_S)
        assert not echo.received
        await proxies.resume(SERVER)
        assert await caller.receive() == b"one"


async def test_dropped_answer_reaches_no_caller_and_ends_its_connection() -> None:
    async with running() as (proxies, echo), connected(proxies) as caller:
        await proxies.drop_answers(SERVER)
        caller.send(b"one")
        with pytest.raises(TimeoutError):
            await caller.receive(SILENCE_S)
        assert echo.received == b"one"
        await proxies.keep_answers(SERVER)
        assert await caller.receive() == b""
        async with connected(proxies) as again:
            again.send(b"two")
            assert await again.receive() == b"two"


async def test_cut_ends_open_connections_and_accepts_new_ones() -> None:
    async with running() as (proxies, _), connected(proxies) as caller:
        caller.send(b"here")
        assert await caller.receive() == b"here"
        await proxies.cut(SERVER)
        assert await caller.receive() == b""
        async with connected(proxies) as again:
            again.send(b"one")
            assert await again.receive() == b"one"


async def test_stopped_proxy_refuses_connections_until_it_is_started() -> None:
    async with running() as (proxies, _):
        await proxies.stop(SERVER)
        with pytest.raises(ConnectionRefusedError):
            async with connected(proxies):
                pass
        await proxies.start(SERVER)
        async with connected(proxies) as caller:
            caller.send(b"one")
            assert await caller.receive() == b"one"


async def test_latency_is_added_in_each_direction() -> None:
    async with running() as (proxies, _), connected(proxies) as caller:
        await proxies.slow(SERVER, SILENCE_S)
        begun = monotonic()
        caller.send(b"one")
        assert await caller.receive() == b"one"
        assert monotonic() - begun > 1.9 * SILENCE_S


def test_cut_of_a_delayed_connection_raises_nothing() -> None:
    """uvloop raises on a write to a closed connection; no other loop does."""
    errors: list[dict[str, Any]] = []

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        echo = Echo()
        async with await asyncio.start_server(echo.serve, LOOPBACK, 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with tcp_proxy(LOOPBACK, port) as proxy:
                proxy.latency = SILENCE_S
                caller = Caller(*await asyncio.open_connection(LOOPBACK, proxy.port))
                caller.send(b"one")
                await asyncio.sleep(SILENCE_S / 2)
                proxy.cut()
                assert await caller.receive() == b""
                caller.disconnect()
                proxy.latency = 0
                again = Caller(*await asyncio.open_connection(LOOPBACK, proxy.port))
                again.send(b"two")
                assert await again.receive() == b"two"
                # By now the first chunk would have been written.
                await asyncio.sleep(SILENCE_S)
                assert not errors
                again.disconnect()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())

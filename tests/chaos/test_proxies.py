"""The network does what it is told: a gate that lets through what it should stop proves nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chaos.proxies import Gates, Server
from common.clock import elapsed
from devstack.processes import LOOPBACK

SERVER: Server = "kafka"
PROMPT_S = 5
SILENCE_S = 0.2


class Echo:
    """A server that answers as it is called, and keeps what it heard."""

    def __init__(self) -> None:
        self.heard = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(100):
            self.heard += piece
            writer.write(piece)
        writer.close()


class Caller:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def say(self, words: bytes) -> None:
        self._writer.write(words)

    async def hears(self, within: float = PROMPT_S) -> bytes:
        """Return what comes next; nothing when the connection has ended."""
        async with asyncio.timeout(within):
            try:
                return await self._reader.read(100)
            except ConnectionError:
                return b""

    def leave(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def standing() -> AsyncIterator[tuple[Gates, Echo]]:
    echo = Echo()
    async with await asyncio.start_server(echo.serve, LOOPBACK, 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Gates().standing({"postgres": port, "kafka": port}) as gates:
            yield gates, echo


@asynccontextmanager
async def calling(gates: Gates) -> AsyncIterator[Caller]:
    caller = Caller(*await asyncio.open_connection(LOOPBACK, gates.ports[SERVER]))
    try:
        yield caller
    finally:
        caller.leave()


async def test_paused_nothing_passes_and_then_all_does() -> None:
    async with standing() as (gates, echo), calling(gates) as caller:
        await gates.pause(SERVER)
        caller.say(b"one")
        with pytest.raises(TimeoutError):
            await caller.hears(SILENCE_S)
        assert not echo.heard
        await gates.resume(SERVER)
        assert await caller.hears() == b"one"


async def test_a_lost_answer_was_heard_by_the_server_and_ends_the_connection() -> None:
    async with standing() as (gates, echo), calling(gates) as caller:
        await gates.drop_answers(SERVER)
        caller.say(b"one")
        with pytest.raises(TimeoutError):
            await caller.hears(SILENCE_S)
        assert echo.heard == b"one"
        await gates.keep_answers(SERVER)
        assert await caller.hears() == b""
        async with calling(gates) as again:
            again.say(b"two")
            assert await again.hears() == b"two"


async def test_cut_off_it_ends_what_is_open_and_who_comes_again_is_let_through() -> None:
    async with standing() as (gates, _), calling(gates) as caller:
        caller.say(b"here")
        assert await caller.hears() == b"here"
        await gates.cut(SERVER)
        assert await caller.hears() == b""
        async with calling(gates) as again:
            again.say(b"one")
            assert await again.hears() == b"one"


async def test_shut_it_refuses_until_it_is_open() -> None:
    async with standing() as (gates, _):
        await gates.shut(SERVER)
        with pytest.raises(ConnectionRefusedError):
            async with calling(gates):
                pass
        await gates.open(SERVER)
        async with calling(gates) as caller:
            caller.say(b"one")
            assert await caller.hears() == b"one"


async def test_slow_it_takes_at_least_as_long_as_it_is_told_there_and_back() -> None:
    async with standing() as (gates, _), calling(gates) as caller:
        await gates.slow(SERVER, SILENCE_S)
        begun = elapsed()
        caller.say(b"one")
        assert await caller.hears() == b"one"
        assert elapsed() - begun > 1.9 * SILENCE_S

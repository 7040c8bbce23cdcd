"""An outside system that takes a call, and then does what none should; on loopback."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final, Self

_BIG: Final = b"x" * 10_000_000
# Closing sends a reset in place of an orderly end.
_NO_LINGER: Final = struct.pack("ii", 1, 0)

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Answer nothing until the caller gives up."""
    while await reader.read(65_536):
        pass


async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()


def answer(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    """Answer by HTTP; underscores in the names of headers are hyphens."""
    lines = [f"HTTP/1.1 {status} Hm", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return says(head + body)


def says(text: bytes) -> Behaviour:
    async def write(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()

    return write


big: Final = answer(200, _BIG, Content_Type="application/json")
# A mail server whose greeting has no end.
big_greeting: Final = says(b"220 " + _BIG)


class HostileServer:
    """`calls` is how many connections it had. With `reads_first`, it takes a request of HTTP."""

    def __init__(self, behaviour: Behaviour, *, reads_first: bool = True) -> None:
        self.calls = 0
        self.port = 0
        self._behaviour = behaviour
        self._reads_first = reads_first
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        self._writers.add(writer)
        try:
            if self._reads_first:
                await _read_request(reader)
            await self._behaviour(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            # The caller has given up.
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


async def _read_request(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.partition(b":")[2]))

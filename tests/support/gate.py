"""A TCP gate before a server: shut it, and the server is away; open it, and it is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import make_url

_LOCALHOST = "127.0.0.1"


class Gate:
    """Forwards one local port to a server."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    def before(self, url: str) -> str:
        """Return the URL by which to reach the server through this gate."""
        gated = make_url(url).set(host=_LOCALHOST, port=self.port)
        return gated.render_as_string(hide_password=False)

    async def open(self) -> None:
        """Let connections through, at the same port as before."""
        self._server = await asyncio.start_server(self._serve, _LOCALHOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Refuse new connections and cut those that are open."""
        if self._server is None:
            return
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, inner_writer}
        self._writers |= ends
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(_pump(reader, inner_writer))
                pumps.create_task(_pump(inner_reader, writer))
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    # The other direction ends as well: neither of our protocols uses half-closed connections.
    writer.transport.abort()


@asynccontextmanager
async def gate_before(host: str, port: int) -> AsyncIterator[Gate]:
    made = Gate(host, port)
    await made.open()
    try:
        yield made
    finally:
        await made.shut()

"""A TCP gate before a server: what a network does to connections, done on purpose."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import make_url

_LOCALHOST = "127.0.0.1"


class Gate:
    """Forwards one local port to a server.

    Shut it, and the server is away; open it, and it is back. `latency`, in seconds, is added to
    each piece in each direction.
    """

    def __init__(self, host: str, port: int, *, at: int = 0) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._robbed: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._deaf = False
        self.latency = 0.0
        self.port = at

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
        self.cut()
        await self._server.wait_closed()
        self._server = None

    def cut(self) -> None:
        """Cut the connections that are open; who comes again is let through."""
        _abort(self._writers)

    def pause(self) -> None:
        """Hold back all that is sent, and take connections that nobody answers."""
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    def drop_answers(self) -> None:
        """Let the server hear everything, and nobody hear the server."""
        self._deaf = True

    def keep_answers(self) -> None:
        """Cut the connections that have lost something; from now on all is heard."""
        self._deaf = False
        _abort(self._robbed)

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
                pumps.create_task(self._pump(reader, inner_writer))
                pumps.create_task(self._pump(inner_reader, writer, answers=True))
        finally:
            self._writers -= ends
            self._robbed -= ends
            _abort(ends)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(65536):
                await self._flowing.wait()
                if self.latency:
                    await asyncio.sleep(self.latency)
                if answers and self._deaf:
                    self._robbed.add(writer)
                    continue
                writer.write(chunk)
                await writer.drain()
        # The other direction ends as well: neither of our protocols uses half-closed connections.
        writer.transport.abort()


def _abort(ends: set[asyncio.StreamWriter]) -> None:
    for end in ends:
        end.transport.abort()


@asynccontextmanager
async def gate_before(host: str, port: int, *, at: int = 0) -> AsyncIterator[Gate]:
    made = Gate(host, port, at=at)
    await made.open()
    try:
        yield made
    finally:
        await made.shut()

"""A TCP proxy in front of a server that disturbs connections as a bad network does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import make_url

_LOCALHOST = "127.0.0.1"


class TcpProxy:
    """Forwards one local port to a server.

    While it is stopped, the server cannot be reached. `latency`, in seconds, is added to each chunk
    in each direction.
    """

    def __init__(self, host: str, port: int, *, listen_on: int = 0) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._lossy: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._drops_answers = False
        self.latency = 0.0
        self.port = listen_on

    def url(self, server_url: str) -> str:
        """Return the URL that reaches the server through this proxy."""
        through = make_url(server_url).set(host=_LOCALHOST, port=self.port)
        return through.render_as_string(hide_password=False)

    async def start(self) -> None:
        """Accept connections, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, _LOCALHOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse new connections and cut the open ones."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        self.cut()
        await server.wait_closed()

    def cut(self) -> None:
        """Cut the open connections; new ones are accepted."""
        _abort(self._writers)

    def pause(self) -> None:
        """Hold back all data; connections are still accepted."""
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    def drop_answers(self) -> None:
        """Forward to the server, and drop what it sends back."""
        self._drops_answers = True

    def keep_answers(self) -> None:
        """Stop dropping answers, and cut the connections that have lost one."""
        self._drops_answers = False
        _abort(self._lossy)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with suppress(OSError):
                server_reader, server_writer = await asyncio.open_connection(*self._target)
                await self._forward(reader, writer, server_reader, server_writer)
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
    ) -> None:
        self._writers.add(server_writer)
        try:
            async with asyncio.TaskGroup() as directions:
                directions.create_task(self._pump(reader, server_writer))
                directions.create_task(self._pump(server_reader, writer, answers=True))
        finally:
            self._writers.discard(server_writer)
            self._lossy.discard(writer)
            server_writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(65536):
                await self._flowing.wait()
                if self.latency:
                    await asyncio.sleep(self.latency)
                if answers and self._drops_answers:
                    self._lossy.add(writer)
                    continue
                # It may have been cut while the chunk was held back; uvloop raises on a write then.
                if writer.transport.is_closing():
                    break
                writer.write(chunk)
                await writer.drain()
        # The other direction ends as well: neither of our protocols uses half-closed connections.
        writer.transport.abort()


def _abort(writers: set[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.transport.abort()


@asynccontextmanager
async def tcp_proxy(host: str, port: int, *, listen_on: int = 0) -> AsyncIterator[TcpProxy]:
    proxy = TcpProxy(host, port, listen_on=listen_on)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()

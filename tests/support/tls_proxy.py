"""PostgreSQL's side of TLS, in front of a server whose build has none."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

# The client asks for TLS with the length 8 and this number (PostgreSQL's protocol, 54.7).
_SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
_CHUNK = 65536


@dataclass
class TlsProxy:
    port: int
    # Connections that were encrypted.
    encrypted: int = 0


@asynccontextmanager
async def tls_proxy(host: str, port: int, certificate: Path) -> AsyncIterator[TlsProxy]:
    """Forward encrypted connections to a PostgreSQL server, and close all others.

    `certificate` is a PEM file with the key and the certificate.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if await reader.readexactly(len(_SSL_REQUEST)) == _SSL_REQUEST:
                writer.write(b"S")
                await writer.start_tls(context)
                proxy.encrypted += 1
                await _forward(reader, writer, host, port)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy = TlsProxy(server.sockets[0].getsockname()[1])
    async with server:
        yield proxy


async def _forward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
) -> None:
    server_reader, server_writer = await asyncio.open_connection(host, port)
    async with asyncio.TaskGroup() as group:
        group.create_task(_copy(reader, server_writer))
        group.create_task(_copy(server_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()

"""An HTTP server with limits, and clients that speak to it over raw sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from common.core.metrics import Metrics
from common.http.limits import HttpLimits, TrustedProxies
from common.http.server import HttpServer
from devstack import free_port
from support.probe import run_workers, sum_samples
from support.waiting import until

ELSEWHERE = "127.0.0.2"
MEGABYTE = 1024 * 1024
# Times that end only in the tests of that time.
LIMITS = HttpLimits(head_s=300, body_s=300, answer_s=300, linger_s=0.5, idle_s=300)
GET = b"GET /v1/small HTTP/1.1\r\nHost: x\r\n"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of the problem that it must be."""
        assert self.headers["content-type"] == "application/problem+json"
        assert self.headers["x-content-type-options"] == "nosniff"
        kind: str = json.loads(self.body)["type"]
        return kind.removeprefix("urn:upstairs:problem:")


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        """Send all, or what the server takes before it hangs up."""
        try:
            for start in range(0, len(data), MEGABYTE):
                self.writer.write(data[start : start + MEGABYTE])
                await self.writer.drain()
        except ConnectionError:
            return

    async def answer(self) -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(head[0].split(" ")[1]), headers, body)

    async def is_closed(self) -> bool:
        """Read until the server closes the connection."""
        try:
            async with asyncio.timeout(60):
                while await self.reader.read(MEGABYTE):
                    pass
        except ConnectionError:
            return True
        return True


@dataclass(frozen=True)
class Server:
    port: int
    metrics: Metrics

    @asynccontextmanager
    async def connect(self, address: str = "127.0.0.1") -> AsyncIterator[Connection]:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=(address, 0)
        )
        try:
            yield Connection(reader, writer)
        finally:
            writer.transport.abort()

    async def ask(self, data: bytes, address: str = "127.0.0.1") -> Answer:
        """Send data and read the answer meanwhile."""
        async with self.connect(address) as connection, asyncio.timeout(60):
            sending = asyncio.ensure_future(connection.send(data))
            answer = await connection.answer()
            sending.cancel()
            return answer

    async def assert_serves(self, address: str = "127.0.0.1") -> None:
        """200, or without this route the answer of the router."""
        answer = await self.ask(GET + b"Connection: close\r\n\r\n", address)
        assert answer.status in {200, 404}

    def refused(self, reason: str) -> float:
        return sum_samples(self.metrics.http_refused, reason=reason)


@asynccontextmanager
async def serve(
    app: FastAPI, limits: HttpLimits = LIMITS, proxies: str = ""
) -> AsyncIterator[Server]:
    port, metrics = free_port(), Metrics()
    server = HttpServer(
        app, "127.0.0.1", port, metrics, limits=limits, proxies=TrustedProxies(proxies)
    )
    async with run_workers(server):
        await until(lambda: server.started)
        yield Server(port, metrics)

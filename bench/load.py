"""The load generator: a separate process with a very cheap HTTP client.

httpx would take several times the CPU, on cores that the services need. This client supports only
keep-alive and Content-Length, which is all that uvicorn uses.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, NamedTuple

import orjson
import uvloop

from common.core.clock import TimeSource
from common.core.ids import new_id

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_wall = TimeSource().utc_now


class RequestRefusedError(Exception):
    """A service answered with a status other than 2xx."""


class Target(NamedTuple):
    port: int
    key: str


class Post(NamedTuple):
    path: str
    body: bytes


class SentPost(NamedTuple):
    """Times in seconds since the epoch; `intended_at` is when the request should go out."""

    contact_id: str
    intended_at: float
    answered_at: float


class Load(NamedTuple):
    sent: list[SentPost]
    cpu_seconds: float


@dataclass
class LoadGenerator:
    """Sends requests from one separate process."""

    process: ProcessPoolExecutor

    async def closed_loop(self, target: Target, posts: Sequence[Post], concurrency: int) -> Load:
        """Keep `concurrency` requests open until all are answered."""
        return await self._run(_closed, target, posts, concurrency)

    async def open_loop(self, target: Target, posts: Sequence[Post], at: Sequence[float]) -> Load:
        """Send each request at its second from now, without waiting for earlier answers."""
        return await self._run(_open, target, posts, at)

    async def _run(self, load: Any, *args: Any) -> Load:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.process, _measured, load, args)


@contextmanager
def open_load_generator() -> Iterator[LoadGenerator]:
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        yield LoadGenerator(process)


def _measured(load: Any, args: tuple[Any, ...]) -> Load:
    begun = time.process_time()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            sent = runner.run(load(*args))
        except BaseExceptionGroup as failures:
            # The first failure made the others fail.
            raise failures.exceptions[0] from None
    return Load(sent, time.process_time() - begun)


async def _closed(target: Target, posts: Sequence[Post], concurrency: int) -> list[SentPost]:
    waiting = iter(posts)
    sent: list[SentPost] = []

    async def keep_sending(client: Client) -> None:
        for post in waiting:
            answered = await client.send(post, _wall().timestamp())
            sent.append(answered)

    async with connected(target, concurrency) as client, asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(keep_sending(client))
    return sent


async def _open(target: Target, posts: Sequence[Post], at: Sequence[float]) -> list[SentPost]:
    sent: list[SentPost] = []

    async def send(client: Client, post: Post, intended_at: float) -> None:
        sent.append(await client.send(post, intended_at))

    async with connected(target, 20) as client, asyncio.TaskGroup() as group:
        begun = _wall().timestamp()
        for post, offset in zip(posts, at, strict=True):
            await asyncio.sleep(begun + offset - _wall().timestamp())
            group.create_task(send(client, post, begun + offset))
    return sent


@dataclass
class Client:
    """One connection for each open request; idle connections are reused."""

    target: Target
    _idle: list[Connection] = field(default_factory=list)

    async def connect(self) -> Connection:
        return await asyncio.open_connection("127.0.0.1", self.target.port)

    async def send(self, post: Post, intended_at: float) -> SentPost:
        head, body = await self._exchange(_request(self.target, post))
        answered_at = _wall().timestamp()
        if head[9:10] != b"2":
            message = f"{post.path} answered {head[9:12].decode()}: {body.decode()}"
            raise RequestRefusedError(message)
        # Only the answer to a new contact has an id of interest; Salesforce's answers are XML.
        contact_id = "" if body.startswith(b"<") else orjson.loads(body).get("contact_id", "")
        return SentPost(contact_id, intended_at, answered_at)

    async def _exchange(self, request: bytes) -> tuple[bytes, bytes]:
        # The one that waited longest: the server ends a connection that sends nothing for 10 s.
        connection = self._idle.pop(0) if self._idle else await self.connect()
        try:
            return await self._roundtrip(connection, request)
        except (asyncio.IncompleteReadError, ConnectionError):
            # The server closed an idle connection. The idempotency key makes a second send safe.
            return await self._roundtrip(await self.connect(), request)

    async def _roundtrip(self, connection: Connection, request: bytes) -> tuple[bytes, bytes]:
        reader, writer = connection
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        self._idle.append(connection)
        return head, body

    async def warm(self, connections: int) -> None:
        self._idle = [await self.connect() for _ in range(connections)]

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()


@asynccontextmanager
async def connected(target: Target, connections: int) -> AsyncIterator[Client]:
    client = Client(target)
    await client.warm(connections)
    try:
        yield client
    finally:
        client.close()


def _request(target: Target, post: Post) -> bytes:
    return (
        f"POST {post.path} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
        f"Authorization: Bearer {target.key}\r\nIdempotency-Key: {new_id()}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(post.body)}\r\n\r\n"
    ).encode() + post.body


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0])

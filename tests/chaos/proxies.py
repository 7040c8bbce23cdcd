"""The proxies in front of PostgreSQL and Kafka, in their own process so that no load slows them.

The process reads one command per line from its standard input, and exits when that closes.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import orjson
import uvloop

from devstack import free_port
from devstack.processes import LOOPBACK
from support.tcp_proxy import TcpProxy, tcp_proxy

Server = Literal["postgres", "kafka"]
SERVERS: tuple[Server, ...] = ("postgres", "kafka")
BOTH = SERVERS


class ProxyError(Exception):
    """The process that runs the proxies has ended."""


@dataclass
class Proxies:
    """Each method changes what happens to the connections to one server."""

    ports: dict[Server, int] = field(
        default_factory=lambda: {server: free_port() for server in SERVERS}
    )
    _child: asyncio.subprocess.Process | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def running(self, targets: dict[Server, int]) -> AsyncIterator["Proxies"]:
        """Run a proxy in front of each server; `targets` are the servers' own ports."""
        plan = {server: (self.ports[server], targets[server]) for server in SERVERS}
        self._child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "chaos.proxies", orjson.dumps(plan).decode()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": ":".join(sys.path)},
        )
        await self._wait_for_answer()
        try:
            yield self
        finally:
            assert self._child.stdin is not None
            self._child.stdin.close()
            await self._child.wait()

    async def stop(self, server: Server) -> None:
        await self._send(server, "stop")

    async def start(self, server: Server) -> None:
        await self._send(server, "start")

    async def cut(self, server: Server) -> None:
        await self._send(server, "cut")

    async def pause(self, server: Server) -> None:
        await self._send(server, "pause")

    async def resume(self, server: Server) -> None:
        await self._send(server, "resume")

    async def drop_answers(self, server: Server) -> None:
        await self._send(server, "drop_answers")

    async def keep_answers(self, server: Server) -> None:
        await self._send(server, "keep_answers")

    async def slow(self, server: Server, seconds: float) -> None:
        await self._send(server, "slow", seconds)

    async def _send(self, server: Server, command: str, *values: float) -> None:
        if self._child is None or self._child.stdin is None:
            raise ProxyError
        async with self._lock:
            self._child.stdin.write(orjson.dumps([server, command, *values]) + b"\n")
            await self._wait_for_answer()

    async def _wait_for_answer(self) -> None:
        assert self._child is not None
        assert self._child.stdout is not None
        if not await self._child.stdout.readline():
            raise ProxyError


async def _serve(plan: dict[Server, tuple[int, int]]) -> None:
    """Run the proxies and execute the commands on standard input until it closes."""
    async with AsyncExitStack() as running:
        proxies = {
            server: await running.enter_async_context(tcp_proxy(LOOPBACK, target, listen_on=port))
            for server, (port, target) in plan.items()
        }
        commands = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        _answer()
        while line := await commands.readline():
            server, command, *values = orjson.loads(line)
            await _execute(proxies[server], command, *values)
            _answer()


async def _execute(proxy: TcpProxy, command: str, seconds: float = 0) -> None:
    match command:
        case "stop":
            await proxy.stop()
        case "start":
            await proxy.start()
        case "slow":
            proxy.latency = seconds
        case _:
            getattr(proxy, command)()


def _answer() -> None:
    sys.stdout.write("done\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(orjson.loads(arguments[0])))


if __name__ == "__main__":
    main(sys.argv[1:])

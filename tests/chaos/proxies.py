"""The gates before PostgreSQL and Kafka, in a process of their own: no load slows them down.

The process does what it is told line by line, and ends with whoever started it.
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
from support.tcp_proxy import Gate, gate_before

Server = Literal["postgres", "kafka"]
SERVERS: tuple[Server, ...] = ("postgres", "kafka")
BOTH = SERVERS


class GateError(Exception):
    """The process of the gates is gone."""


@dataclass
class Gates:
    """Each verb says what becomes of the connections to one server."""

    ports: dict[Server, int] = field(
        default_factory=lambda: {server: free_port() for server in SERVERS}
    )
    _child: asyncio.subprocess.Process | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def standing(self, behind: dict[Server, int]) -> AsyncIterator["Gates"]:
        """Let the gates stand before the ports `behind` them."""
        plan = {server: (self.ports[server], behind[server]) for server in SERVERS}
        self._child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "chaos.proxies", orjson.dumps(plan).decode()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": ":".join(sys.path)},
        )
        await self._answer()
        try:
            yield self
        finally:
            assert self._child.stdin is not None
            self._child.stdin.close()
            await self._child.wait()

    async def shut(self, server: Server) -> None:
        await self._tell(server, "shut")

    async def open(self, server: Server) -> None:
        await self._tell(server, "open")

    async def cut(self, server: Server) -> None:
        await self._tell(server, "cut")

    async def pause(self, server: Server) -> None:
        await self._tell(server, "pause")

    async def resume(self, server: Server) -> None:
        await self._tell(server, "resume")

    async def drop_answers(self, server: Server) -> None:
        await self._tell(server, "drop_answers")

    async def keep_answers(self, server: Server) -> None:
        await self._tell(server, "keep_answers")

    async def slow(self, server: Server, seconds: float) -> None:
        await self._tell(server, "slow", seconds)

    async def _tell(self, server: Server, verb: str, *values: float) -> None:
        if self._child is None or self._child.stdin is None:
            raise GateError
        async with self._turn:
            self._child.stdin.write(orjson.dumps([server, verb, *values]) + b"\n")
            await self._answer()

    async def _answer(self) -> None:
        assert self._child is not None
        assert self._child.stdout is not None
        if not await self._child.stdout.readline():
            raise GateError


async def _keep(plan: dict[Server, tuple[int, int]]) -> None:
    """Keep the gates and obey what comes on standard input, until that ends."""
    async with AsyncExitStack() as held:
        gates = {
            server: await held.enter_async_context(gate_before(LOOPBACK, behind, at=port))
            for server, (port, behind) in plan.items()
        }
        orders = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
        _say_done()
        while line := await orders.readline():
            server, verb, *values = orjson.loads(line)
            await _obey(gates[server], verb, *values)
            _say_done()


async def _obey(gate: Gate, verb: str, seconds: float = 0) -> None:
    match verb:
        case "shut":
            await gate.shut()
        case "open":
            await gate.open()
        case "slow":
            gate.latency = seconds
        case _:
            getattr(gate, verb)()


def _say_done() -> None:
    sys.stdout.write("done\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_keep(orjson.loads(arguments[0])))


if __name__ == "__main__":
    main(sys.argv[1:])

"""What a fault works on, and who keeps the services up meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer

from chaos.breakpoints import Orders
from chaos.load import Load
from chaos.proxies import Proxies
from chaos.system import World
from devstack import LocalServer
from stage.system import SERVICES

LOOK_EVERY_S = 0.1
KILLED = -9


class SkippedFault(Exception):
    """This machine does not allow it; the message says why."""


@dataclass
class Keeper:
    """Starts again what has ended, as an orchestrator does; `surprises` are what nobody killed."""

    world: World
    surprises: list[str] = field(default_factory=list)
    _held: set[str] = field(default_factory=set)

    @contextmanager
    def leaving_down(self, replicas: Sequence[str]) -> Iterator[None]:
        self._held |= set(replicas)
        try:
            yield
        finally:
            self._held -= set(replicas)

    async def keep(self) -> None:
        while True:
            for name, process in list(self.world.system.processes.items()):
                if not process.running and name not in self._held:
                    if process.exit_code != KILLED:
                        told = f"{name} ended by itself with {process.exit_code}"
                        self.surprises.append(f"{told}\n{process.log_tail()}")
                    process.start()
            await asyncio.sleep(LOOK_EVERY_S)


@dataclass
class Scene:
    """`random` is the fault's own, so that its choices don't depend on who came before.

    `poison` collects the places of records that nobody can handle.
    """

    world: World
    proxies: Proxies
    orders: Orders
    keeper: Keeper
    load: Load
    # A small file system that holds the database's tables, or why there is none.
    disk: Path | str
    random: Random = field(default_factory=Random)
    poison: set[str] = field(default_factory=set)
    said: list[str] = field(default_factory=list)

    def say(self, what: str) -> None:
        """Add to the line that is printed when the fault ends."""
        self.said.append(what)

    @property
    def postgres(self) -> LocalServer:
        return _local(self.world.system.stack.postgres)

    @property
    def kafka(self) -> LocalServer:
        return _local(self.world.system.stack.kafka)

    def a_service(self) -> str:
        return self.random.choice(SERVICES)

    def a_replica(self) -> str:
        return self.random.choice(self.world.system.replicas_of(self.a_service()))

    def live_contacts(self, count: int) -> list[str]:
        """Choose among those that came last, where most is still going on."""
        return self.random.sample(list(self.load.accepted.values())[-10 * count :], count)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[Any]:
        """A superuser's connection that passes no gate."""
        url = self.world.system.admin_url.replace("+asyncpg", "")
        connection = await asyncpg.connect(url)
        try:
            yield connection
        finally:
            await connection.close(timeout=5)

    @asynccontextmanager
    async def producer(self) -> AsyncIterator[Any]:
        """Somebody who may write to our topics, and should not."""
        producer = AIOKafkaProducer(bootstrap_servers=self.world.sources.kafka_bootstrap)
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()


def _local(server: object) -> LocalServer:
    assert isinstance(server, LocalServer), "faults need servers that are our own processes"
    return server

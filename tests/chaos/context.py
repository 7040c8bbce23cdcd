"""What a fault works on, and the restarter of the services that it kills."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer

from chaos.breakpoints import Breakpoints
from chaos.load import Load
from chaos.proxies import Proxies
from chaos.system import SystemUnderTest
from common.contracts.services import EVENT_SERVICES
from devstack import LocalServer

POLL_S = 0.1
KILLED_EXIT_CODE = -9


class SkippedFaultError(Exception):
    """This machine does not allow the fault; the message says why."""


@dataclass
class Restarter:
    """Restarts every process that has ended, as an orchestrator does.

    `unexpected_exits` describes the exits that no fault caused.
    """

    under_test: SystemUnderTest
    unexpected_exits: list[str] = field(default_factory=list)
    _left_down: set[str] = field(default_factory=set)

    @contextmanager
    def leaving_down(self, replicas: Sequence[str]) -> Iterator[None]:
        self._left_down |= set(replicas)
        try:
            yield
        finally:
            self._left_down -= set(replicas)

    async def run(self) -> None:
        while True:
            for name, process in list(self.under_test.system.processes.items()):
                if not process.running and name not in self._left_down:
                    if process.exit_code != KILLED_EXIT_CODE:
                        exit_ = f"{name} ended by itself with {process.exit_code}"
                        self.unexpected_exits.append(f"{exit_}\n{process.log_tail()}")
                    process.start()
            await asyncio.sleep(POLL_S)


@dataclass
class Context:
    """What a fault works on.

    Each fault has its own `random`, so that its choices do not depend on earlier faults. `poison`
    collects the origins of records that no service can handle. `patience_s` is how long to wait for
    an effect that must come; it is longer on a slow machine.
    """

    under_test: SystemUnderTest
    proxies: Proxies
    breakpoints: Breakpoints
    restarter: Restarter
    load: Load
    # A small file system for the database's tables, or the reason why there is none.
    disk: Path | str
    random: Random = field(default_factory=Random)
    poison: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    patience_s: float = 60

    def note(self, text: str) -> None:
        """Add to the line that the run prints when the fault ends."""
        self.notes.append(text)

    @property
    def postgres(self) -> LocalServer:
        return _local(self.under_test.system.stack.postgres)

    @property
    def kafka(self) -> LocalServer:
        return _local(self.under_test.system.stack.kafka)

    def any_service(self) -> str:
        return self.random.choice(EVENT_SERVICES)

    def any_replica(self) -> str:
        return self.random.choice(self.under_test.system.replicas_of(self.any_service()))

    def live_contacts(self, count: int) -> list[str]:
        """Choose among the newest contacts, which are the busiest; maybe fewer than `count`."""
        newest = list(self.load.accepted.values())[-10 * count :]
        return self.random.sample(newest, min(count, len(newest)))

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[Any]:
        """A superuser's connection, without a proxy."""
        url = self.under_test.system.admin_url.replace("+asyncpg", "")
        connection = await asyncpg.connect(url)
        try:
            yield connection
        finally:
            await connection.close(timeout=60)

    @asynccontextmanager
    async def producer(self) -> AsyncIterator[Any]:
        """A foreign producer that writes to our topics."""
        producer = AIOKafkaProducer(**self.under_test.sources.kafka.options)
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()


def _local(server: object) -> LocalServer:
    assert isinstance(server, LocalServer), "faults need servers that run as our own processes"
    return server

"""One process of a service with its own database and topics, fed with events of other services."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import asyncpg
import msgspec
from aiokafka import AIOKafkaProducer

import devstack
from bench.testbed import DeadLettersError
from bench.topics import EventReader, read_topics
from common.contracts.event import Event
from common.contracts.services import TOPIC_OWNERS, source_of
from common.core.ids import EventId, new_id
from common.messaging.envelope import Envelope, encode
from common.messaging.kafka import topic_name
from common.messaging.signatures import RecordContent
from stage.actors import Actors
from stage.system import Replica, System, open_receivers


@dataclass
class ServiceTestbed:
    stack: devstack.Stack
    system: System
    actors: Actors
    topics: EventReader
    service: str

    @property
    def process(self) -> devstack.Process:
        return self.system.processes[self.service]

    @property
    def dsn(self) -> str:
        return _dsn(self.system)

    async def fetch(self, query: str, *args: object) -> list[Any]:
        return await _fetch(self.dsn, query, *args)

    async def publish(
        self, events: Iterable[Event], pause_s: float = 0, signed_together: int = 1
    ) -> None:
        """Publish events as their owners do, those of each key in this order.

        With `pause_s` each is made and sent so long after the one before. `signed_together`: as
        many of the same owner share a signature, as those of one batch of a relay.
        """
        producer: Any = AIOKafkaProducer(**self.system.kafka.options, acks="all")
        await producer.start()
        sequences: dict[tuple[str, str], int] = {}
        remaining = iter(events)
        while batch := list(islice(remaining, signed_together)):
            signing_key = self.system.signing_keys[TOPIC_OWNERS[batch[0].topic]]
            records = [self._record(event, sequences) for event in batch]
            for record, signature in zip(records, signing_key.sign(records), strict=True):
                headers = [*record.headers, *signature]
                await producer.send(record.topic, record.value, key=record.key, headers=headers)
            if pause_s:
                await asyncio.sleep(pause_s)
        await producer.stop()

    def _record(self, event: Event, sequences: dict[tuple[str, str], int]) -> RecordContent:
        stream = event.topic, event.key
        sequences[stream] = sequences.get(stream, 0) + 1
        topic = topic_name(self.system.namespace, event.topic)
        headers = encode(_envelope(event, sequences[stream]))
        return RecordContent(topic, event.key.encode(), headers, msgspec.json.encode(event))

    async def restart(self) -> None:
        self.process.start()
        await self.process.wait_ready(60)

    async def check_clean(self) -> None:
        await check_clean(self.system, self.service)


def _envelope(event: Event, sequence: int) -> Envelope:
    return Envelope(
        id=EventId(new_id()),
        type=event.type,
        source=source_of(TOPIC_OWNERS[event.topic]),
        key=event.key,
        sequence=sequence,
        traceparent="00-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
    )


async def check_clean(system: System, service: str) -> None:
    """Raises DeadLettersError if the service has some."""
    (dead,) = await _fetch(_dsn(system), f"SELECT count(*) FROM {service}.dead_letters")
    if dead[0]:
        message = f"{dead[0]} dead letters; logs in {system.logs}"
        raise DeadLettersError(message)


def _dsn(system: System) -> str:
    return system.admin_url.replace("+asyncpg", "")


async def _fetch(dsn: str, query: str, *args: object) -> list[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        rows: list[Any] = await connection.fetch(query, *args)
        return rows
    finally:
        await connection.close()


@asynccontextmanager
async def open_service(
    stack: devstack.Stack, service: str, settings: Mapping[str, str]
) -> AsyncIterator[ServiceTestbed]:
    async with (
        open_process(stack, service, settings) as (system, actors),
        read_topics(system) as topics,
    ):
        yield ServiceTestbed(stack, system, actors, topics, service)


@asynccontextmanager
async def open_process(
    stack: devstack.Stack, service: str, settings: Mapping[str, str]
) -> AsyncIterator[tuple[System, Actors]]:
    """Run the service without a reader of its events, which takes CPU time of the same cores."""
    actors, logs = Actors(), Path(mkdtemp(prefix="upstairs-bench-"))
    async with open_receivers() as receivers:
        system = System(stack, receivers, actors.api_keys, logs, extra_environment=settings)
        await system.set_up()
        try:
            system.launch_replica(Replica(service))
            await system.wait_ready()
            actors.connect(system)
            yield system, actors
        finally:
            await actors.close()
            system.stop()

"""Events of the services, with the time at which they reach a consumer."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, TypeVar

import msgspec
from aiokafka import AIOKafkaConsumer

from common.contracts import TOPICS
from common.contracts.event import Event
from common.core.clock import TimeSource
from common.messaging.envelope import type_of
from common.messaging.kafka import topic_name
from stage.system import System

E = TypeVar("E", bound=Event)


class LostEventError(Exception):
    """An accepted contact lacks an event that it must have."""


class Arrival(NamedTuple):
    """Times in seconds since the epoch: Kafka's time of the record, and our receipt."""

    value: bytes
    published_at: float
    arrived_at: float

    def event(self, kind: type[E]) -> E:
        return msgspec.json.decode(self.value, type=kind)


class EventReader:
    """Keeps the first event of each type and contact; parses it only on request."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], Arrival] = {}
        self._added = asyncio.Event()
        self.records = 0

    def add(self, record: Any, arrived_at: float) -> None:
        self.records += 1
        key = (type_of(record.headers) or "", record.key.decode())
        self._first.setdefault(key, Arrival(record.value, record.timestamp / 1000, arrived_at))

    def notify(self) -> None:
        self._added.set()

    def clear(self) -> None:
        """Drop all events, so that a long run needs no more memory than a short one."""
        self._first.clear()

    def first(self, kind: type[Event], contact_id: str) -> Arrival:
        return self._first[kind.type, contact_id]

    async def wait_for_all(
        self, kind: type[Event], contact_ids: Collection[str], timeout_s: float = 30
    ) -> list[Arrival]:
        """Wait until each contact has such an event.

        Raises LostEventError when no event arrives for `timeout_s`.
        """
        missing = set(contact_ids)
        while missing := {
            contact_id for contact_id in missing if (kind.type, contact_id) not in self._first
        }:
            self._added.clear()
            try:
                await asyncio.wait_for(self._added.wait(), timeout_s)
            except TimeoutError:
                message = f"{len(missing)} of {len(contact_ids)} contacts have no {kind.__name__}"
                raise LostEventError(message) from None
        return [self.first(kind, contact_id) for contact_id in contact_ids]


@asynccontextmanager
async def read_topics(system: System) -> AsyncIterator[EventReader]:
    names = [topic_name(system.namespace, topic) for topic in TOPICS]
    kafka: Any = AIOKafkaConsumer(
        *names, **system.kafka.options, auto_offset_reset="earliest", enable_auto_commit=False
    )
    topics = EventReader()
    await kafka.start()
    reader = asyncio.ensure_future(_read(kafka, topics))
    try:
        yield topics
    finally:
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader
        await kafka.stop()


async def _read(kafka: Any, topics: EventReader) -> None:
    clock = TimeSource()
    while True:
        polled = await kafka.getmany(timeout_ms=1000)
        arrived_at = clock.utc_now().timestamp()
        for records in polled.values():
            for record in records:
                topics.add(record, arrived_at)
        if polled:
            topics.notify()

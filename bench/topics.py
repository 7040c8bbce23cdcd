"""What the services say on Kafka, with the time at which it reaches a consumer."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer

from common.contracts import TOPICS
from common.contracts.event import Event
from common.core.clock import TimeSource
from common.messaging.envelope import type_of
from common.messaging.relay import topic_name

E = TypeVar("E", bound=Event)


class LostError(Exception):
    """An accepted contact did not get what it must get."""


class Seen(NamedTuple):
    """Seconds since the epoch: Kafka's time for the record, and when we had it."""

    value: bytes
    published_at: float
    arrived_at: float

    def event(self, kind: type[E]) -> E:
        return kind.model_validate_json(self.value)


class Topics:
    """The first event of each type of each contact, read as they come and parsed when asked for."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], Seen] = {}
        self._news = asyncio.Event()
        self.records = 0

    def take(self, record: Any, arrived_at: float) -> None:
        self.records += 1
        key = (type_of(record.headers) or "", record.key.decode())
        self._first.setdefault(key, Seen(record.value, record.timestamp / 1000, arrived_at))

    def tell(self) -> None:
        self._news.set()

    def forget(self) -> None:
        """Drop what was read, so that a long run needs no more memory than a short one."""
        self._first.clear()

    def first(self, kind: type[Event], contact_id: str) -> Seen:
        return self._first[kind.type, contact_id]

    async def all(
        self, kind: type[Event], contact_ids: Collection[str], patience: float = 30
    ) -> list[Seen]:
        """Wait until each contact has one; raises LostError when nothing comes for `patience` s."""
        missing = set(contact_ids)
        while missing := {one for one in missing if (kind.type, one) not in self._first}:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), patience)
            except TimeoutError:
                message = f"{len(missing)} of {len(contact_ids)} contacts have no {kind.__name__}"
                raise LostError(message) from None
        return [self.first(kind, one) for one in contact_ids]


@asynccontextmanager
async def reading(bootstrap: str, namespace: str) -> AsyncIterator[Topics]:
    names = [topic_name(namespace, topic) for topic in TOPICS]
    kafka: Any = AIOKafkaConsumer(
        *names, bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    topics = Topics()
    await kafka.start()
    reader = asyncio.ensure_future(_read(kafka, topics))
    try:
        yield topics
    finally:
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader
        await kafka.stop()


async def _read(kafka: Any, topics: Topics) -> None:
    clock = TimeSource()
    while True:
        polled = await kafka.getmany(timeout_ms=1000)
        arrived_at = clock.utc_now().timestamp()
        for records in polled.values():
            for record in records:
                topics.take(record, arrived_at)
        if polled:
            topics.tell()

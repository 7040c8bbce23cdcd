"""Everything that the services say on Kafka, as it comes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer

from common.contracts import TOPICS
from common.contracts.event import ContactId, Event
from common.envelope import Envelope, decode
from common.relay import topic_name

E = TypeVar("E", bound=Event)
PATIENCE = 120.0


class NotSeenError(AssertionError):
    """What had to happen did not happen in time."""


@dataclass(frozen=True, slots=True)
class Seen:
    """`published_at` is Kafka's time for the record."""

    envelope: Envelope
    event: Event
    published_at: datetime


@dataclass
class Watch:
    """The events so far; waiters wake at each new one."""

    on_event: Callable[[Seen], None]
    seen: list[Seen] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def of(self, contact_id: ContactId) -> list[Event]:
        return [one.event for one in self.seen if one.event.contact_id == contact_id]

    def all(self, kind: type[E], contact_id: ContactId) -> list[E]:
        return [event for event in self.of(contact_id) if isinstance(event, kind)]

    async def event(
        self,
        kind: type[E],
        contact_id: ContactId,
        where: Callable[[E], bool] = lambda _: True,
    ) -> E:
        """Wait for the first such event of the contact; raises NotSeenError with what came."""

        def first() -> E | None:
            return next((one for one in self.all(kind, contact_id) if where(one)), None)

        return await self.until(first, f"{kind.__name__} of contact {contact_id}", contact_id)

    async def until(
        self, look: Callable[[], E | None], what: str, contact_id: ContactId | None = None
    ) -> E:
        try:
            async with asyncio.timeout(PATIENCE), self._news:
                while (found := look()) is None:
                    await self._news.wait()
                return found
        except TimeoutError:
            came = self.of(contact_id) if contact_id else [one.event for one in self.seen]
            told = ", ".join(type(event).__name__ for event in came) or "nothing"
            message = f"no {what} within {PATIENCE:.0f} s; what came: {told}"
            raise NotSeenError(message) from None

    async def add(self, seen: Seen) -> None:
        async with self._news:
            self.seen.append(seen)
            self._news.notify_all()
        self.on_event(seen)


@asynccontextmanager
async def watching(
    bootstrap: str, namespace: str, on_event: Callable[[Seen], None] = lambda _: None
) -> AsyncIterator[Watch]:
    topics = [topic_name(namespace, topic) for topic in TOPICS]
    kafka: Any = AIOKafkaConsumer(
        *topics, bootstrap_servers=bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=50
    )
    watch = Watch(on_event)
    await kafka.start()
    reader = asyncio.ensure_future(_read(kafka, watch))
    try:
        yield watch
    finally:
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader
        await kafka.stop()


async def _read(kafka: Any, watch: Watch) -> None:
    async for record in kafka:
        envelope, event = decode(record.key, record.headers, record.value)
        published_at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        await watch.add(Seen(envelope, event, published_at))

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
from common.messaging.envelope import Envelope, decode
from common.messaging.kafka import topic_name

E = TypeVar("E", bound=Event)
WAIT_TIMEOUT_S = 30.0


class EventMissingError(AssertionError):
    """What had to happen did not happen in time."""


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """`published_at` is Kafka's time for the record."""

    envelope: Envelope
    event: Event
    published_at: datetime


@dataclass
class EventLog:
    """The events so far; waiters wake at each new one."""

    on_event: Callable[[LoggedEvent], None]
    entries: list[LoggedEvent] = field(default_factory=list)
    _added: asyncio.Condition = field(default_factory=asyncio.Condition)

    def of_contact(self, contact_id: ContactId) -> list[Event]:
        return [one.event for one in self.entries if one.event.key == contact_id]

    def find_all(self, kind: type[E], contact_id: ContactId) -> list[E]:
        return [event for event in self.of_contact(contact_id) if isinstance(event, kind)]

    async def wait_for(
        self,
        kind: type[E],
        contact_id: ContactId,
        where: Callable[[E], bool] = lambda _: True,
    ) -> E:
        """Wait for the first such event of the contact; raises NotSeenError with what came."""

        def first() -> E | None:
            return next((one for one in self.find_all(kind, contact_id) if where(one)), None)

        return await self.wait_until(first, f"{kind.__name__} of contact {contact_id}", contact_id)

    async def wait_until(
        self, look: Callable[[], E | None], what: str, contact_id: ContactId | None = None
    ) -> E:
        try:
            async with asyncio.timeout(WAIT_TIMEOUT_S), self._added:
                while (found := look()) is None:
                    await self._added.wait()
                return found
        except TimeoutError:
            came = (
                self.of_contact(contact_id) if contact_id else [one.event for one in self.entries]
            )
            told = ", ".join(type(event).__name__ for event in came) or "nothing"
            message = f"no {what} within {WAIT_TIMEOUT_S:.0f} s; what came: {told}"
            raise EventMissingError(message) from None

    async def add(self, seen: LoggedEvent) -> None:
        async with self._added:
            self.entries.append(seen)
            self._added.notify_all()
        self.on_event(seen)


@asynccontextmanager
async def open_event_log(
    bootstrap: str, namespace: str, on_event: Callable[[LoggedEvent], None] = lambda _: None
) -> AsyncIterator[EventLog]:
    topics = [topic_name(namespace, topic) for topic in TOPICS]
    kafka: Any = AIOKafkaConsumer(
        *topics, bootstrap_servers=bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=50
    )
    watch = EventLog(on_event)
    await kafka.start()
    reader = asyncio.ensure_future(_read(kafka, watch))
    try:
        yield watch
    finally:
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader
        await kafka.stop()


async def _read(kafka: Any, watch: EventLog) -> None:
    async for record in kafka:
        envelope, event = decode(record.key, record.headers, record.value)
        published_at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        await watch.add(LoggedEvent(envelope, event, published_at))

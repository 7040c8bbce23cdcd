"""All events that the services publish, in the order of arrival."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer

from common.contracts import TOPICS
from common.contracts.event import ContactId, Event
from common.messaging.envelope import Envelope, UntrustedRecordError
from common.messaging.kafka import topic_name
from common.messaging.record_decoder import RecordDecoder
from stage.system import System

E = TypeVar("E", bound=Event)
WAIT_TIMEOUT_S = 240.0


class EventMissingError(AssertionError):
    """An expected event was not published in time."""


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """`published_at` is Kafka's time of the record."""

    envelope: Envelope
    event: Event
    published_at: datetime


@dataclass
class EventLog:
    """The events so far; each new event wakes the waiters."""

    on_event: Callable[[LoggedEvent], None]
    entries: list[LoggedEvent] = field(default_factory=list)
    _added: asyncio.Condition = field(default_factory=asyncio.Condition)

    def of_contact(self, contact_id: ContactId) -> list[Event]:
        return [entry.event for entry in self.entries if entry.event.key == contact_id]

    def find_all(self, kind: type[E], contact_id: ContactId) -> list[E]:
        return [event for event in self.of_contact(contact_id) if isinstance(event, kind)]

    async def wait_for(
        self,
        kind: type[E],
        contact_id: ContactId,
        where: Callable[[E], bool] = lambda _: True,
    ) -> E:
        """Wait for the contact's first such event; EventMissingError lists the events that came."""

        def first() -> E | None:
            return next((event for event in self.find_all(kind, contact_id) if where(event)), None)

        return await self.wait_until(first, f"{kind.__name__} of contact {contact_id}", contact_id)

    async def wait_until(
        self, find: Callable[[], E | None], description: str, contact_id: ContactId | None = None
    ) -> E:
        try:
            async with asyncio.timeout(WAIT_TIMEOUT_S), self._added:
                while (event := find()) is None:
                    await self._added.wait()
                return event
        except TimeoutError:
            events = [
                entry.event
                for entry in self.entries
                if contact_id is None or entry.event.key == contact_id
            ]
            names = ", ".join(type(event).__name__ for event in events) or "none"
            message = f"no {description} within {WAIT_TIMEOUT_S:.0f} s; events so far: {names}"
            raise EventMissingError(message) from None

    async def add(self, entry: LoggedEvent) -> None:
        async with self._added:
            self.entries.append(entry)
            self._added.notify_all()
        self.on_event(entry)


@asynccontextmanager
async def open_event_log(
    system: System, on_event: Callable[[LoggedEvent], None] = lambda _: None
) -> AsyncIterator[EventLog]:
    topics = [topic_name(system.namespace, topic) for topic in TOPICS]
    kafka: Any = AIOKafkaConsumer(
        *topics, **system.kafka.options, auto_offset_reset="earliest", fetch_max_wait_ms=50
    )
    event_log = EventLog(on_event)
    await kafka.start()
    reader = asyncio.ensure_future(_read(kafka, system.record_decoder, event_log))
    try:
        yield event_log
    finally:
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader
        await kafka.stop()


async def _read(kafka: Any, decoder: RecordDecoder, event_log: EventLog) -> None:
    async for record in kafka:
        try:
            envelope, event = decoder.decode(record)
        except UntrustedRecordError:
            continue  # what a stranger writes is no event
        published_at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        await event_log.add(LoggedEvent(envelope, event, published_at))

"""Reads the facts: committed offsets, topics from end to end, and one snapshot of the database."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from pydantic import TypeAdapter
from sqlalchemy import pool, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from common.contracts import BY_TYPE, TOPICS
from common.contracts.event import Event
from common.messaging.envelope import MalformedRecordError, decode, type_of
from common.messaging.relay import topic_name
from stage.invariants import facts
from stage.invariants.facts import OWNERS, Books, Facts, Record

T = TypeVar("T")

SERVICES = tuple(OWNERS.values())


@dataclass(frozen=True, slots=True)
class Sources:
    """Where one system's facts are. `admin_url` may read every schema."""

    admin_url: str
    kafka_bootstrap: str
    namespace: str

    def topic(self, partition: TopicPartition) -> str:
        """Return a topic's name without the namespace and the version."""
        return next(one for one in TOPICS if topic_name(self.namespace, one) == partition.topic)


async def gather(
    sources: Sources, *, accepted: Iterable[str], received: Mapping[str, int]
) -> Facts:
    """Read all there is.

    Offsets first: what they promise must be in a database that is read later. `received` is as
    `arrived` counts it.
    """
    offsets = await committed(sources)
    records = await _records(sources)
    engine = create_async_engine(
        sources.admin_url, poolclass=pool.NullPool, isolation_level="REPEATABLE READ"
    )
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SET TIME ZONE 'UTC'"))
            return await _facts(connection, records, offsets, frozenset(accepted), received)
    finally:
        await engine.dispose()


async def committed(sources: Sources) -> dict[tuple[str, str, int], int]:
    """Return the offsets that consumer groups have committed, by service, topic and partition."""
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=sources.kafka_bootstrap)
    await admin.start()
    try:
        return {
            (service, sources.topic(partition), partition.partition): found.offset
            for service in SERVICES
            for partition, found in (
                await admin.list_consumer_group_offsets(f"{sources.namespace}.{service}")
            ).items()
        }
    finally:
        await admin.close()


def subscribed(service: str) -> frozenset[str]:
    """Return the types of event that a service says it handles."""
    handlers: Any = import_module(f"{service}.handlers")
    return frozenset(handlers.SUBSCRIPTIONS.events)


def subscribed_topics(service: str) -> set[str]:
    return {BY_TYPE[kind].topic for kind in subscribed(service)}


async def _records(sources: Sources) -> list[Record]:
    async with reader(sources) as kafka:
        partitions = kafka.assignment()
        ends = await kafka.end_offsets(partitions)
        found: list[Record] = []
        while any([await kafka.position(one) < ends[one] for one in partitions]):
            for partition, polled in (await kafka.getmany(timeout_ms=200)).items():
                topic = sources.topic(partition)
                found += [_record(topic, one) for one in polled if one.offset < ends[partition]]
    return sorted(found, key=lambda one: (one.topic, one.partition, one.offset))


@asynccontextmanager
async def reader(sources: Sources) -> AsyncIterator[Any]:
    """A consumer of every topic from its beginning, in no group."""
    names = (topic_name(sources.namespace, topic) for topic in TOPICS)
    kafka: Any = AIOKafkaConsumer(
        *names, bootstrap_servers=sources.kafka_bootstrap, auto_offset_reset="earliest"
    )
    await kafka.start()
    try:
        yield kafka
    finally:
        await kafka.stop()


def _record(topic: str, raw: "ConsumerRecord[bytes, bytes]") -> Record:
    event: Event | None = None
    event_id, sequence = "", 0
    try:
        envelope, event = decode(raw.key, raw.headers, raw.value)
        event_id, sequence = envelope.id, envelope.sequence
    except MalformedRecordError:
        pass  # what the services made of it is for invariant 5 to say
    return Record(
        topic=topic,
        partition=raw.partition,
        offset=raw.offset,
        place=f"{raw.topic}/{raw.partition}/{raw.offset}",
        type=type_of(raw.headers),
        event_id=event_id,
        sequence=sequence,
        event=event,
        value=raw.value or b"",
    )


async def _facts(
    connection: AsyncConnection,
    records: list[Record],
    offsets: dict[tuple[str, str, int], int],
    accepted: frozenset[str],
    received: Mapping[str, int],
) -> Facts:
    at: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()

    async def rows(table: str, kind: type[T]) -> list[T]:
        found = await connection.execute(text(f"SELECT CAST(to_jsonb(t) AS text) FROM {table} t"))
        return TypeAdapter(list[kind]).validate_json(f"[{','.join(found.scalars())}]")  # type: ignore[valid-type]

    return Facts(
        at=at,
        accepted=accepted,
        records=records,
        committed=offsets,
        books={
            service: Books(
                subscribed=subscribed(service),
                journal=await rows(f"{service}.journal", facts.JournalRow),
                inbox=await rows(f"{service}.inbox", facts.InboxRow),
                dead_letters=await rows(f"{service}.dead_letters", facts.LetterRow),
                outbox=await rows(f"{service}.outbox", facts.OutboxRow),
                streams=await rows(f"{service}.streams", facts.StreamRow),
                timers=await rows(f"{service}.timers", facts.TimerRow),
            )
            for service in SERVICES
        },
        contacts=await rows("intake.contacts", facts.Contact),
        assignments=await rows("router.assignments", facts.Assignment),
        representatives=await rows("router.representatives", facts.Representative),
        watches=await rows("escalation.tracked_contacts", facts.Watch),
        escalations=await rows("escalation.escalations", facts.Escalation),
        notifications=await rows("notifier.notifications", facts.Notification),
        attempts=await rows("notifier.delivery_attempts", facts.Attempt),
        recipients=await rows("notifier.recipients", facts.Recipient),
        received=received,
    )

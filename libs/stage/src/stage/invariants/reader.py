"""Reads a snapshot: committed offsets, all records of all topics, and the database."""

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
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts import BY_TYPE, TOPICS
from common.contracts.event import Event
from common.contracts.services import EVENT_SERVICES
from common.messaging.envelope import MalformedRecordError, type_of
from common.messaging.kafka import topic_name
from common.messaging.kafka_connection import KafkaConnection
from common.messaging.record_decoder import RecordDecoder
from common.storage.async_engine import make_async_engine
from stage.invariants import snapshot
from stage.invariants.snapshot import Record, ServiceTables, Snapshot
from stage.system import System

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sources:
    """Addresses of one system; the role of `admin_url` can read every schema."""

    admin_url: str
    kafka: KafkaConnection
    namespace: str
    record_decoder: RecordDecoder

    @classmethod
    def of(cls, system: System) -> "Sources":
        return cls(system.admin_url, system.kafka, system.namespace, system.record_decoder)

    def topic(self, partition: TopicPartition) -> str:
        """Return a topic's name without the namespace and the version."""
        return next(
            topic for topic in TOPICS if topic_name(self.namespace, topic) == partition.topic
        )


async def read_snapshot(
    sources: Sources, *, accepted: Iterable[str], receipts: Mapping[str, int]
) -> Snapshot:
    """Read everything.

    Offsets come first: their effects must be in the database, which is read later. `receipts` comes
    from `count_receipts`.
    """
    offsets = await committed_offsets(sources)
    records = await _records(sources)
    engine = make_async_engine(
        sources.admin_url, poolclass=pool.NullPool, isolation_level="REPEATABLE READ"
    )
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SET TIME ZONE 'UTC'"))
            return await _facts(connection, records, offsets, frozenset(accepted), receipts)
    finally:
        await engine.dispose()


async def committed_offsets(sources: Sources) -> dict[tuple[str, str, int], int]:
    """Return the committed offsets of all consumer groups by service, topic and partition."""
    admin: Any = AIOKafkaAdminClient(**sources.kafka.options)
    await admin.start()
    try:
        return {
            (service, sources.topic(partition), partition.partition): committed.offset
            for service in EVENT_SERVICES
            for partition, committed in (
                await admin.list_consumer_group_offsets(f"{sources.namespace}.{service}")
            ).items()
        }
    finally:
        await admin.close()


def subscribed_types(service: str) -> frozenset[str]:
    """Return the event types that a service handles."""
    handlers: Any = import_module(f"{service}.handlers")
    return frozenset(handlers.SUBSCRIPTIONS.events)


def projected_types(service: str) -> frozenset[str]:
    """Return those that it handles without its inbox."""
    handlers: Any = import_module(f"{service}.handlers")
    return frozenset(kind.type for kind in handlers.SUBSCRIPTIONS.projections)


def subscribed_topics(service: str) -> set[str]:
    return {BY_TYPE[kind].topic for kind in subscribed_types(service)}


async def _records(sources: Sources) -> list[Record]:
    async with open_consumer(sources) as kafka:
        partitions = kafka.assignment()
        ends = await kafka.end_offsets(partitions)
        records: list[Record] = []
        decoder = sources.record_decoder
        while any([await kafka.position(item) < ends[item] for item in partitions]):
            for partition, polled in (await kafka.getmany(timeout_ms=200)).items():
                topic = sources.topic(partition)
                records += [
                    _record(topic, raw, decoder) for raw in polled if raw.offset < ends[partition]
                ]
    return sorted(records, key=lambda record: (record.topic, record.partition, record.offset))


@asynccontextmanager
async def open_consumer(sources: Sources) -> AsyncIterator[Any]:
    """Open a consumer of every topic from its beginning, without a group."""
    names = (topic_name(sources.namespace, topic) for topic in TOPICS)
    kafka: Any = AIOKafkaConsumer(*names, **sources.kafka.options, auto_offset_reset="earliest")
    await kafka.start()
    try:
        yield kafka
    finally:
        await kafka.stop()


def _record(topic: str, raw: "ConsumerRecord[bytes, bytes]", decoder: RecordDecoder) -> Record:
    event: Event | None = None
    event_id, sequence = "", 0
    try:
        envelope, event = decoder.decode(raw)
        event_id, sequence = envelope.id, envelope.sequence
    except MalformedRecordError:
        pass  # invariant 5 checks what the services did with it
    return Record(
        topic=topic,
        partition=raw.partition,
        offset=raw.offset,
        origin=f"{raw.topic}/{raw.partition}/{raw.offset}",
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
    receipts: Mapping[str, int],
) -> Snapshot:
    at: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()

    async def rows(table: str, kind: type[T]) -> list[T]:
        result = await connection.execute(text(f"SELECT CAST(to_jsonb(t) AS text) FROM {table} t"))
        rows_type: Any = list.__class_getitem__(kind)
        adapter: TypeAdapter[list[T]] = TypeAdapter(rows_type)
        return adapter.validate_json(f"[{','.join(result.scalars())}]")

    return Snapshot(
        at=at,
        accepted_contacts=accepted,
        records=records,
        committed_offsets=offsets,
        tables={
            service: ServiceTables(
                subscribed_types=subscribed_types(service),
                projected_types=projected_types(service),
                contact_representatives=await rows(
                    "intake.contact_representatives", snapshot.ContactRepresentative
                )
                if service == "intake"
                else (),
                journal=await rows(f"{service}.published_events", snapshot.JournalRow),
                inbox=await rows(f"{service}.inbox", snapshot.InboxRow),
                dead_letters=await rows(f"{service}.dead_letters", snapshot.DeadLetterRow),
                outbox=await rows(f"{service}.outbox", snapshot.OutboxRow),
                timers=await rows(f"{service}.timers", snapshot.TimerRow),
            )
            for service in EVENT_SERVICES
        },
        contacts=await rows("intake.contacts", snapshot.Contact),
        assignments=await rows("router.assignments", snapshot.Assignment),
        representatives=await rows("router.representatives", snapshot.Representative),
        tracked_contacts=await rows("escalation.tracked_contacts", snapshot.TrackedContact),
        escalations=await rows("escalation.escalations", snapshot.Escalation),
        notifications=await rows("notifier.notifications", snapshot.Notification),
        attempts=await rows("notifier.delivery_attempts", snapshot.Attempt),
        recipients=await rows("notifier.recipients", snapshot.Recipient),
        receipts=receipts,
    )

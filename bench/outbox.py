"""The services' relay: from outbox rows to records that Kafka has acknowledged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

import devstack
from bench import sample
from bench.databases import TOPIC, SampleDatabase, sample_database
from bench.isolated import run_isolated
from bench.summary import Figures, quantiles_ms
from bench.topics import LostEventError
from bench.waiting import wait_until
from common.contracts.clocks import ClockBreached
from common.contracts.event import ContactId
from common.contracts.services import source_of
from common.core.clock import monotonic
from common.core.health import Health
from common.core.ids import new_id
from common.core.metrics import Metrics
from common.messaging.kafka import make_producer
from common.messaging.publisher import start_producer
from common.messaging.record_encoder import RecordEncoder
from common.messaging.relay import Relay
from common.storage.database import Database

CONTACTS = 20_000
STREAM_BATCH = 500
STREAM_MAX_BACKLOG = 5 * STREAM_BATCH
STREAM_SAMPLE_EVERY = 20 * STREAM_BATCH
LAG_RATE = 200
LAG_SECONDS = 6
FOREIGN_SECONDS = 4

# The rows that the sample's handler would write, in transactions of fifty contacts.
FILL = """
    WITH events AS (
        INSERT INTO published_events (event_id, key, sequence, topic, type, at, trace, data)
        SELECT uuidv7(), CAST(contact_id AS text), 1 + n / $2::integer, $3::text,
               'upstairs.clock_breached.v1',
               clock_timestamp(), decode(repeat('0123456789abcdef', 3) || '01', 'hex'),
               json_build_object('contact_id', contact_id, 'occurred_at', clock_timestamp(),
                                 'clock', 'first_response', 'due_at', clock_timestamp(),
                                 'lateness_ms', 1.5)
        FROM generate_series($4::bigint, $4::bigint + $1::bigint - 1) AS n,
             LATERAL (SELECT md5('contact ' || n % $2::integer)::uuid AS contact_id) AS of
        RETURNING id, event_id
    )
    INSERT INTO outbox (event_ids)
    SELECT array_agg(event_id ORDER BY id) FROM events GROUP BY id / 50 ORDER BY min(id)
"""


async def throughput(stack: devstack.Stack, backlog: int) -> Figures:
    """Publish a backlog; at the end all of it must be on the topic."""
    async with sample_database(stack) as sample_db:
        connection = await asyncpg.connect(sample_db.dsn)
        await connection.execute(FILL, backlog, CONTACTS, TOPIC, 0)
        await connection.execute("VACUUM ANALYZE outbox")
        await connection.close()
        measured = await run_isolated(_publish_backlog, sample_db, backlog)
        await check_arrived(sample_db, backlog)
    seconds = float(measured.figures["seconds"])
    return {
        "outbox_backlog_rows": backlog,
        "outbox_events_per_s": backlog / seconds,
        "outbox_process_cpu_percent": 100 * measured.cpu_seconds / seconds,
    }


async def _publish_backlog(sample_db: SampleDatabase, backlog: int) -> Figures:
    async with (
        sample.open_database(sample_db.url, sample.UnitOfWork) as database,
        run_relay(sample_db, database) as metrics,
    ):
        begun = monotonic()
        await wait_until(lambda: published(metrics) >= backlog)
        return {"seconds": monotonic() - begun}


async def stream(stack: devstack.Stack, events: int) -> Figures:
    """Publish `events` with a small backlog; record the table size and its dead rows."""
    async with sample_database(stack) as sample_db:
        figures = (await run_isolated(_stream, sample_db, events)).figures
        await check_arrived(sample_db, events)
        return figures


async def _stream(sample_db: SampleDatabase, events: int) -> Figures:
    sizes: list[tuple[int, int]] = []
    connection = await asyncpg.connect(sample_db.dsn)
    async with (
        sample.open_database(sample_db.url, sample.UnitOfWork) as database,
        run_relay(sample_db, database) as metrics,
    ):
        begun = monotonic()
        for first in range(0, events, STREAM_BATCH):
            await connection.execute(FILL, STREAM_BATCH, CONTACTS, TOPIC, first)
            await _caught_up(metrics, first)
            if first % STREAM_SAMPLE_EVERY == 0:
                sizes += [tuple(row) for row in await connection.fetch(_SIZE)]
        await wait_until(lambda: published(metrics) >= events)
        seconds = monotonic() - begun
    sizes += [tuple(row) for row in await connection.fetch(_SIZE)]
    await connection.close()
    return {
        "outbox_stream_events": events,
        "outbox_stream_per_s": events / seconds,
        "outbox_peak_mb": max(size for size, _ in sizes) / 2**20,
        "outbox_peak_dead_rows": max(dead for _, dead in sizes),
    }


async def _caught_up(metrics: Metrics, written: int) -> None:
    await wait_until(lambda: written - published(metrics) <= STREAM_MAX_BACKLOG)


async def lag(stack: devstack.Stack) -> Figures:
    """Time from commit to a consumer, with and without an open foreign transaction."""
    async with sample_database(stack) as sample_db:
        alone = (await run_isolated(_lag, sample_db, foreign=False)).figures
        behind = (await run_isolated(_lag, sample_db, foreign=True)).figures
    return {
        **{f"outbox_lag_{name}": value for name, value in alone.items()},
        **{f"outbox_lag_behind_transaction_{name}": value for name, value in behind.items()},
    }


async def _lag(sample_db: SampleDatabase, *, foreign: bool) -> Figures:
    count = LAG_RATE * LAG_SECONDS
    committed_at: dict[bytes, float] = {}
    async with (
        sample.open_database(sample_db.url, sample.UnitOfWork) as database,
        run_relay(sample_db, database),
        record_arrivals(sample_db) as arrived_at,
        asyncio.TaskGroup() as group,
    ):
        if foreign:
            group.create_task(_hold_transaction_open(sample_db))
        due = monotonic()
        for _ in range(count):
            contact_id = await commit_event(database)
            committed_at[contact_id.encode()] = monotonic()
            due += 1 / LAG_RATE
            await asyncio.sleep(max(0, due - monotonic()))
        await wait_until(lambda: committed_at.keys() <= arrived_at.keys())
        lags = [max(0, arrived_at[key] - at) for key, at in committed_at.items()]
    return {name.removeprefix("x_"): value for name, value in quantiles_ms("x", lags).items()}


async def commit_event(database: Database[sample.UnitOfWork]) -> ContactId:
    """Commit one event about a new contact."""
    contact_id = ContactId(new_id())
    async with database.transaction() as uow:
        breached = ClockBreached(
            contact_id=contact_id,
            occurred_at=uow.now,
            clock="first_response",
            due_at=uow.now,
            lateness_ms=0,
            policy_id="bench",
            policy_version=1,
            run=1,
        )
        uow.outbox.add([breached])
    return contact_id


async def _hold_transaction_open(sample_db: SampleDatabase) -> None:
    """Write without committing for a while; the outbox row has an early id."""
    connection = await asyncpg.connect(sample_db.dsn)
    async with connection.transaction():
        await connection.execute("INSERT INTO cases SELECT uuidv7(), 'open', 0, now()")
        await connection.execute(FILL, 1, 1, TOPIC, 0)
        await asyncio.sleep(FOREIGN_SECONDS)
    await connection.close()


@asynccontextmanager
async def run_relay(
    sample_db: SampleDatabase, database: Database[sample.UnitOfWork]
) -> AsyncIterator[Metrics]:
    """Run the relay as `serve` does."""
    metrics, stopping = Metrics(), asyncio.Event()
    producer = await start_producer(sample_db.settings().kafka, stopping)
    assert isinstance(producer, AIOKafkaProducer)
    relay = Relay(
        database.engine,
        producer,
        metrics,
        Health(),
        encoder=RecordEncoder(sample_db.namespace, source_of(sample.NAME)),
        make_producer=lambda: make_producer(sample_db.settings().kafka),
    )
    database.after_commit(lambda uow: relay.wake() if len(uow.outbox) else None)
    async with asyncio.TaskGroup() as group:
        group.create_task(relay.run(stopping))
        yield metrics
        stopping.set()
    await producer.stop()


def published(metrics: Metrics) -> float:
    value: float = metrics.published._value.get()  # noqa: SLF001 - no public way to read it
    return value


@asynccontextmanager
async def record_arrivals(sample_db: SampleDatabase) -> AsyncIterator[dict[bytes, float]]:
    """Record when the first record of each key reached a consumer."""
    first: dict[bytes, float] = {}
    async with open_consumer(sample_db) as kafka:
        reader = asyncio.ensure_future(_record_arrivals(kafka, first))
        yield first
        reader.cancel()
        await asyncio.wait([reader])


async def _record_arrivals(kafka: Any, first: dict[bytes, float]) -> None:
    while True:
        polled = await kafka.getmany(timeout_ms=1000)
        now = monotonic()
        for records in polled.values():
            for record in records:
                first.setdefault(record.key, now)


@asynccontextmanager
async def open_consumer(sample_db: SampleDatabase) -> AsyncIterator[Any]:
    kafka: Any = AIOKafkaConsumer(
        sample_db.topic,
        bootstrap_servers=sample_db.kafka_bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await kafka.start()
    try:
        yield kafka
    finally:
        await kafka.stop()


async def check_arrived(sample_db: SampleDatabase, events: int) -> None:
    """Raise LostEventError unless the topic has at least so many records."""
    async with open_consumer(sample_db) as kafka:
        ends: dict[TopicPartition, int] = await kafka.end_offsets(kafka.assignment())
    if sum(ends.values()) < events:
        message = f"the topic has {sum(ends.values())} records of {events}"
        raise LostEventError(message)


_SIZE = """
    SELECT pg_total_relation_size('outbox'),
           (SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = 'outbox'::regclass)
"""

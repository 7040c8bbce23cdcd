"""From rows of the outbox to records that Kafka has acknowledged, by the relay of the services."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

import devstack
from bench import sample
from bench.apart import apart
from bench.summary import Figures, quantiles_ms
from bench.topics import LostError
from bench.waiting import until
from bench.workshop import TOPIC, Workshop, workshop
from common.contracts.clocks import ClockBreached
from common.contracts.event import ContactId
from common.core.clock import monotonic
from common.core.health import Health
from common.core.ids import new_id
from common.core.metrics import Metrics
from common.messaging.relay import Relay
from common.service import spec
from common.storage.database import Database

CONTACTS = 20_000
STREAM_BATCH = 500
STREAM_BACKLOG = 5 * STREAM_BATCH
STREAM_LOOK = 20 * STREAM_BATCH
LAG_RATE = 200
LAG_SECONDS = 6
FOREIGN_SECONDS = 4

# What the sample's handler would have put there, for contacts in turn.
FILL = """
    INSERT INTO outbox (event_id, contact_id, sequence, topic, type, at, traceparent, data)
    SELECT uuidv7(), contact_id, 1 + n / $2::integer, $3::text, 'upstairs.clock_breached.v1',
           clock_timestamp(), '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01',
           jsonb_build_object('contact_id', contact_id, 'occurred_at', clock_timestamp(),
                              'clock', 'first_response', 'due_at', clock_timestamp(),
                              'lateness_ms', 1.5)
    FROM generate_series($4::bigint, $4::bigint + $1::bigint - 1) AS n,
         LATERAL (SELECT md5('contact ' || n % $2::integer)::uuid AS contact_id) AS of
"""


async def throughput(stack: devstack.Stack, backlog: int) -> Figures:
    """Publish a backlog; all of it must be on the topic when the clock stops."""
    async with workshop(stack) as made:
        connection = await asyncpg.connect(made.dsn)
        await connection.execute(FILL, backlog, CONTACTS, TOPIC, 0)
        await connection.execute("VACUUM ANALYZE outbox")
        await connection.close()
        measured = await apart(_drain, made, backlog)
        await check_arrived(made, backlog)
    seconds = float(measured.figures["seconds"])
    return {
        "outbox_backlog_rows": backlog,
        "outbox_events_per_s": backlog / seconds,
        "outbox_process_cpu_percent": 100 * measured.cpu_seconds / seconds,
    }


async def _drain(made: Workshop, backlog: int) -> Figures:
    async with (
        sample.opened(made.url, sample.UnitOfWork) as database,
        relaying(made, database) as metrics,
    ):
        begun = monotonic()
        await until(lambda: published(metrics) >= backlog)
        return {"seconds": monotonic() - begun}


async def stream(stack: devstack.Stack, events: int) -> Figures:
    """Pass `events` through with a small backlog, and watch the table and its dead rows."""
    async with workshop(stack) as made:
        figures = (await apart(_stream, made, events)).figures
        await check_arrived(made, events)
        return figures


async def _stream(made: Workshop, events: int) -> Figures:
    sizes: list[tuple[int, int]] = []
    connection = await asyncpg.connect(made.dsn)
    async with (
        sample.opened(made.url, sample.UnitOfWork) as database,
        relaying(made, database) as metrics,
    ):
        begun = monotonic()
        for first in range(0, events, STREAM_BATCH):
            await connection.execute(FILL, STREAM_BATCH, CONTACTS, TOPIC, first)
            await _caught_up(metrics, first)
            if first % STREAM_LOOK == 0:
                sizes += [tuple(row) for row in await connection.fetch(_SIZE)]
        await until(lambda: published(metrics) >= events)
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
    await until(lambda: written - published(metrics) <= STREAM_BACKLOG)


async def lag(stack: devstack.Stack) -> Figures:
    """From commit to a consumer: as it is, and behind a foreign transaction that stays open."""
    async with workshop(stack) as made:
        alone = (await apart(_lag, made, foreign=False)).figures
        behind = (await apart(_lag, made, foreign=True)).figures
    return {
        **{f"outbox_lag_{name}": value for name, value in alone.items()},
        **{f"outbox_lag_behind_transaction_{name}": value for name, value in behind.items()},
    }


async def _lag(made: Workshop, *, foreign: bool) -> Figures:
    count = LAG_RATE * LAG_SECONDS
    committed: dict[bytes, float] = {}
    async with (
        sample.opened(made.url, sample.UnitOfWork) as database,
        relaying(made, database),
        arrivals(made) as arrived,
        asyncio.TaskGroup() as group,
    ):
        if foreign:
            group.create_task(_stay_open(made))
        due = monotonic()
        for _ in range(count):
            contact_id = await append(database)
            committed[contact_id.encode()] = monotonic()
            due += 1 / LAG_RATE
            await asyncio.sleep(max(0, due - monotonic()))
        await until(lambda: committed.keys() <= arrived.keys())
        lags = [max(0, arrived[key] - at) for key, at in committed.items()]
    return {name.removeprefix("x_"): value for name, value in quantiles_ms("x", lags).items()}


async def append(database: Database[sample.UnitOfWork]) -> ContactId:
    """Commit one event about a new contact."""
    contact_id = ContactId(new_id())
    async with database.transaction() as uow:
        breached = ClockBreached(
            contact_id=contact_id,
            occurred_at=uow.now,
            clock="first_response",
            due_at=uow.now,
            lateness_ms=0,
        )
        uow.outbox.add([breached])
    return contact_id


async def _stay_open(made: Workshop) -> None:
    """Write and do not commit for a while; the row in the outbox has an early id."""
    connection = await asyncpg.connect(made.dsn)
    async with connection.transaction():
        await connection.execute("INSERT INTO cases SELECT uuidv7(), 'open', 0, now()")
        await connection.execute(FILL, 1, 1, TOPIC, 0)
        await asyncio.sleep(FOREIGN_SECONDS)
    await connection.close()


@asynccontextmanager
async def relaying(made: Workshop, database: Database[sample.UnitOfWork]) -> AsyncIterator[Metrics]:
    """Run the relay as `serve` does."""
    metrics, stopping = Metrics(), asyncio.Event()
    producer = await spec._started_producer(made.settings(), stopping)  # noqa: SLF001 - just as services have it
    assert isinstance(producer, AIOKafkaProducer)
    relay = Relay(
        database.engine,
        producer,
        metrics,
        Health(),
        source=f"/upstairs/{sample.NAME}",
        namespace=made.namespace,
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
async def arrivals(made: Workshop) -> AsyncIterator[dict[bytes, float]]:
    """Note when the first record of each key came to a consumer."""
    first: dict[bytes, float] = {}
    async with consuming(made) as kafka:
        reader = asyncio.ensure_future(_note(kafka, first))
        yield first
        reader.cancel()
        await asyncio.wait([reader])


async def _note(kafka: Any, first: dict[bytes, float]) -> None:
    while True:
        polled = await kafka.getmany(timeout_ms=1000)
        now = monotonic()
        for records in polled.values():
            for record in records:
                first.setdefault(record.key, now)


@asynccontextmanager
async def consuming(made: Workshop) -> AsyncIterator[Any]:
    kafka: Any = AIOKafkaConsumer(
        made.topic,
        bootstrap_servers=made.kafka_bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await kafka.start()
    try:
        yield kafka
    finally:
        await kafka.stop()


async def check_arrived(made: Workshop, events: int) -> None:
    """Raise LostError unless the topic holds at least so many records."""
    async with consuming(made) as kafka:
        ends: dict[TopicPartition, int] = await kafka.end_offsets(kafka.assignment())
    if sum(ends.values()) < events:
        message = f"the topic has {sum(ends.values())} records of {events}"
        raise LostError(message)


_SIZE = """
    SELECT pg_total_relation_size('outbox'),
           (SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = 'outbox'::regclass)
"""

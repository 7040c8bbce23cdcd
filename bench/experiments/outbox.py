"""Delete, or rotate? `python -m bench.experiments.outbox` measures both ways to keep an outbox.

Each passes the same events to Kafka with the same producer: calm, with an old snapshot held all
the time, and beside a writer that does not commit. The answer is in docs/adr/0011.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import psutil
import uvloop
from aiokafka import AIOKafkaProducer

import devstack
from bench import workshop
from bench.apart import apart
from bench.experiments.ways import Deleting, Rotated, Way
from bench.summary import Figures
from common import service
from common.clock import elapsed
from common.envelope import Envelope, encode
from common.ids import EventId
from common.provision import TopicSpec, create_topics
from common.relay import topic_name

WAYS: dict[str, Callable[[], Way]] = {
    "delete": Deleting,
    "rotate": Rotated,
}
# What stands open beside it all the time.
BESIDE = {
    "calm": None,
    "old snapshot": "SELECT count(*) FROM other",
    "idle writer": "INSERT INTO other VALUES (1)",
}
APPEND = 500
BACKLOG = 5 * APPEND
LOOK_EVERY = 20


async def measure(stack: devstack.Stack, events: int) -> None:
    for beside in BESIDE:
        for way, make in WAYS.items():
            async with _shop(stack, make()) as shop:
                measured = await apart(_stream, shop, way, beside, events)
            figures = measured.figures | {"own_cpu_us": 1e6 * measured.cpu_seconds / events}
            shown = "  ".join(f"{name} {value:>8.4g}" for name, value in figures.items())
            print(f"{beside:<13} {way:<18} {shown}", flush=True)


@asynccontextmanager
async def _shop(stack: devstack.Stack, way: Way) -> AsyncIterator[workshop.Workshop]:
    async with workshop.database(stack) as dsn:
        connection = await asyncpg.connect(dsn)
        for statement in ("CREATE TABLE other (id integer)", *way.tables):
            await connection.execute(statement)
        await connection.close()
        namespace = dsn.rpartition("/")[2]
        made = workshop.Workshop(dsn, dsn, stack.kafka_bootstrap, namespace)
        spec = TopicSpec(partitions=6, replication=1)
        await create_topics(stack.kafka_bootstrap, namespace, {workshop.TOPIC: spec})
        yield made


async def _stream(shop: workshop.Workshop, name: str, beside: str, events: int) -> Figures:
    """Pass `events` through with a small backlog; sizes are the largest seen."""
    way = WAYS[name]()
    producer = await service._started_producer(shop.settings(), asyncio.Event())  # noqa: SLF001 - just as services have it
    assert isinstance(producer, AIOKafkaProducer)
    writer, reader, foreign = [await asyncpg.connect(shop.dsn) for _ in range(3)]
    wal = await writer.fetchval("SELECT pg_current_wal_insert_lsn()")
    progress = _Progress()
    async with foreign.transaction(isolation="repeatable_read"):
        if statement := BESIDE[beside]:
            await foreign.execute(statement)
        begun = elapsed()
        async with asyncio.TaskGroup() as group:
            group.create_task(_write(writer, way, events, progress))
            group.create_task(_relay(reader, way, producer, events, progress, shop.namespace))
        seconds = elapsed() - begun
        last_quarter = elapsed() - progress.at_three_quarters
    written = await writer.fetchval(
        "SELECT CAST(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1) AS bigint)", wal
    )
    postgres_cpu = sum([await _cpu_seconds(one) for one in (writer, reader)])
    await producer.stop()
    for connection in (writer, reader, foreign):
        await connection.close()
    return {
        "per_s": events / seconds,
        "last_quarter_per_s": events / 4 / last_quarter,
        "peak_mb": progress.peak_bytes / 2**20,
        "peak_dead_rows": progress.peak_dead,
        "wal_bytes": written / events,
        "postgres_cpu_us": 1e6 * postgres_cpu / events,
    }


async def _cpu_seconds(connection: Any) -> float:
    """Of the server's process for this connection: the stack is on this machine."""
    times = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()")).cpu_times()
    return float(times.user + times.system)


class _Progress:
    def __init__(self) -> None:
        self.published = 0
        self.at_three_quarters = 0.0
        self.peak_bytes = 0
        self.peak_dead = 0


async def _write(connection: Any, way: Way, events: int, progress: _Progress) -> None:
    for number, first in enumerate(range(0, events, APPEND)):
        await connection.execute(way.append, APPEND, first)
        while first + APPEND - progress.published > BACKLOG:  # noqa: ASYNC110 - a counter
            await asyncio.sleep(0.002)
        if number % LOOK_EVERY == 0:
            size, dead = await connection.fetchrow(_SIZE)
            progress.peak_bytes = max(progress.peak_bytes, size)
            progress.peak_dead = max(progress.peak_dead, dead)


async def _relay(
    connection: Any,
    way: Way,
    producer: Any,
    events: int,
    progress: _Progress,
    namespace: str,
) -> None:
    topic = topic_name(namespace, workshop.TOPIC)
    while progress.published < events:
        async for rows in way.batches(connection):
            sent = [await _send(producer, topic, row) for row in rows]
            await asyncio.gather(*sent)
            progress.published += len(rows)
            if progress.published >= events * 3 // 4 and not progress.at_three_quarters:
                progress.at_three_quarters = elapsed()
        await asyncio.sleep(0.002)


async def _send(producer: Any, topic: str, row: Any) -> Any:
    envelope = Envelope(
        id=EventId(str(row["event_id"])),
        type=row["type"],
        source="/upstairs/sample",
        key=str(row["contact_id"]),
        time=row["at"],
        sequence=row["sequence"],
        traceparent=row["traceparent"],
    )
    return await producer.send(
        topic, key=envelope.key.encode(), value=row["data"].encode(), headers=encode(envelope)
    )


_SIZE = """
    SELECT sum(pg_total_relation_size(relid)), sum(n_dead_tup) FROM pg_stat_user_tables
    WHERE relname LIKE 'outbox%'
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=300_000)
    events = options.parse_args().events
    with (
        devstack.start(durable=True) as stack,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(measure(stack, events))


if __name__ == "__main__":
    main()

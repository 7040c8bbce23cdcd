"""Outbox and relay: what was committed arrives, in order for each contact; nothing else does."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError

from common.core import trace
from common.messaging.envelope import decode
from common.storage.database import Database, begin
from common.storage.outbox import Outbox
from support.databases import Postgres, async_engine, rows
from support.outbox import (
    add_events,
    append,
    assert_ordered,
    count_pending,
    drop_repeats,
    fetch_lock_holders,
    read_arrivals,
    texts_of,
)
from support.probe import (
    Broker,
    Replica,
    UnitOfWork,
    customer_wrote,
    new_contact,
    run_until_cancelled,
    run_workers,
    sum_samples,
)
from support.waiting import until

TRACEPARENT = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"


class HeldProducer(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka is untyped
    """Takes records and does nothing with them until `let_go`, like a process that is stopped."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.held: list[asyncio.Future[None]] = []

    async def send_batch(self, *_args: Any, **_options: Any) -> "asyncio.Future[None]":
        self.held.append(asyncio.get_running_loop().create_future())
        return self.held[-1]

    def let_go(self) -> None:
        for future in self.held:
            if not future.done():
                future.set_result(None)


class FalteringProducer(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka is untyped
    """Its first batch never reaches Kafka."""

    faltered = False

    async def send_batch(self, *args: Any, **options: Any) -> Any:
        if self.faltered:
            return await super().send_batch(*args, **options)
        self.faltered = True
        lost = asyncio.get_running_loop().create_future()
        lost.set_exception(KafkaTimeoutError())
        return lost


class DeafProducer(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka is untyped
    """Kafka has its first batches, and the acknowledgements are lost."""

    deaf_for = 2

    async def send_batch(self, *args: Any, **options: Any) -> Any:
        sent = await super().send_batch(*args, **options)
        if not self.deaf_for:
            return sent
        self.deaf_for -= 1
        await sent
        lost = asyncio.get_running_loop().create_future()
        lost.set_exception(KafkaTimeoutError())
        return lost


@asynccontextmanager
async def started(kind: type[AIOKafkaProducer], broker: Broker) -> AsyncIterator[Any]:
    producer = kind(bootstrap_servers=broker.bootstrap)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def published(replica: Replica) -> float:
    return sum_samples(replica.metrics.published)


@pytest.mark.parametrize("writers", [8, 24])
async def test_committed_events_arrive_in_order_and_no_others(
    replica: Replica, broker: Broker, writers: int
) -> None:
    contacts = [new_contact() for _ in range(6)]
    committed: list[str] = []

    async def write(chance: random.Random) -> None:
        for _ in range(12):
            events = [
                customer_wrote(contact_id, f"{chance.random()}")
                for contact_id in chance.sample(contacts, chance.randint(1, 3))
                for _ in range(chance.randint(1, 3))
            ]
            async with begin(replica.database.engine) as connection:
                outbox = Outbox(connection)
                outbox.add(events)
                await append(outbox)
                if chance.random() < 0.3:
                    await connection.rollback()
                    continue
                await connection.commit()
            committed.extend(event.excerpt for event in events)

    async with broker.open_producer() as producer, run_workers(replica.make_relay(producer)):
        chances = [random.Random(seed) for seed in range(writers)]
        await asyncio.gather(*map(write, chances))

    assert await count_pending(replica.database) == 0
    events = await read_arrivals(broker)
    assert sorted(text for pairs in events.values() for _, text in pairs) == sorted(committed)
    journal = await rows(
        replica.database,
        "SELECT key, sequence, data->>'excerpt' AS excerpt FROM published_events ORDER BY id",
    )
    for contact_id, pairs in events.items():
        assert [sequence for sequence, _ in pairs] == list(range(1, len(pairs) + 1))
        kept = [(row.sequence, row.excerpt) for row in journal if row.key == contact_id]
        assert pairs == kept


async def test_event_has_its_trace_and_its_cause(replica: Replica, broker: Broker) -> None:
    event = customer_wrote(new_contact())
    async with broker.open_producer() as producer, run_workers(replica.make_relay(producer)):
        async with replica.database.transaction() as uow:
            trace.start(TRACEPARENT)
            uow.outbox.cause = "because"
            uow.outbox.add([event])
        trace.restore(None)
    (record,) = await broker.read_records()
    envelope, read = decode(record.key, record.headers, record.value)
    assert read == event
    assert (envelope.source, envelope.traceparent) == ("/upstairs/intake", TRACEPARENT)
    (kept,) = await rows(
        replica.database, "SELECT event_id::text AS id, cause FROM published_events"
    )
    assert (kept.id, kept.cause) == (envelope.id, "because")


async def test_late_committed_row_is_published(replica: Replica, broker: Broker) -> None:
    """A foreign transaction took its place in the outbox first and commits long afterwards."""
    late, early = customer_wrote(new_contact()), customer_wrote(new_contact())
    async with broker.open_producer() as producer, run_workers(replica.make_relay(producer)):
        async with begin(replica.database.engine) as foreign:
            outbox = Outbox(foreign)
            outbox.add([late])
            await append(outbox)
            await add_events(replica.database, early)
            await until(lambda: count_pending(replica.database), lambda count: count == 0)
            assert set(await read_arrivals(broker)) == {early.contact_id}
            await foreign.commit()
        await until(lambda: read_arrivals(broker), lambda events: set(events) > {early.contact_id})


async def test_relay_drains_the_outbox_on_shutdown(
    postgres: Postgres, replica: Replica, broker: Broker
) -> None:
    contact_id = new_contact()
    async with broker.open_producer() as producer, run_workers(replica.make_relay(producer)):
        await until(lambda: fetch_lock_holders(postgres, replica.database))
        await add_events(
            replica.database, *(customer_wrote(contact_id, str(n)) for n in range(2500))
        )
    assert await count_pending(replica.database) == 0
    assert [text for _, text in (await read_arrivals(broker))[contact_id]] == [
        str(n) for n in range(2500)
    ]


async def test_row_stays_until_kafka_has_acknowledged(replica: Replica, broker: Broker) -> None:
    events = [customer_wrote(new_contact()) for _ in range(3)]
    async with started(FalteringProducer, broker) as producer:
        relay = replica.make_relay(producer)
        await add_events(replica.database, *events)
        async with run_workers(relay):
            await until(lambda: count_pending(replica.database), lambda count: count == 0)
    assert set(await read_arrivals(broker)) == {event.contact_id for event in events}
    assert sum_samples(replica.metrics.retries) == 1
    assert not replica.health.troubles


async def test_rows_beyond_a_full_batch_do_not_overtake_a_failed_batch(
    replica: Replica, broker: Broker
) -> None:
    contact_id = new_contact()
    await add_events(
        replica.database, *(customer_wrote(contact_id, f"{n} " + 3000 * "x") for n in range(20))
    )
    async with (
        started(FalteringProducer, broker) as producer,
        run_workers(replica.make_relay(producer)),
    ):
        await until(lambda: count_pending(replica.database), lambda count: count == 0)
    events = await read_arrivals(broker)
    assert_ordered(events)
    assert len(drop_repeats(events[contact_id])) == 20


async def test_rest_of_a_transaction_is_published_without_what_was_sent(
    replica: Replica, broker: Broker
) -> None:
    """One batch does not hold all of its events."""
    contact_id = new_contact()
    texts = [f"{n} " + 3000 * "x" for n in range(20)]
    await add_events(replica.database, *(customer_wrote(contact_id, text) for text in texts))
    async with broker.open_producer() as producer, run_workers(replica.make_relay(producer)):
        await until(lambda: count_pending(replica.database), lambda count: count == 0)
    pairs = (await read_arrivals(broker))[contact_id]
    assert pairs == [(n + 1, text) for n, text in enumerate(texts)]
    assert published(replica) == 20


async def test_lost_acknowledgement_repeats_the_same_events_in_order(
    replica: Replica, broker: Broker
) -> None:
    contact_id = new_contact()
    numbers = [str(n) for n in range(12)]
    await add_events(replica.database, *(customer_wrote(contact_id, number) for number in numbers))
    async with started(DeafProducer, broker) as producer, run_workers(replica.make_relay(producer)):
        await until(lambda: count_pending(replica.database), lambda count: count == 0)
    pairs = (await read_arrivals(broker))[contact_id]
    assert len(pairs) > len(numbers)
    assert drop_repeats(pairs) == [(n + 1, number) for n, number in enumerate(numbers)]


async def test_only_elected_relay_of_three_publishes(
    postgres: Postgres, database: Database[UnitOfWork], broker: Broker
) -> None:
    replicas = [Replica(database, broker) for _ in range(3)]
    async with (
        broker.open_producer() as producer,
        run_workers(*(replica.make_relay(producer) for replica in replicas)),
    ):
        await until(lambda: fetch_lock_holders(postgres, database))
        for n in range(40):
            await add_events(database, customer_wrote(new_contact(), str(n)))
        await until(lambda: count_pending(database), lambda count: count == 0)
        assert len(await fetch_lock_holders(postgres, database)) == 1
    assert sorted(published(replica) for replica in replicas) == [0, 0, 40]
    assert len(await broker.read_records()) == 40


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO probes VALUES (gen_random_uuid(), '{}', NULL, now())",
        "SELECT count(*) FROM outbox",
    ],
    ids=["idle writer", "old snapshot"],
)
async def test_long_foreign_transaction_does_not_delay_publishing(
    replica: Replica, broker: Broker, statement: str
) -> None:
    contact_id = new_contact()
    async with (
        broker.open_producer() as producer,
        run_workers(replica.make_relay(producer)),
        async_engine(replica.database).connect() as pooled,
    ):
        foreign = await pooled.execution_options(isolation_level="REPEATABLE READ")
        await foreign.exec_driver_sql(statement)
        for n in range(20):
            await add_events(
                replica.database, *(customer_wrote(contact_id, f"{n}.{m}") for m in range(5))
            )
            await until(lambda: count_pending(replica.database), lambda count: count == 0)
        events = await read_arrivals(broker)
        await foreign.rollback()
    assert_ordered(events)
    assert len(texts_of(events)) == 100


async def test_standby_relay_takes_over(
    postgres: Postgres, database: Database[UnitOfWork], broker: Broker
) -> None:
    first, second = Replica(database, broker), Replica(database, broker)
    async with (
        broker.open_producer() as producer,
        run_until_cancelled(first.make_relay(producer)) as crash,
    ):
        await until(lambda: fetch_lock_holders(postgres, database))
        async with run_workers(second.make_relay(producer)):
            await add_events(database, customer_wrote(new_contact()))
            await until(lambda: count_pending(database), lambda count: count == 0)
            assert published(second) == 0
            crash()
            await add_events(database, customer_wrote(new_contact()))
            await until(lambda: count_pending(database), lambda count: count == 0)
    assert (published(first), published(second)) == (1, 1)
    assert not second.health.troubles


async def test_relay_without_session_is_replaced_and_does_no_harm(
    postgres: Postgres, database: Database[UnitOfWork], broker: Broker
) -> None:
    """One that waits for Kafka keeps the lock; see test_relay_takeover for one that hangs."""
    stuck, other = Replica(database, broker), Replica(database, broker)
    event = customer_wrote(new_contact())
    await add_events(database, event)
    async with (
        started(HeldProducer, broker) as held_producer,
        broker.open_producer() as producer,
        run_workers(stuck.make_relay(held_producer)),
    ):
        await until(lambda: held_producer.held)
        async with run_workers(other.make_relay(producer)):
            (pid,) = await fetch_lock_holders(postgres, database)
            await rows(database, f"SELECT pg_terminate_backend({pid})")
            await until(lambda: count_pending(database), lambda count: count == 0)
            # It may believe its records acknowledged, and must find its lock gone.
            held_producer.let_go()
            await until(lambda: sum_samples(stuck.metrics.retries))
            later = customer_wrote(event.contact_id, "later")
            await add_events(database, later)
            await until(lambda: count_pending(database), lambda count: count == 0)
    assert await read_arrivals(broker) == {event.contact_id: [(1, event.excerpt), (2, "later")]}

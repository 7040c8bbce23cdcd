"""From Kafka to effects: each event has its effect once and in order, whatever breaks between."""

import asyncio
import operator
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer

from common.contracts.contacts import ContactResolved, CustomerWrote
from common.contracts.event import ContactId
from common.core.ids import new_id
from common.messaging.consumer import Consumer
from common.messaging.publisher import start_producer
from common.messaging.subscriptions import HandlerRegistry
from common.storage.database import Database
from support.databases import rows
from support.probe import (
    POISON,
    Broker,
    Replica,
    UnitOfWork,
    customer_wrote,
    new_contact,
    open_database,
    run_until_cancelled,
    run_workers,
    sum_samples,
    take_note,
)
from support.tcp_proxy import TcpProxy, tcp_proxy
from support.waiting import until

Notes = dict[str, tuple[str, ...]]


async def noted(database: Database[UnitOfWork]) -> Notes:
    records = await rows(database, "SELECT contact_id::text AS id, notes FROM probes")
    return {row.id: tuple(row.notes) for row in records}


async def letters(database: Database[UnitOfWork]) -> list[Any]:
    return await rows(database, "SELECT * FROM dead_letters ORDER BY id")


def numbered(contacts: Sequence[ContactId], count: int) -> list[CustomerWrote]:
    return [customer_wrote(contact_id, str(n)) for n in range(count) for contact_id in contacts]


def in_order(contacts: Sequence[ContactId], count: int) -> Notes:
    return dict.fromkeys(contacts, tuple(str(n) for n in range(count)))


async def test_events_are_handled_in_order(replica: Replica, broker: Broker) -> None:
    contacts = [new_contact() for _ in range(8)]
    await broker.publish(*numbered(contacts, 20))
    async with run_workers(replica.make_consumer()):
        await until(broker.count_committed, lambda count: count == 160)
        assert not replica.health.troubles
    assert await noted(replica.database) == in_order(contacts, 20)
    assert replica.count_messages("handled") == 160


async def test_poison_event_becomes_a_dead_letter_and_the_others_are_handled(
    replica: Replica, broker: Broker
) -> None:
    first, other = new_contact(), new_contact()
    poison = customer_wrote(first, POISON)
    await broker.publish(
        customer_wrote(first, "a"), poison, customer_wrote(other, "b"), customer_wrote(first, "c")
    )
    async with run_workers(replica.make_consumer()):
        await until(broker.count_committed, lambda count: count == 4)
    assert await noted(replica.database) == {first: ("a", "c"), other: ("b",)}
    (letter,) = await letters(replica.database)
    (record,) = [message for message in await broker.read_records() if b"poison" in message.value]
    assert letter.reason == "PoisonedError: This note cannot be handled."
    assert "in take_note" in letter.traceback
    assert letter.payload == record.value == msgspec.json.encode(poison)
    assert letter.headers == {name: value.decode() for name, value in record.headers}
    assert (letter.type, letter.key) == (CustomerWrote.type, first)
    assert letter.event_id == letter.headers["ce_id"]
    place = f"{record.topic}/{record.partition}/{record.offset}@{record.timestamp}"
    assert letter.origin == place
    assert (replica.count_messages("dead_letter"), replica.count_messages("handled")) == (1, 3)


async def test_event_without_handler_is_skipped(replica: Replica, broker: Broker) -> None:
    contact_id = new_contact()
    resolved = ContactResolved(
        contact_id=contact_id, occurred_at=customer_wrote(contact_id).occurred_at
    )
    await broker.publish(resolved, customer_wrote(contact_id, "a"), resolved)
    async with run_workers(replica.make_consumer()):
        await until(broker.count_committed, lambda count: count == 3)
    assert await noted(replica.database) == {contact_id: ("a",)}
    assert replica.count_messages("skipped") == 2
    assert await letters(replica.database) == []


async def test_redelivered_event_has_no_second_effect(replica: Replica, broker: Broker) -> None:
    """In one poll and in a later one, and however its id is written."""
    event, event_id = customer_wrote(new_contact(), "once"), new_id()
    async with broker.open_producer() as producer:
        await broker.send(producer, event, event_id.upper())
        await broker.send(producer, event, event_id)
        async with run_workers(replica.make_consumer()):
            await until(broker.count_committed, lambda count: count == 2)
            await broker.send(producer, event, event_id)
            await until(broker.count_committed, lambda count: count == 3)
    assert await noted(replica.database) == {event.contact_id: ("once",)}
    assert replica.count_messages("repeated") == 2


async def test_crash_before_the_offset_commit_has_no_second_effect(
    database: Database[UnitOfWork], broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    contacts = [new_contact() for _ in range(3)]
    await broker.publish(*numbered(contacts, 5))
    first, second = Replica(database, broker), Replica(database, broker)

    async def never(*_args: object) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(AIOKafkaConsumer, "commit", never)
        async with run_until_cancelled(first.make_consumer()):
            await until(lambda: noted(database))
    assert await broker.count_committed() == 0
    handled = first.count_messages("handled")
    async with run_workers(second.make_consumer()):
        await until(broker.count_committed, lambda count: count == 15)
    assert await noted(database) == in_order(contacts, 5)
    assert second.count_messages("repeated") == handled
    assert second.count_messages("handled") == 15 - handled


async def test_crash_while_handling_loses_nothing(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    contact_id = new_contact()
    await broker.publish(*numbered([contact_id], 3))
    reached = asyncio.Event()

    async def stuck(event: CustomerWrote, uow: UnitOfWork) -> NoReturn:
        await take_note(event, uow)
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    first = Replica(database, broker, HandlerRegistry[UnitOfWork]().on(CustomerWrote, stuck))
    async with run_until_cancelled(first.make_consumer()):
        await until(reached.is_set)
        assert await broker.count_committed() == 0
    assert await noted(database) == {}
    second = Replica(database, broker)
    async with run_workers(second.make_consumer()):
        await until(broker.count_committed, lambda count: count == 3)
    assert await noted(database) == in_order([contact_id], 3)


@asynccontextmanager
async def traffic(broker: Broker, contacts: Sequence[ContactId]) -> AsyncIterator[list[int]]:
    """Publish one round after another until the block is left; give the rounds so far."""
    rounds: list[int] = []

    async def publish() -> None:
        async with broker.open_producer() as producer:
            while not done.is_set():
                for contact_id in contacts:
                    await broker.send(producer, customer_wrote(contact_id, str(len(rounds))))
                rounds.append(len(rounds))

    done = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(publish())
        yield rounds
        done.set()


async def test_rebalance_repeats_nothing_and_keeps_the_order(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    contacts = [new_contact() for _ in range(8)]
    first, second = Replica(database, broker), Replica(database, broker)

    async def goes_on(replica: Replica) -> None:
        before = replica.count_messages("handled")
        await until(lambda: replica.count_messages("handled") > before + 50)

    async with run_workers(first.make_consumer()):
        async with traffic(broker, contacts) as rounds:
            await goes_on(first)
            async with run_workers(second.make_consumer()):
                await goes_on(second)
                await goes_on(first)
        sent = len(rounds) * len(contacts)
        await until(broker.count_committed, lambda count: count == sent)
    assert await noted(database) == in_order(contacts, len(rounds))
    assert first.count_messages("handled") + second.count_messages("handled") == sent
    assert await letters(database) == []


async def test_records_that_arrive_during_a_rebalance_do_not_block_it(
    database: Database[UnitOfWork], broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    contacts = [new_contact() for _ in range(8)]
    first, second = Replica(database, broker), Replica(database, broker)
    consumer = first.make_consumer()
    begun = asyncio.Event()

    async def revoked(partitions: Sequence[Any]) -> None:
        begun.set()
        await Consumer.on_partitions_revoked(consumer, partitions)

    async with broker.open_producer() as producer, run_workers(consumer):
        await broker.send(producer, customer_wrote(contacts[0], "0"))
        await until(lambda: first.count_messages("handled") == 1)
        monkeypatch.setattr(consumer, "on_partitions_revoked", revoked)
        async with run_workers(second.make_consumer()):
            await begun.wait()
            for event in numbered(contacts, 1)[1:]:
                await broker.send(producer, event)
            await until(broker.count_committed, lambda count: count == len(contacts))
    assert await noted(database) == in_order(contacts, 1)


async def test_batch_is_finished_before_its_partitions_are_revoked(
    database: Database[UnitOfWork], broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    contacts = [new_contact() for _ in range(8)]
    await broker.publish(*numbered(contacts, 5))
    at_work, go_on, revoking, let_go = (asyncio.Event() for _ in range(4))

    async def slow(event: CustomerWrote, uow: UnitOfWork) -> None:
        at_work.set()
        await go_on.wait()
        await take_note(event, uow)

    first = Replica(database, broker, HandlerRegistry[UnitOfWork]().on(CustomerWrote, slow))
    second = Replica(database, broker)
    consumer = first.make_consumer()

    async def revoked(partitions: Sequence[Any]) -> None:
        revoking.set()
        await Consumer.on_partitions_revoked(consumer, partitions)
        let_go.set()

    async with run_workers(consumer):
        await until(at_work.is_set)
        monkeypatch.setattr(consumer, "on_partitions_revoked", revoked)
        async with run_workers(second.make_consumer()):
            await until(revoking.is_set)
            assert await broker.count_committed() == 0
            assert not let_go.is_set()
            go_on.set()
            await until(broker.count_committed, lambda count: count == 40)
    assert await noted(database) == in_order(contacts, 5)
    assert first.count_messages("repeated") + second.count_messages("repeated") == 0


async def test_records_that_arrive_during_a_batch_share_the_next(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    contacts = [new_contact() for _ in range(8)]
    at_work, go_on = asyncio.Event(), asyncio.Event()

    async def slow(event: CustomerWrote, uow: UnitOfWork) -> None:
        at_work.set()
        await go_on.wait()
        await take_note(event, uow)

    replica = Replica(database, broker, HandlerRegistry[UnitOfWork]().on(CustomerWrote, slow))
    async with broker.open_producer() as producer, run_workers(replica.make_consumer()):
        await broker.send(producer, customer_wrote(contacts[0], "0"))
        await at_work.wait()
        for event in numbered(contacts, 3)[1:]:
            await broker.send(producer, event)
        go_on.set()
        await until(broker.count_committed, lambda count: count == 24)
    batches = replica.metrics.registry.get_sample_value("upstairs_batch_seconds_count")
    assert batches == 2
    assert await noted(database) == in_order(contacts, 3)


async def test_database_outage_loses_nothing_and_makes_no_dead_letter(
    database: Database[UnitOfWork], proxy: TcpProxy, probe_url: str, broker: Broker
) -> None:
    contacts = [new_contact() for _ in range(4)]
    await proxy.stop()
    async with open_database(proxy.url(probe_url)) as proxied, broker.open_producer() as producer:
        replica = Replica(proxied, broker)
        await broker.publish(*numbered(contacts, 1))
        async with run_workers(
            replica.make_consumer(), replica.timers, replica.make_relay(producer)
        ):
            troubles = await until(
                lambda: replica.health.troubles,
                lambda them: "backing off" in them.get("consumer", "") and len(them) == 3,
            )
            assert troubles.keys() == {"consumer", "timers", "relay"}
            await until(lambda: sum_samples(replica.metrics.retries, worker="consumer") >= 3)
            assert await broker.count_committed() == 0
            assert await noted(database) == {}
            await proxy.start()
            await until(broker.count_committed, lambda count: count == 4)
            await until(lambda: not replica.health.troubles)
            await proxy.stop()
            await broker.publish(*numbered(contacts, 2)[4:])
            await until(lambda: len(replica.health.troubles) == 3)
            await proxy.start()
            await until(broker.count_committed, lambda count: count == 8)
            await until(lambda: not replica.health.troubles)
    assert await noted(database) == in_order(contacts, 2)
    assert await letters(database) == []


async def test_repeatedly_terminated_sessions_lose_nothing(
    database: Database[UnitOfWork], probe_url: str, broker: Broker
) -> None:
    contacts = [new_contact() for _ in range(4)]
    async with open_database(probe_url) as own, broker.open_producer() as producer:
        replica = Replica(own, broker)
        async with run_workers(
            replica.make_consumer(), replica.timers, replica.make_relay(producer)
        ):
            async with traffic(broker, contacts) as rounds:
                for n in range(1, 9):
                    await until(lambda: len(rounds), partial(operator.lt, 5 * n))
                    await rows(
                        database,
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                        # An autovacuum worker may be there, which only a superuser may end.
                        " AND backend_type = 'client backend'",
                    )
            await until(broker.count_committed, lambda count: count == len(rounds) * 4)
    assert await noted(database) == in_order(contacts, len(rounds))
    assert await letters(database) == []


async def test_consumer_waits_for_the_broker_at_start(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    event = customer_wrote(new_contact())
    await broker.publish(event)
    host, port = broker.bootstrap.split(":")
    async with tcp_proxy(host, int(port)) as proxy:
        await proxy.stop()
        replica = Replica(database, replace(broker, bootstrap=f"127.0.0.1:{proxy.port}"))
        consumer = replica.make_consumer()
        async with asyncio.TaskGroup() as group, run_workers(consumer):
            connection = replica.broker.connection
            producing = group.create_task(start_producer(connection, asyncio.Event()))
            first = consumer._backoff._next
            await until(lambda: consumer._backoff._next >= 8 * first)
            assert "cannot join its group: " in replica.health.troubles["consumer"]
            await proxy.start()
            await until(broker.count_committed, lambda count: count == 1)
            assert not replica.health.troubles
            producer = await producing
            assert producer is not None
            await producer.stop()
    assert await noted(database) == {event.contact_id: (event.excerpt,)}


async def test_too_many_dead_letters_halt_the_consumer_and_readiness(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    contact_id = new_contact()
    events = [
        *(customer_wrote(contact_id, POISON) for _ in range(5)),
        customer_wrote(contact_id, "good"),
    ]
    await broker.publish(*events)
    halting = Replica(database, broker, dead_letter_limit=3)
    async with run_workers(halting.supervise(halting.make_consumer())):
        troubles = await until(
            lambda: halting.health.troubles, lambda them: "halted" in them.get("consumer", "")
        )
        assert troubles["consumer"].startswith("halted: Too many dead letters in a row")
    assert len(await letters(database)) == 3
    assert await broker.count_committed() == 0
    assert await noted(database) == {}
    # Somebody has looked, and starts it again: it goes on where it stood.
    again = Replica(database, broker, dead_letter_limit=3)
    async with run_workers(again.make_consumer()):
        await until(broker.count_committed, lambda count: count == 6)
    assert len(await letters(database)) == 5
    assert await noted(database) == {contact_id: ("good",)}

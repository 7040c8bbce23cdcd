"""Events that may wait share a transaction with those that follow; others are handled at once."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from common.contracts.contacts import ContactResolved, CustomerWrote
from common.contracts.event import ContactId
from common.messaging.consumer import Consumer
from common.storage.database import Database
from support.databases import rows
from support.probe import (
    SUBSCRIPTIONS,
    Broker,
    Replica,
    UnitOfWork,
    customer_wrote,
    new_contact,
    run_workers,
)
from support.waiting import until


async def read_notes(database: Database[UnitOfWork], contact_id: ContactId) -> tuple[str, ...]:
    probes = await rows(database, f"SELECT notes FROM probes WHERE contact_id = '{contact_id}'")
    return tuple(probes[0].notes) if probes else ()


def count_transactions(replica: Replica) -> float:
    (metric,) = replica.metrics.batch_seconds.collect()
    return sum(sample.value for sample in metric.samples if sample.name.endswith("_count"))


async def test_event_that_may_wait_shares_a_transaction_with_the_next(
    replica: Replica, broker: Broker
) -> None:
    contact_id = new_contact()
    patient = Replica(replica.database, broker, SUBSCRIPTIONS.let_wait(CustomerWrote))
    consumer = patient.make_consumer()
    # Far longer than it takes to publish the second event.
    consumer.gather_s = 5
    async with run_workers(consumer):
        for excerpt in ("a", "b"):
            await broker.publish(customer_wrote(contact_id, excerpt))
        await until(broker.count_committed, lambda count: count == 2)
    assert await read_notes(replica.database, contact_id) == ("a", "b")
    assert count_transactions(patient) == 1


async def test_event_that_may_not_wait_is_handled_at_once(replica: Replica, broker: Broker) -> None:
    contact_id = new_contact()
    patient = Replica(replica.database, broker, SUBSCRIPTIONS.let_wait(ContactResolved))
    consumer = patient.make_consumer()
    consumer.gather_s = 3600
    async with run_workers(consumer):
        await broker.publish(customer_wrote(contact_id, "a"))
        await until(lambda: read_notes(replica.database, contact_id), lambda notes: notes == ("a",))


async def test_records_whose_partitions_go_to_another_member_are_left_to_it(
    replica: Replica, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    contacts = [new_contact() for _ in range(8)]
    await broker.publish(*(customer_wrote(contact_id) for contact_id in contacts))
    patient = Replica(replica.database, broker, SUBSCRIPTIONS.let_wait(CustomerWrote))
    consumer = patient.make_consumer()
    # Longer than a rebalance.
    consumer.gather_s = 8
    joined = asyncio.Event()

    async def join(partitions: Sequence[Any]) -> None:
        await Consumer.on_partitions_assigned(consumer, partitions)
        joined.set()

    monkeypatch.setattr(consumer, "on_partitions_assigned", join)
    async with run_workers(consumer):
        await joined.wait()
        async with run_workers(replica.make_consumer()):
            # The offsets of the partitions that stay, too.
            await until(broker.count_committed, lambda count: count == len(contacts))
    assert replica.count_messages("handled") + patient.count_messages("handled") == len(contacts)
    assert replica.count_messages("repeated") + patient.count_messages("repeated") == 0

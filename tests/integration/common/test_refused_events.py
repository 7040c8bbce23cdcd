"""Events that Kafka refuses for good: each is put aside alone, and the rest is published."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from sqlalchemy import text

from common.contracts.contacts import CustomerWrote
from common.contracts.event import MAX_EVENT_BYTES
from common.core.ids import new_id
from common.messaging.replay import ReplayFailedError
from common.messaging.subscriptions import HandlerRegistry
from common.service.database_monitor import DatabaseMonitor
from common.storage.database import Database
from common.storage.outbox import EventTooLargeError
from support.databases import async_engine, rows
from support.outbox import add_events, count_pending, read_arrivals
from support.probe import (
    Broker,
    Replica,
    UnitOfWork,
    customer_wrote,
    new_contact,
    run_workers,
    sum_samples,
)
from support.running_service import run_process
from support.waiting import until

# Over what a broker takes, and under what its connections take.
_REFUSED_BYTES = 1_200_000

_SHRINK = text("""
    UPDATE published_events SET data = CAST(jsonb_set(
        CAST(data AS jsonb), '{excerpt}', '"small"') AS json) WHERE key = :key AND sequence = 1
""")


async def add_refused(database: Database[UnitOfWork], *events: CustomerWrote) -> None:
    """Add events and let their rows grow by hand: the outbox takes none of this size."""
    await add_events(database, *events)
    async with async_engine(database).begin() as connection:
        for event in events:
            await connection.execute(
                text("""
                    UPDATE published_events SET data = CAST(jsonb_set(
                        CAST(data AS jsonb), '{excerpt}', to_jsonb(
                            CAST(data->>'excerpt' AS text) || repeat('x', :size))) AS json)
                    WHERE data->>'message_id' = :message
                """),
                {"size": _REFUSED_BYTES, "message": event.message_id},
            )


async def add_row(database: Database[UnitOfWork], **changes: Any) -> None:
    """Add a row by hand, as an operator may."""
    values = {
        "event_id": new_id(),
        "key": new_contact(),
        "sequence": 1,
        "topic": "contacts",
        "type": CustomerWrote.type,
        "data": "{}",
        **changes,
    }
    async with async_engine(database).begin() as connection:
        await connection.execute(
            text("""
                WITH event AS (
                    INSERT INTO published_events (event_id, key, sequence, topic, type, at, data)
                    SELECT :event_id, :key, :sequence, :topic, :type, now(), data
                    FROM CAST(CAST(:data AS text) AS json) AS data WHERE data IS NOT NULL
                )
                INSERT INTO outbox (event_ids) VALUES (ARRAY[CAST(:event_id AS uuid)])
            """),
            values,
        )


async def letters(database: Database[UnitOfWork]) -> Any:
    return await rows(database, "SELECT * FROM dead_letters ORDER BY id")


async def test_event_over_the_limit_fails_its_transaction(replica: Replica) -> None:
    fits = customer_wrote(new_contact(), "€" * (MAX_EVENT_BYTES // 3 - 200))
    await add_events(replica.database, fits)
    with pytest.raises(EventTooLargeError, match=r"customer_wrote\.v1 has \d+ bytes"):
        await add_events(replica.database, customer_wrote(new_contact(), "€" * 87_400))
    assert await count_pending(replica.database) == 1


async def test_handler_that_makes_too_large_an_event_leaves_a_dead_letter(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    async def grow(event: CustomerWrote, uow: UnitOfWork) -> None:
        uow.outbox.add([customer_wrote(event.contact_id, event.excerpt * 100)])

    handlers = HandlerRegistry[UnitOfWork]().on(CustomerWrote, grow)
    replica = Replica(database, broker, handlers, dead_letter_limit=3)
    bad = [customer_wrote(new_contact(), "x" * 5000) for _ in range(5)]
    await broker.publish(*bad, customer_wrote(new_contact(), "good"))
    # However many there are: who writes them must not halt the service.
    async with run_workers(replica.make_consumer()):
        await until(broker.count_committed, lambda count: count == 6)
    refused = await letters(database)
    assert {letter.key for letter in refused} == {event.contact_id for event in bad}
    assert all(letter.reason.startswith("EventTooLargeError: ") for letter in refused)
    assert await count_pending(database) == 1


async def test_refused_event_is_put_aside_and_the_rest_arrives_in_order(
    replica: Replica, broker: Broker
) -> None:
    contacts = [new_contact() for _ in range(8)]
    victim = contacts[3]
    for number in range(3):
        await add_events(
            replica.database, *(customer_wrote(contact, f"{number}") for contact in contacts)
        )
        if number == 1:
            await add_refused(replica.database, customer_wrote(victim, "large"))
    async with broker.open_producer() as producer, run_workers(replica.make_relay(producer)):
        await until(lambda: count_pending(replica.database), lambda count: count == 0)
        # The producer that was refused a batch has been replaced.
        await add_events(replica.database, *(customer_wrote(contact, "3") for contact in contacts))
        await until(lambda: count_pending(replica.database), lambda count: count == 0)
    arrivals = await read_arrivals(broker)
    assert arrivals.pop(victim) == [(1, "0"), (2, "1"), (4, "2"), (5, "3")]
    for contact in arrivals:
        assert arrivals[contact] == [(n + 1, f"{n}") for n in range(4)]
    (letter,) = await letters(replica.database)
    assert letter.origin.startswith("outbox/")
    assert letter.key == victim
    assert letter.reason.startswith("MessageSizeTooLargeError")
    assert letter.payload.startswith(b'{"excerpt": "largexxx')
    assert sum_samples(replica.metrics.outbox_refused) == 1


async def test_batch_over_the_limit_of_a_topic_is_divided_and_nothing_is_lost(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    """The relay's batches are larger than what this topic takes, and each event is smaller."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    limit = ConfigResource(ConfigResourceType.TOPIC, broker.topic(), {"max.message.bytes": "20000"})
    await admin.alter_configs([limit])
    await admin.close()
    replica = Replica(database, broker)
    contact_id = new_contact()
    await add_events(
        database, *(customer_wrote(contact_id, f"{n} " + 3000 * "x") for n in range(60))
    )
    async with broker.open_producer() as producer, run_workers(replica.make_relay(producer)):
        await until(lambda: count_pending(database), lambda count: count == 0)
    pairs = (await read_arrivals(broker))[contact_id]
    assert [sequence for sequence, _ in pairs] == list(range(1, 61))
    assert not await letters(database)
    assert not replica.health.troubles


async def test_rows_made_by_hand_stop_nobody(replica: Replica, broker: Broker) -> None:
    first, last = (customer_wrote(new_contact(), name) for name in ("first", "last"))
    await add_events(replica.database, first)
    for changes in (
        {"topic": "no such topic"},
        {"topic": "ungültig/\n"},
        {"topic": ""},
        {"data": "[1, [2], null]"},
        {"data": '"a text"'},
        {"data": None},
        {"type": "no.such.type"},
        {"key": ""},
        {"sequence": -(2**63)},
    ):
        await add_row(replica.database, **changes)
    await add_refused(
        replica.database, *(customer_wrote(first.contact_id, f"{n}") for n in range(25))
    )
    await add_events(replica.database, last)
    async with broker.open_producer() as producer, run_workers(replica.make_relay(producer)):
        await until(lambda: count_pending(replica.database), lambda count: count == 0)
    # What Kafka takes is the consumers' to refuse.
    assert len(await letters(replica.database)) == 3 + 1 + 25
    keys = {record.key.decode() for record in await broker.read_records()}
    assert {first.contact_id, last.contact_id} <= keys


@pytest.mark.parametrize("at", ["infinity", "-infinity", "0044-03-15 BC", "20000-01-01"])
async def test_time_that_python_cannot_read_is_refused_by_the_tables(
    replica: Replica, at: str
) -> None:
    for table, columns, values in (
        (
            "published_events",
            "at, event_id, key, sequence, topic, type, data",
            "1, 'contacts', 't', '{}'",
        ),
        ("timers", "due_at, contact_id, slot, type, data", "'t', '{}'"),
    ):
        key = "gen_random_uuid(), 's'"
        statement = f"INSERT INTO {table} ({columns}) VALUES ('{at}', {key}, {values})"
        with pytest.raises(Exception, match="violates check constraint"):
            await rows(replica.database, statement)


async def test_refused_event_degrades_the_service_until_it_is_discarded(
    replica: Replica, broker: Broker
) -> None:
    monitor = DatabaseMonitor(replica.database, replica.metrics, replica.health)
    await add_refused(replica.database, customer_wrote(new_contact(), "large"))
    async with broker.open_producer() as producer, run_workers(replica.make_relay(producer)):
        (letter,) = await until(lambda: letters(replica.database))
    async with replica.database.transaction() as uow:
        await monitor._measure(uow)
    assert replica.health.degradations["outbox"].startswith("Kafka has refused 1 events")
    # Its callers are not the ones to suffer from it.
    assert "outbox" not in replica.health.troubles
    await replica.make_replay().discard(letter.id, "admin:ops", "too large to matter")
    async with replica.database.transaction() as uow:
        await monitor._measure(uow)
    assert not replica.health.degradations


async def test_process_with_a_refused_event_lives_and_is_degraded(
    database: Database[UnitOfWork], probe_url: str, broker: Broker, tmp_path: Path
) -> None:
    await add_refused(database, customer_wrote(new_contact(), "large"))
    async with (
        run_process(probe_url, broker, tmp_path / "probe.log") as process,
        httpx.AsyncClient() as operations,
    ):
        await add_events(database, customer_wrote(new_contact(), "hello"))
        await until(lambda: count_pending(database), lambda count: count == 0)

        async def degradations() -> dict[str, str]:
            ready = await operations.get(str(process.ready_url))
            assert ready.status_code == 200
            degraded: dict[str, str] = ready.json()["degraded"]
            return degraded

        assert "outbox" in await until(degradations)
        assert process.running


async def test_replayed_event_is_published_under_its_number(
    replica: Replica, broker: Broker
) -> None:
    event = customer_wrote(new_contact(), "large")
    await add_refused(replica.database, event)
    await add_events(replica.database, customer_wrote(event.contact_id, "next"))
    async with broker.open_producer() as producer, run_workers(replica.make_relay(producer)):
        (letter,) = await until(lambda: letters(replica.database))
        replay = replica.make_replay()
        closed = await replay.replay(letter.id, "admin:ops")
        assert closed.state == "replayed"
        # Refused again, it is a new dead letter, not lost.
        first, second = await until(
            lambda: letters(replica.database), lambda stored: len(stored) == 2
        )
        assert (first.state, second.state) == ("replayed", "waiting")
        # As if the limit of the topic had been raised.
        async with async_engine(replica.database).begin() as connection:
            await connection.execute(_SHRINK, {"key": event.contact_id})
        await replay.replay(second.id, "admin:ops")
        await until(lambda: count_pending(replica.database), lambda count: count == 0)
    assert (await read_arrivals(broker))[event.contact_id] == [(2, "next"), (1, "small")]
    (*_, record) = await broker.read_records()
    assert dict(record.headers)["ce_id"].decode() == letter.event_id


async def test_replay_of_an_event_that_is_gone_says_so(replica: Replica, broker: Broker) -> None:
    await add_row(replica.database, data=None)
    async with broker.open_producer() as producer, run_workers(replica.make_relay(producer)):
        (letter,) = await until(lambda: letters(replica.database))
    with pytest.raises(ReplayFailedError):
        await replica.make_replay().replay(letter.id, "admin:ops")
    (again,) = await letters(replica.database)
    assert again.reason == letter.reason
    assert (again.state, again.attempts) == ("waiting", 2)
    assert await count_pending(replica.database) == 0


async def test_refusals_of_a_broken_deployment_halt_the_relay_and_not_the_process(
    replica: Replica, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka takes nothing of what it should take."""
    monkeypatch.setattr("common.messaging.relay.MAX_EVENT_BYTES", 2 * _REFUSED_BYTES)
    await add_refused(replica.database, *(customer_wrote(new_contact(), f"{n}") for n in range(22)))
    async with broker.open_producer() as producer:
        relay = replica.supervise(replica.make_relay(producer))
        async with run_workers(relay):
            troubles = await until(
                lambda: replica.health.troubles, lambda them: "halted" in them.get("relay", "")
            )
            await asyncio.sleep(0)
    assert troubles["relay"].startswith("halted: Too many dead letters in a row")
    assert await count_pending(replica.database) == 2

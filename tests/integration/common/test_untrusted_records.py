"""Records from strangers on our topics: they have no effect, halt nothing and fill nothing."""

import struct
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c
from msgspec import structs

from common.contracts.contacts import CustomerWrote
from common.contracts.services import TOPIC_OWNERS
from common.messaging.envelope import encode
from common.messaging.record_decoder import RecordDecoder
from common.messaging.record_encoder import RecordEncoder
from common.messaging.replay import Replay, ReplayFailedError
from common.messaging.signatures import SigningKey, VerificationKeys
from common.messaging.untrusted_records import UntrustedRecords
from common.storage.database import Database
from support.databases import rows
from support.outbox import add_events
from support.probe import (
    POISON,
    Broker,
    Replica,
    UnitOfWork,
    customer_wrote,
    make_envelope,
    new_contact,
    run_workers,
    sum_samples,
)
from support.waiting import until

KEYS = {service: SigningKey.generate() for service in set(TOPIC_OWNERS.values())}
PUBLIC = {service: [key.public] for service, key in KEYS.items()}
VERIFYING: dict[str, Any] = {"event_verification_keys": PUBLIC}
# More than halt a consumer that believes them.
FLOOD = 60


async def publish(
    broker: Broker, *events: CustomerWrote, key: SigningKey | None, source: str = "/upstairs/intake"
) -> None:
    """Write well-formed records, signed if there is a key."""
    encoder = RecordEncoder(broker.namespace, source, key)
    async with broker.open_producer() as producer:
        for event in events:
            value = msgspec.json.encode(event)
            envelope = structs.replace(make_envelope(event), source=source)
            await producer.send(
                broker.topic(),
                value,
                key=event.key.encode(),
                headers=encoder.headers([encoder.encode("contacts", envelope, value)])[0],
            )
        await producer.flush()


async def garbage(broker: Broker, count: int) -> None:
    async with broker.open_producer() as producer:
        for _ in range(count):
            await producer.send(broker.topic(), b"?", key=b"?")
        await producer.flush()


async def handle_all(replica: Replica, count: int, **settings: Any) -> None:
    """Run a consumer until its group has committed so many records."""
    async with run_workers(replica.make_consumer(**settings)):
        await until(replica.broker.count_committed, lambda committed: committed == count)
        assert "consumer" not in replica.health.troubles


async def notes(database: Database[UnitOfWork]) -> list[list[str]]:
    return [row.notes for row in await rows(database, "SELECT notes FROM probes")]


async def letters(database: Database[UnitOfWork]) -> list[Any]:
    return list(await rows(database, "SELECT id, reason, trusted FROM dead_letters ORDER BY id"))


@pytest.mark.parametrize("kind", ["garbage", "foreign source", "unsigned", "another's key"])
async def test_flood_from_a_stranger_halts_nothing(
    database: Database[UnitOfWork], broker: Broker, kind: str
) -> None:
    flood = [customer_wrote(new_contact(), POISON) for _ in range(FLOOD)]
    verifying = VERIFYING if kind in ("unsigned", "another's key") else {}
    match kind:
        case "garbage":
            await garbage(broker, FLOOD)
        case "foreign source":
            await publish(broker, *flood, key=None, source="/upstairs/router")
        case "unsigned":
            await publish(broker, *flood, key=None)
        case _:
            await publish(broker, *flood, key=KEYS["router"])
    await publish(broker, customer_wrote(new_contact(), "good"), key=KEYS["intake"])
    replica = Replica(database, broker, dead_letter_limit=3)
    await handle_all(replica, FLOOD + 1, **verifying)
    assert await notes(database) == [["good"]]
    assert [letter.trusted for letter in await letters(database)] == [False] * FLOOD


async def test_flood_is_kept_up_to_the_limit_and_counted(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    await garbage(broker, FLOOD)
    replica = Replica(database, broker, untrusted_record_limit=5)
    await handle_all(replica, FLOOD)
    assert len(await letters(database)) == 5
    counter = replica.metrics.untrusted_records
    assert sum_samples(counter, outcome="dead_letter") == 5
    assert sum_samples(counter, outcome="dropped") == FLOOD - 5


async def test_dead_letters_of_strangers_have_a_limit_over_all_time(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    """However many hours and restarts it takes; those of our own are not held back by it."""
    for hour in range(1, 5):
        await garbage(broker, 5)
        replica = Replica(database, broker, untrusted_record_limit=1)
        replica.dispatcher._untrusted = UntrustedRecords(replica.metrics, 5)
        replica.dispatcher._untrusted.max_waiting = 10
        await handle_all(replica, 5 * hour)
    assert len(await letters(database)) == 10
    await broker.publish(customer_wrote(new_contact(), POISON))
    await handle_all(Replica(database, broker), 21)
    assert [letter.trusted for letter in await letters(database)] == [False] * 10 + [True]


async def test_authentic_records_that_violate_the_contract_halt_the_consumer(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    """A bad deployment of the producer must not drain its topic into the dead letters."""
    encoder = RecordEncoder(broker.namespace, "/upstairs/intake", KEYS["intake"])
    async with broker.open_producer() as producer:
        for _ in range(5):
            event = customer_wrote(new_contact())
            (headers,) = encoder.headers([encoder.encode("contacts", make_envelope(event), b"{}")])
            await producer.send(broker.topic(), b"{}", key=event.key.encode(), headers=headers)
        await producer.flush()
    replica = Replica(database, broker, dead_letter_limit=3)
    async with run_workers(replica.supervise(replica.make_consumer(**VERIFYING))):
        await until(lambda: "halted" in replica.health.troubles.get("consumer", ""))
    assert [letter.trusted for letter in await letters(database)] == [True] * 3


async def test_relay_signs_what_consumers_verify(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    event = customer_wrote(new_contact(), "signed")
    publisher = Replica(database, broker)
    async with broker.open_producer() as producer:
        relay = publisher.make_relay(producer)
        relay._encoder = RecordEncoder(broker.namespace, "/upstairs/intake", KEYS["intake"])
        await add_events(database, event)
        async with run_workers(relay):
            await until(lambda: sum_samples(publisher.metrics.published) == 1)
    await handle_all(Replica(database, broker), 1, **VERIFYING)
    assert await notes(database) == [["signed"]]
    assert await letters(database) == []


async def test_record_that_failed_verification_is_not_replayed_as_if_it_were_good(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    new_key = SigningKey.generate()
    await publish(broker, customer_wrote(new_contact(), "forged"), key=new_key)
    replica = Replica(database, broker)
    await handle_all(replica, 1, **VERIFYING)
    (letter,) = await letters(database)
    keys = VerificationKeys(PUBLIC)
    replay = Replay(replica.dispatcher, RecordDecoder(broker.namespace, keys))
    with pytest.raises(ReplayFailedError, match="not signed with a key of intake"):
        await replay.replay(letter.id, "admin:ops")
    assert await notes(database) == []
    # The operator had given a wrong key, and has corrected it.
    corrected = VerificationKeys({**PUBLIC, "intake": [new_key.public]})
    replay = Replay(replica.dispatcher, RecordDecoder(broker.namespace, corrected))
    assert (await replay.replay(letter.id, "admin:ops")).state == "replayed"
    assert await notes(database) == [["forged"]]


async def test_repeated_signed_record_has_no_second_effect(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    """A stranger who may write can copy a record, but not change it."""
    event = customer_wrote(new_contact(), "once")
    await publish(broker, event, key=KEYS["intake"])
    (record,) = await broker.read_records()
    async with broker.open_producer() as producer:
        for partition in range(4):
            await producer.send_and_wait(
                broker.topic(),
                record.value,
                key=record.key,
                partition=partition,
                headers=list(record.headers),
            )
    await handle_all(Replica(database, broker), 5, **VERIFYING)
    assert await notes(database) == [["once"]]
    assert await letters(database) == []


async def test_header_name_that_is_not_text_does_not_hold_the_partition(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    """Neither the broker nor aiokafka's own parser takes care of it."""
    event = customer_wrote(new_contact(), "good")
    producer = AIOKafkaProducer(**broker.connection.options)
    await producer.start()
    try:
        for partition in range(4):
            batch = unreadable_batch(producer)
            await (await producer.send_batch(batch, broker.topic(), partition=partition))
    finally:
        await producer.stop()
    await publish(broker, event, key=KEYS["intake"])
    replica = Replica(database, broker)
    async with run_workers(replica.make_consumer(**VERIFYING)):
        await until(lambda: replica.count_messages("handled") == 1)
    assert await notes(database) == [["good"]]
    assert not replica.health.troubles


def unreadable_batch(producer: Any) -> Any:
    """Make a batch whose second record has a header with bytes for a name."""
    batch = producer.create_batch()
    for name in ("fine", "name"):
        batch.append(timestamp=None, key=b"?", value=b"?", headers=[(name, b"1")])
    batch.close()
    written = bytearray(bytes(batch._build()).replace(b"name", b"\xff\xfe\xfd\xfc"))
    # The checksum, and what it covers.
    struct.pack_into(">I", written, 17, calc_crc32c(written[21:]))
    batch._buffer = written
    return batch


async def test_large_attributes_of_a_stranger_stay_out_of_lists(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    large = b"x" * 200_000
    event = customer_wrote(new_contact())
    headers = dict(encode(make_envelope(event))) | {"ce_id": large, "ce_traceparent": large}
    async with broker.open_producer() as producer:
        await producer.send_and_wait(broker.topic(), b"?", key=large, headers=[*headers.items()])
    await handle_all(Replica(database, broker), 1)
    (row,) = await rows(
        database,
        "SELECT length(concat(type, event_id, key, reason, traceparent)) AS size FROM dead_letters",
    )
    assert row.size < 2000

"""The stream delivers each event once and in order, across replicas and reconnections."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from types import SimpleNamespace

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

import devstack
from common.contracts.clocks import ClockBreached, ClockMet
from common.contracts.escalations import EscalationNoted, PageRequested
from common.contracts.event import Event
from common.core.ids import new_id
from common.messaging.envelope import encode
from common.messaging.kafka_connection import KafkaConnection
from common.service.provision import TopicSpec, create_topics
from common.storage.database import Database
from escalation.store.unit_of_work import UnitOfWork
from integration.escalation.conftest import EscalationHarness, key
from integration.escalation.stream_harness import (
    ReceivedEvent,
    ReconnectingClients,
    Replica,
    new_contact,
    noted,
    published_sequences,
    relaying,
    replica,
    serving,
    write_eight_at_once,
)
from support.probe import Broker, make_envelope
from support.waiting import until

PARTITIONS = 4
NOTE = EscalationNoted.type
START = "-".join([".".join("0" * PARTITIONS)] * 2)


def offsets(event_id: str) -> list[int]:
    return [int(offset) for topic in event_id.split("-") for offset in topic.split(".")]


@pytest.fixture
async def broker(stack: devstack.Stack) -> Broker:
    namespace = f"test-{new_id()}"
    spec = TopicSpec(partitions=PARTITIONS, replication=1)
    topics = {"escalations": spec, "clocks": spec}
    await create_topics(KafkaConnection(stack.kafka_bootstrap), namespace, topics)
    return Broker(stack.kafka_bootstrap, namespace)


@pytest.fixture
async def single_replica(database: Database[UnitOfWork], broker: Broker) -> AsyncIterator[Replica]:
    made = replica(database, broker)
    async with serving(made):
        yield made


@pytest.fixture
async def producer(broker: Broker) -> AsyncIterator[AIOKafkaProducer]:
    async with broker.open_producer() as made:
        yield made


async def test_reconnecting_client_gets_each_event_once_and_in_order(
    database: Database[UnitOfWork], broker: Broker, service: EscalationHarness
) -> None:
    """While eight transactions write at once, and at any replica."""
    chance = random.Random(8)
    contacts = [new_contact() for _ in range(12)]
    async with database.transaction() as uow:
        await uow.prelock(contacts)
    replicas = [replica(database, broker) for _ in range(2)]
    async with serving(*replicas), relaying(database, broker):
        async with replicas[0].client() as http:
            begin = (await http.get("/v1/escalations")).headers["Last-Event-ID"]
        clients = ReconnectingClients(replicas, begin)
        readers = [asyncio.ensure_future(clients.follow(random.Random(seed))) for seed in range(4)]
        while clients.connections < 50:
            await write_eight_at_once(database, contacts, chance)
        clients.total = 1 + sum(map(len, (await published_sequences(service)).values()))
        async with database.transaction() as uow:
            uow.outbox.add([noted(contacts[0], "the last")])
        journal = await published_sequences(service)
        for received in await asyncio.gather(*readers):
            offsets: dict[str, list[int]] = defaultdict(list)
            for event in received:
                contact_id, sequence = event.place
                offsets[contact_id].append(sequence)
            assert offsets == journal


async def test_events_between_list_and_stream_are_not_lost(
    single_replica: Replica, producer: AIOKafkaProducer, broker: Broker
) -> None:
    async with single_replica.client() as http:
        before = (await http.get("/v1/escalations")).headers["Last-Event-ID"]
        assert before == START
        between = [noted(new_contact()) for _ in range(5)]
        for event in between:
            await broker.send(producer, event)
        async with single_replica.stream(before) as screen:
            caught_up = await screen.take(5)
        assert {event.data["contact_id"] for event in caught_up} == {
            event.contact_id for event in between
        }
        later = (await http.get("/v1/escalations")).headers["Last-Event-ID"]
    assert later == caught_up[-1].id
    async with single_replica.stream(last_event_id=later) as screen:
        await broker.send(producer, noted(between[0].contact_id, "new"))
        (received,) = await screen.take(1)
    assert received.data["data"] == {"by": "sam", "text": "new"}


async def test_streamed_event_has_type_ids_and_data(
    single_replica: Replica, producer: AIOKafkaProducer, broker: Broker
) -> None:
    event = noted(new_contact())
    async with single_replica.stream() as screen:
        await broker.send(producer, event)
        (received,) = await screen.take(1)
    assert received.type == "upstairs.escalation_noted.v1"
    assert received.data == {
        "contact_id": event.contact_id,
        "escalation_id": event.escalation_id,
        "sequence": 1,
        "at": "2026-03-02T09:30:00Z",
        "data": {"by": "sam", "text": "called back"},
    }


async def test_stream_filters_by_contact_escalation_and_type(
    single_replica: Replica, producer: AIOKafkaProducer, broker: Broker
) -> None:
    contact_id, other = new_contact(), new_contact()
    common = {"contact_id": contact_id, "occurred_at": "2026-03-02T09:30:00Z"}
    clock = {"clock": "resolution", "due_at": "2026-03-02T09:30:00Z", "run": 1}
    policy = {"policy_id": "gold", "policy_version": 1}
    page = {"page_id": "p", "person_id": "rita", "reason": "warning"}
    events: list[Event] = [
        msgspec.convert({**common, **clock, "met_at": "2026-03-02T09:30:00Z"}, ClockMet),
        msgspec.convert({**common, **page}, PageRequested),
        msgspec.convert({**common, **clock, **policy, "lateness_ms": 3}, ClockBreached),
        msgspec.convert({**common, **page, "escalation_id": contact_id}, PageRequested),
        noted(contact_id),
        noted(other, "the end"),
    ]
    filters: dict[str, dict[str, str]] = {
        "all": {},
        "contact": {"contact_id": contact_id},
        "escalation": {"escalation_id": contact_id},
        "clocks": {"types": "upstairs.clock_"},
    }
    expected: dict[str, list[type[Event]]] = {
        "all": [ClockBreached, PageRequested, EscalationNoted, EscalationNoted],
        "contact": [ClockBreached, PageRequested, EscalationNoted],
        "escalation": [PageRequested, EscalationNoted],
        "clocks": [ClockBreached],
    }
    async with AsyncExitStack() as stack:
        screens = {
            name: await stack.enter_async_context(single_replica.stream(**params))
            for name, params in filters.items()
        }
        for event in events:
            await broker.send(producer, event)
        for name, kinds in expected.items():
            received = await screens[name].take(len(kinds))
            assert sorted(event.type for event in received) == sorted(kind.type for kind in kinds)


async def test_stream_ends_when_its_key_is_revoked(
    database: Database[UnitOfWork], broker: Broker, producer: AIOKafkaProducer
) -> None:
    made = replica(database, broker, {"stream_heartbeat_s": 0.05})
    async with serving(made), made.stream() as screen:
        await broker.send(producer, noted(new_contact()))
        await screen.take(1)
        made.api_keys.replace([])
        await broker.send(producer, noted(new_contact()))
        async with asyncio.timeout(60):
            assert [event async for event in screen.events()] == []


async def test_heartbeat_carries_current_position(
    database: Database[UnitOfWork], producer: AIOKafkaProducer, broker: Broker
) -> None:
    """So a client need not catch up on events that its filters exclude."""
    made = replica(database, broker, {"stream_heartbeat_s": 0.02})
    async with serving(made), made.stream(contact_id=new_contact()) as screen:
        begin = screen.last_id
        await broker.send(producer, noted(new_contact()))
        async with asyncio.timeout(60):
            while screen.last_id == begin:
                assert ": heartbeat" in await screen.block()
    assert sum(offsets(screen.last_id)) == 1


async def test_event_published_twice_is_streamed_once(
    single_replica: Replica, producer: AIOKafkaProducer, broker: Broker
) -> None:
    contact_id, event_id = new_contact(), new_id()
    async with single_replica.stream() as screen:
        begin = screen.last_id
        for _ in range(2):
            await broker.send(producer, noted(contact_id, "again"), event_id)
        await broker.send(producer, noted(contact_id, "new"))
        live = await screen.take(2)
    async with single_replica.stream(begin) as screen:
        missed = await screen.take(2)
    for events in (live, missed):
        assert [event.data["data"]["text"] for event in events] == ["again", "new"]


async def test_malformed_record_is_skipped(
    single_replica: Replica, producer: AIOKafkaProducer, broker: Broker
) -> None:
    contact_id = new_contact()
    async with single_replica.stream() as screen:
        headers = [("ce_type", NOTE.encode())]
        await producer.send_and_wait(
            broker.topic("escalations"), key=contact_id.encode(), value=b"{", headers=headers
        )
        await broker.send(producer, noted(contact_id))
        (received,) = await screen.take(1)
    assert sum(offsets(received.id)) == 2


async def test_record_that_cannot_be_streamed_ends_no_stream(
    single_replica: Replica, producer: AIOKafkaProducer, broker: Broker
) -> None:
    """Its number is an integer, but larger than JSON's writer takes."""
    contact_id = new_contact()
    event = noted(contact_id)
    async with single_replica.stream() as screen:
        await producer.send_and_wait(
            broker.topic("escalations"),
            key=contact_id.encode(),
            value=msgspec.json.encode(event),
            headers=encode(make_envelope(event, sequence=2**70)),
        )
        await broker.send(producer, noted(contact_id, "next"))
        (received,) = await screen.take(1)
    assert received.data["data"]["text"] == "next"


@pytest.mark.parametrize("wrong", ["nonsense", "1..2", "-1.0.0.0", "1,2"])
async def test_malformed_event_id_is_refused(single_replica: Replica, wrong: str) -> None:
    path = "/v1/escalations/stream"
    async with single_replica.client() as http:
        for answer in (
            await http.get(path, headers={"Last-Event-ID": wrong}),
            await http.get(path, params={"last_event_id": wrong}),
        ):
            assert answer.status_code == 422
            assert "event" in answer.json()["detail"]


@pytest.mark.parametrize("gone", ["7.0.0.0-0.0.0.0", "0.0.0.0.0-0.0.0.0", "1.0.0.0"])
async def test_unknown_offsets_answer_410(single_replica: Replica, gone: str) -> None:
    async with single_replica.client() as http:
        answer = await http.get("/v1/escalations/stream", headers={"Last-Event-ID": gone})
    assert answer.status_code == 410
    assert "Reload the list" in answer.json()["detail"]


async def test_deleted_events_answer_410(
    single_replica: Replica, producer: AIOKafkaProducer, broker: Broker
) -> None:
    contact_id = new_contact()
    async with single_replica.stream() as screen:
        begin = screen.last_id
        for _ in range(3):
            await broker.send(producer, noted(contact_id))
        first, *_, last = await screen.take(3)
    partition = offsets(last.id).index(3)
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    gone = {TopicPartition(broker.topic("escalations"), partition): RecordsToDelete(2)}
    await admin.delete_records(gone)
    await admin.close()
    async with single_replica.client() as http:
        for after in (begin, first.id):
            headers = {"Last-Event-ID": after}
            answer = await http.get("/v1/escalations/stream", headers=headers)
            assert answer.status_code == 410
    async with single_replica.stream(last.id) as screen:
        await broker.send(producer, noted(contact_id, "new"))
        (received,) = await screen.take(1)
    assert received.data["data"]["text"] == "new"


async def test_gap_in_topic_closes_all_streams(single_replica: Replica, broker: Broker) -> None:
    """Retention deleted unread events: clients that reconnect get 410."""
    record = SimpleNamespace(topic=broker.topic("escalations"), partition=1, offset=7, headers=[])
    async with single_replica.stream() as screen, asyncio.timeout(60):
        await single_replica.broadcaster._broadcast((0, 1), [record])
        assert [event async for event in screen.events()] == []
    async with single_replica.client() as http:
        listed = await http.get("/v1/escalations")
    assert offsets(listed.headers["Last-Event-ID"])[1] == 8


async def test_slow_client_is_closed_and_loses_nothing(
    database: Database[UnitOfWork], producer: AIOKafkaProducer, broker: Broker
) -> None:
    made = replica(database, broker, {"max_buffered_events": 20})
    contact_id = new_contact()
    received: list[ReceivedEvent] = []
    async with serving(made):
        async with made.stream() as screen:
            # One arrives before the flood: a whole buffer may come with one fetch.
            await broker.send(producer, noted(contact_id, "0"))
            received += await screen.take(1)
            sent = 1
            while made.broadcaster.subscriber_count:
                assert sent < 4000
                await broker.send(producer, noted(contact_id, f"{sent} {'x' * 10_000}"))
                sent += 1
            # The connection may end within an event, which then does not count.
            with suppress(httpx.RemoteProtocolError):
                async for event in screen.events():
                    received.append(event)
        assert 0 < len(received) < sent
        async with made.stream(received[-1].id) as screen:
            received += await screen.take(sent - len(received))
    numbers = [int(event.data["data"]["text"].split()[0]) for event in received]
    assert numbers == list(range(sent))


async def test_open_streams_end_when_service_stops(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    made = replica(database, broker)
    async with AsyncExitStack() as clients, asyncio.timeout(60):
        async with serving(made):
            screens = [await clients.enter_async_context(made.stream()) for _ in range(3)]
        for screen in screens:
            assert [event async for event in screen.events()] == []


async def test_list_works_without_kafka_and_stream_does_not(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    nowhere = f"127.0.0.1:{devstack.free_port()}"
    made = replica(database, broker, kafka_bootstrap=nowhere)
    async with serving(made), made.client() as http:
        listed = await http.get("/v1/escalations")
        assert listed.status_code == 200
        assert "Last-Event-ID" not in listed.headers
        answer = await http.get("/v1/escalations/stream")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


async def test_streams_of_a_caller_and_in_all_are_limited(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    limited = replica(database, broker, max_streams=3, max_streams_per_caller=2)

    async def refused(caller: str) -> tuple[int, str]:
        async with limited.client() as http:
            answer = await http.get("/v1/escalations/stream", headers=key(caller))
        return answer.status_code, answer.json()["type"]

    too_many = (429, "urn:upstairs:problem:too-many-streams")
    async with serving(limited):
        async with limited.stream(), limited.stream():
            assert await refused("sam") == too_many
            async with (
                limited.client() as http,
                http.stream("GET", "/v1/escalations/stream", headers=key("kim")) as other,
            ):
                assert other.status_code == 200
                assert await refused("mia") == too_many
        # Streams that have ended, and those that were refused, do not count.
        await until(lambda: limited.broadcaster.subscriber_count == 0)
        async with limited.stream(), limited.stream():
            assert await refused("sam") == too_many


async def test_stream_requires_staff_role(single_replica: Replica) -> None:
    async with single_replica.client() as http:
        for caller, status in (({"Authorization": "Bearer ?"}, 401), (key("zendesk"), 403)):
            answer = await http.get("/v1/escalations/stream", headers=caller)
            assert answer.status_code == status

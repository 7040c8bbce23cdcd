"""Contacts over Kafka: applied once, or back at their writer with the reason."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

import devstack
from common.core.clock import TimeSource
from common.core.health import Health
from common.core.ids import new_id
from common.core.metrics import Metrics
from common.messaging.kafka_connection import KafkaConnection
from common.service.provision import TopicSpec, create_topics
from common.storage.database import Database
from intake.connections.activity import NoticedActivity
from intake.domain.customers import CustomerNamespaces
from intake.domain.understanding.signs import SignReader, standard_rules
from intake.metrics import InboundMetrics
from intake.settings import Settings
from intake.store import UnitOfWork
from intake.workers.inbound import InboundWorker
from intake.workers.inbound_records import InboundRecordHandler
from intake.workers.refusals import RefusalPublisher
from integration.intake.harness import key, published
from stage.system import TOPICS
from support.databases import Postgres, rows
from support.inbound_records import SECRET, Headers, binary, event, sign, structured
from support.probe import Broker, record_statements, run_workers, sum_samples
from support.waiting import until

SIGNS = SignReader(standard_rules())


@pytest.fixture
async def broker(stack: devstack.Stack) -> Broker:
    namespace = f"test-{new_id()}"
    listed = yaml.safe_load(TOPICS.read_text())["topics"]
    names = ("inbound", "inbound-refused")
    specs = {name: TopicSpec.model_validate(listed[name]) for name in names}
    await create_topics(KafkaConnection(stack.kafka_bootstrap), namespace, specs)
    return Broker(stack.kafka_bootstrap, namespace)


@pytest.fixture
async def acme(api: httpx.AsyncClient) -> None:
    for name, options in (("acme", {}), ("open", {"unsigned_kafka": True})):
        answer = await api.put(
            f"/v1/channels/cloudevents/{name}",
            json={"secret": SECRET, "options": options},
            headers=key("admin"),
        )
        assert answer.status_code == 204


@pytest.fixture
async def producer(broker: Broker) -> AsyncIterator[AIOKafkaProducer]:
    async with broker.open_producer() as producer:
        yield producer


class Channel:
    """Writes records to the inbound topic, and reads what comes back."""

    def __init__(self, broker: Broker, producer: AIOKafkaProducer) -> None:
        self.broker = broker
        self._producer = producer
        self.sent = 0

    async def send(
        self, headers: Headers, value: bytes | None, record_key: bytes | None = b"T-1"
    ) -> Any:
        self.sent += 1
        return await self._producer.send_and_wait(
            self.broker.topic("inbound"), key=record_key, value=value, headers=headers
        )

    async def send_signed(self, content: dict[str, Any], *, mode: Any = structured) -> Any:
        headers, value = mode(content)
        return await self.send(sign(headers, value, TimeSource().utc_now()), value)

    async def read_refusals(self) -> list[Any]:
        place = TopicPartition(self.broker.topic("inbound-refused"), 0)
        reader = AIOKafkaConsumer(bootstrap_servers=self.broker.bootstrap)
        await reader.start()
        try:
            reader.assign([place])
            await reader.seek_to_beginning(place)
            end = (await reader.end_offsets([place]))[place]
            records: list[Any] = []
            while await reader.position(place) < end:
                polled = await reader.getmany(timeout_ms=100)
                records += polled.get(place, [])
        finally:
            await reader.stop()
        return records


@pytest.fixture
def channel(broker: Broker, producer: AIOKafkaProducer) -> Channel:
    return Channel(broker, producer)


class Intake:
    """The inbound worker as `build` makes it."""

    def __init__(self, database: Database[UnitOfWork], broker: Broker) -> None:
        self.metrics, self.health = Metrics(), Health()
        self.inbound = InboundMetrics(self.metrics)
        self.noticed = NoticedActivity()
        settings = Settings.model_validate(broker.make_settings(kafka_inbound=True).model_dump())
        self.worker = InboundWorker(
            settings,
            database,
            CustomerNamespaces({}),
            SIGNS,
            self.noticed,
            self.metrics,
            self.inbound,
            self.health,
        )

    def count(self, outcome: str) -> float:
        return sum_samples(self.inbound.records, outcome=outcome)

    async def count_handled(self) -> float:
        return sum_samples(self.inbound.records)

    @asynccontextmanager
    async def run_until_handled(self, count: int) -> AsyncIterator[None]:
        async with run_workers(self.worker):
            await until(self.count_handled, lambda handled: handled == count)
            yield


@pytest.fixture
def intake(database: Database[UnitOfWork], broker: Broker) -> Intake:
    return Intake(database, broker)


async def test_signed_events_are_applied_once_by_kafka_and_by_http(
    api: httpx.AsyncClient,
    acme: None,
    database: Database[UnitOfWork],
    channel: Channel,
    intake: Intake,
) -> None:
    await channel.send_signed(event(1))
    await channel.send_signed(event(2), mode=binary)
    await channel.send_signed(event(1))
    note = event(3, type="shop.stock_counted")
    await channel.send_signed(note)
    async with intake.run_until_handled(4):
        assert intake.health.troubles == {}
    outcomes = {name: intake.count(name) for name in ("applied", "repeated", "ignored")}
    assert outcomes == {"applied": 2, "repeated": 1, "ignored": 1}
    by_http = await api.post(
        "/v1/channels/cloudevents/acme",
        content=json.dumps(event(2)),
        headers={"Authorization": f"Bearer {SECRET}"},
    )
    assert by_http.json()["results"][0]["repeated"] is True
    received = ["contact_received", "contact_received"]
    assert [name for name in await published(database) if name == received[0]] == received
    assert await channel.read_refusals() == []


async def test_refused_records_come_back_and_stop_nobody(
    acme: None, database: Database[UnitOfWork], channel: Channel, intake: Intake
) -> None:
    """More of them than dead letters that would halt a consumer."""
    now = TimeSource().utc_now()
    headers, value = structured(event(1))
    named: Headers = [*headers, ("upstairs-connection", b"acme")]
    refused = {
        "malformed": [
            await channel.send([("upstairs-connection", b"acme")], b"\x00\xff", None),
            await channel.send(sign(headers, b"{not JSON", now), b"{not JSON"),
            await channel.send(sign(headers, b"{}", now), b"{}"),
            await channel.send(named, None),
        ],
        "no-connection": [await channel.send(headers, value)],
        "signature-refused": [
            await channel.send(named, value, f"T-{number}".encode()) for number in range(30)
        ],
    }
    reused = event(1, type="upstairs.inbound.contact_resolved.v1")
    await channel.send_signed(event(1))
    refused["not-applied"] = [await channel.send_signed(reused)]
    await channel.send([*headers, ("upstairs-connection", b"open")], value)
    async with intake.run_until_handled(channel.sent):
        assert intake.health.troubles == {}
    assert intake.count("applied") == 2
    returned = await channel.read_refusals()
    by_code: dict[str, set[tuple[int, int]]] = {}
    for record in returned:
        fields = {name: (text or b"").decode(errors="replace") for name, text in record.headers}
        assert fields["upstairs-refused-topic"] == channel.broker.topic("inbound")
        place = (int(fields["upstairs-refused-partition"]), int(fields["upstairs-refused-offset"]))
        by_code.setdefault(fields["upstairs-refusal-code"], set()).add(place)
        assert fields["upstairs-refusal-detail"]
    expected = {
        code: {(sent.partition, sent.offset) for sent in all_sent}
        for code, all_sent in refused.items()
    }
    assert by_code == expected
    assert {record.key for record in returned} >= {None, b"T-1", b"T-29"}
    assert b"\x00\xff" in {record.value for record in returned}
    assert await rows(database, "SELECT * FROM dead_letters") == []


async def test_refusal_of_a_large_record_is_bounded(
    acme: None, channel: Channel, intake: Intake
) -> None:
    value = b"x" * 900_000
    large: Headers = [(f"x-{number}", b"y" * 3000) for number in range(20)]
    await channel.send([("upstairs-connection", b"acme"), *large], value, b"k" * 5000)
    async with intake.run_until_handled(1):
        pass
    (refusal,) = await channel.read_refusals()
    assert (len(refusal.key), len(refusal.value)) == (4096, 256 * 1024)
    assert dict(refusal.headers)["upstairs-refused-bytes"] == b"900000"


async def test_record_that_fails_by_our_fault_is_kept_for_a_replay(
    api: httpx.AsyncClient,
    acme: None,
    database: Database[UnitOfWork],
    postgres: Postgres,
    database_name: str,
    channel: Channel,
    intake: Intake,
) -> None:
    await postgres.execute(
        "ALTER TABLE intake.customers ADD CONSTRAINT broken CHECK (customer_id !~ 'c-2')",
        database=database_name,
    )
    for number in (1, 2, 3):
        await channel.send_signed(event(number))
    async with intake.run_until_handled(3):
        assert intake.health.troubles == {}
    assert (intake.count("applied"), intake.count("kept")) == (2, 1)
    assert await channel.read_refusals() == []
    (letter,) = await rows(database, "SELECT id FROM dead_letters")
    await postgres.execute(
        "ALTER TABLE intake.customers DROP CONSTRAINT broken", database=database_name
    )
    replayed = await api.post(f"/v1/dead-letters/{letter.id}/replay", headers=key("admin"))
    assert replayed.status_code == 200, replayed.text
    (counted,) = await rows(database, "SELECT count(*) AS contacts FROM contacts")
    assert counted.contacts == 3


async def test_last_delivery_and_last_failure_of_records_are_noticed(
    acme: None, channel: Channel, intake: Intake
) -> None:
    headers, value = structured(event(1))
    await channel.send([*headers, ("upstairs-connection", b"acme")], value)
    await channel.send([*headers, ("upstairs-connection", b"nobody")], value)
    async with intake.run_until_handled(2):
        pass
    (unproven,) = intake.noticed.take()
    assert (unproven.kind, unproven.connection) == ("cloudevents", "acme")
    assert (unproven.last_delivery_at, unproven.failure_code) == (None, "signature-refused")
    await channel.send_signed(event(1))
    async with intake.run_until_handled(3):
        pass
    (applied,) = intake.noticed.take()
    assert applied.last_delivery_at is not None
    assert applied.failure_code is None
    await channel.send_signed(event(1, type="upstairs.inbound.contact_resolved.v1"))
    async with intake.run_until_handled(4):
        pass
    (refused,) = intake.noticed.take()
    assert refused.last_delivery_at is not None
    assert (refused.failure_code, refused.failure_detail) == ("not-applied", "KeyReusedError")


async def test_connection_that_cant_be_read_stops_no_other(
    acme: None, database: Database[UnitOfWork], channel: Channel, intake: Intake
) -> None:
    async with database.transaction() as uow:
        await uow.connection.driver.execute(
            "UPDATE channel_connections SET secrets = '[{}]' WHERE connection = 'open'"
        )
    headers, value = structured(event(1))
    await channel.send([*headers, ("upstairs-connection", b"open")], value)
    await channel.send_signed(event(2))
    async with intake.run_until_handled(2):
        assert (intake.count("refused"), intake.count("applied")) == (1, 1)


async def test_records_of_a_paused_connection_come_back_until_it_is_active(
    api: httpx.AsyncClient, acme: None, channel: Channel, intake: Intake
) -> None:
    async def put(state: str) -> None:
        body = {"secret": SECRET, "state": state}
        answer = await api.put("/v1/channels/cloudevents/acme", json=body, headers=key("admin"))
        assert answer.status_code == 204

    await put("paused")
    headers, value = structured(event(1))
    await channel.send([*headers, ("upstairs-connection", b"acme")], value)
    await channel.send_signed(event(1))
    async with intake.run_until_handled(2):
        pass
    codes = [
        dict(refusal.headers)["upstairs-refusal-code"] for refusal in await channel.read_refusals()
    ]
    # Only who has the secret learns that it is paused.
    assert sorted(codes) == [b"connection-paused", b"signature-refused"]
    (row,) = intake.noticed.take()
    assert row.last_delivery_at is None
    await put("active")
    await channel.send_signed(event(1))
    async with intake.run_until_handled(3):
        assert intake.count("applied") == 1


@pytest.mark.parametrize("size", [1, 100])
async def test_batch_takes_a_fixed_number_of_statements(
    acme: None, database: Database[UnitOfWork], broker: Broker, channel: Channel, size: int
) -> None:
    """Names of connections that do not exist cost no statement each."""
    metrics = InboundMetrics(Metrics())
    async with broker.open_producer() as own:
        refusals = RefusalPublisher(own, broker.topic("inbound-refused"))
        handler = InboundRecordHandler(
            database, CustomerNamespaces({}), SIGNS, refusals, NoticedActivity(), metrics
        )
        for number in range(size):
            await channel.send_signed(event(number))
            headers, value = structured(event(number))
            stranger = ("upstairs-connection", f"stranger-{number}".encode())
            await channel.send([*headers, stranger], value)
        polled = await read_all(broker)
        async with record_statements(database) as sent:
            await handler.handle(polled)
    # Two transactions: which connections there are; their events as of one batch over HTTP.
    assert len(sent) <= 5 + 9, sent
    assert sum_samples(metrics.records, outcome="applied") == size
    assert sum_samples(metrics.records, outcome="refused") == size


async def read_all(broker: Broker) -> dict[TopicPartition, Sequence[Any]]:
    """Return all records of the inbound topic, as one poll."""
    reader = AIOKafkaConsumer(
        broker.topic("inbound"), bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest"
    )
    await reader.start()
    polled: dict[TopicPartition, Sequence[Any]] = {}
    try:
        ends = await reader.end_offsets(reader.assignment())
        while any([await reader.position(part) < end for part, end in ends.items()]):
            for part, batch in (await reader.getmany(timeout_ms=100)).items():
                polled[part] = [*polled.get(part, ()), *batch]
    finally:
        await reader.stop()
    return polled

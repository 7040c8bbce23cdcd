"""The stream: each event once and in order, from any replica, wherever a client was cut off."""

import asyncio
import random
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

import devstack
from common.contracts.escalations import (
    ClockBreached,
    ClockMet,
    EscalationNoted,
    PageRequested,
)
from common.contracts.event import ContactId, Event
from common.core.health import Health
from common.core.ids import new_id
from common.core.metrics import Metrics
from common.http.app import HttpServer
from common.messaging.relay import Relay
from common.service.provision import TopicSpec, create_topics
from common.service.spec import application
from common.storage.database import Database
from escalation.api import live
from escalation.main import build
from escalation.settings import Settings
from escalation.store.unit_of_work import UnitOfWork
from escalation.stream import subscriber
from escalation.stream.broadcaster import Hub
from integration.escalation.conftest import Desk, key
from support.probe import Broker, running
from support.waiting import until

PARTITIONS = 4
NOTE = EscalationNoted.type


@dataclass(frozen=True)
class Told:
    id: str
    type: str
    data: dict[str, Any]

    @property
    def place(self) -> tuple[str, int]:
        return self.data["contact_id"], self.data["sequence"]


@dataclass(frozen=True)
class Replica:
    """One process of escalation, as far as screens see it."""

    hub: Hub
    server: HttpServer
    url: str

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=self.url, headers=key("rita")) as http:
            yield http

    @asynccontextmanager
    async def stream(self, after: str | None = None, **params: str) -> AsyncIterator["Screen"]:
        headers = {} if after is None else {"Last-Event-ID": after}
        async with (
            self.client() as http,
            http.stream(
                "GET", "/v1/escalations/stream", headers=headers, params=params, timeout=30
            ) as answer,
        ):
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            screen = Screen(answer.aiter_lines())
            await screen.connected()
            yield screen


class Screen:
    """Reads as a browser does: a line for each field, an empty one after each event."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.last_id = ""

    async def connected(self) -> None:
        assert ": connected" in await self.block()

    async def told(self) -> AsyncIterator[Told]:
        while block := await self.block():
            fields = dict(line.split(": ", 1) for line in block if not line.startswith(":"))
            if "data" in fields:
                yield Told(fields["id"], fields["event"], orjson.loads(fields["data"]))

    async def take(self, count: int) -> list[Told]:
        found: list[Told] = []
        told = self.told()
        async with asyncio.timeout(60):
            while len(found) < count:
                found.append(await anext(told))
        return found

    async def block(self) -> list[str]:
        block: list[str] = []
        async for line in self._lines:
            if not line and block:
                break
            block.append(line)
            if line.startswith("id: "):
                self.last_id = line.removeprefix("id: ")
        return block


@pytest.fixture
async def broker(stack: devstack.Stack) -> Broker:
    namespace = f"test-{new_id()}"
    topics = {"escalations": TopicSpec(partitions=PARTITIONS, replication=1)}
    await create_topics(stack.kafka_bootstrap, namespace, topics)
    return Broker(stack.kafka_bootstrap, namespace)


def replica(database: Database[UnitOfWork], broker: Broker, **changes: Any) -> Replica:
    settings = Settings.model_validate(
        broker.settings().model_dump() | {"api_keys": key.listed, **changes}
    )
    made = build(settings)
    hub = made.state["hub"]
    assert isinstance(hub, Hub)
    app = application(made, settings, database, Metrics(), Health())
    port = devstack.free_port()
    return Replica(hub, HttpServer(app, "127.0.0.1", port), f"http://127.0.0.1:{port}")


@asynccontextmanager
async def served(*replicas: Replica) -> AsyncIterator[None]:
    async with running(*(worker for one in replicas for worker in (one.hub, one.server))):
        for one in replicas:
            async with one.client() as http:
                await until(lambda http=http: answers(http))  # type: ignore[misc]
        yield


async def answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/livez")).status_code == 200
    except httpx.ConnectError:
        return False


@pytest.fixture
async def one(database: Database[UnitOfWork], broker: Broker) -> AsyncIterator[Replica]:
    made = replica(database, broker)
    async with served(made):
        yield made


@pytest.fixture
async def producer(broker: Broker) -> AsyncIterator[AIOKafkaProducer]:
    async with broker.producer() as made:
        yield made


@asynccontextmanager
async def relayed(database: Database[UnitOfWork], broker: Broker) -> AsyncIterator[None]:
    """Publish what is committed, as a replica does."""
    async with broker.producer() as producer:
        relay = Relay(
            database.engine,
            producer,
            Metrics(),
            Health(),
            source="/upstairs/escalation",
            namespace=broker.namespace,
        )
        async with running(relay):
            yield


def noted(contact_id: ContactId, text: str = "called back") -> EscalationNoted:
    return EscalationNoted.model_validate(
        {
            "contact_id": contact_id,
            "occurred_at": "2026-03-02T09:30:00Z",
            "escalation_id": contact_id,
            "by": "sam",
            "text": text,
        }
    )


def new_contact() -> ContactId:
    return ContactId(new_id())


async def written_by_eight(
    database: Database[UnitOfWork], contacts: Sequence[ContactId], chance: random.Random
) -> None:
    async def write(contact_id: ContactId) -> None:
        async with database.transaction() as uow:
            uow.outbox.add([noted(contact_id)])

    await asyncio.gather(*map(write, chance.choices(contacts, k=8)))


async def journalled(desk: Desk) -> dict[str, list[int]]:
    rows = await desk.rows(
        "SELECT key AS id, array_agg(sequence ORDER BY sequence) AS sequences"
        " FROM published_events GROUP BY 1"
    )
    return {row.id: list(row.sequences) for row in rows}


class Screens:
    """Clients that follow until they have as many events as there are."""

    def __init__(self, replicas: Sequence[Replica], begin: str) -> None:
        self._replicas = replicas
        self._begin = begin
        self.total = sys.maxsize
        self.connections = 0

    async def follow(self, chance: random.Random) -> list[Told]:
        """Be cut off again and again, at one replica and then at another."""
        found: list[Told] = []
        after = self._begin
        while len(found) < self.total:
            self.connections += 1
            async with chance.choice(self._replicas).stream(after) as screen:
                for _ in range(chance.choice([1, 20, 200])):
                    if len(found) < self.total:
                        found += await screen.take(1)
            after = found[-1].id
        return found


async def test_who_is_cut_off_again_and_again_gets_each_event_once_and_in_order(
    database: Database[UnitOfWork], broker: Broker, desk: Desk
) -> None:
    """While eight write, and whichever replica it comes to."""
    chance = random.Random(8)  # noqa: S311 - no secret
    contacts = [new_contact() for _ in range(12)]
    replicas = [replica(database, broker) for _ in range(2)]
    async with served(*replicas), relayed(database, broker):
        async with replicas[0].client() as http:
            begin = (await http.get("/v1/escalations")).headers["Last-Event-ID"]
        screens = Screens(replicas, begin)
        subscriber = [
            asyncio.ensure_future(screens.follow(random.Random(seed)))  # noqa: S311 - no secret
            for seed in range(4)
        ]
        while screens.connections < 50:
            await written_by_eight(database, contacts, chance)
        screens.total = 1 + sum(map(len, (await journalled(desk)).values()))
        async with database.transaction() as uow:
            uow.outbox.add([noted(contacts[0], "the last")])
        journal = await journalled(desk)
        for found in await asyncio.gather(*subscriber):
            seen: dict[str, list[int]] = defaultdict(list)
            for told in found:
                contact_id, sequence = told.place
                seen[contact_id].append(sequence)
            assert seen == journal


async def test_what_comes_between_the_list_and_the_stream_is_not_lost(
    one: Replica, producer: AIOKafkaProducer, broker: Broker
) -> None:
    async with one.client() as http:
        before = (await http.get("/v1/escalations")).headers["Last-Event-ID"]
        assert before == ".".join("0" * PARTITIONS)
        between = [noted(new_contact()) for _ in range(5)]
        for event in between:
            await broker.send(producer, event)
        async with one.stream(before) as screen:
            found = await screen.take(5)
        assert {told.data["contact_id"] for told in found} == {e.contact_id for e in between}
        later = (await http.get("/v1/escalations")).headers["Last-Event-ID"]
    assert later == found[-1].id
    async with one.stream(last_event_id=later) as screen:
        await broker.send(producer, noted(between[0].contact_id, "new"))
        (told,) = await screen.take(1)
    assert told.data["data"] == {"by": "sam", "text": "new"}


async def test_an_event_says_what_it_is_and_whose(
    one: Replica, producer: AIOKafkaProducer, broker: Broker
) -> None:
    event = noted(new_contact())
    async with one.stream() as screen:
        await broker.send(producer, event)
        (told,) = await screen.take(1)
    assert told.type == "upstairs.escalation_noted.v1"
    assert told.data == {
        "contact_id": event.contact_id,
        "escalation_id": event.escalation_id,
        "sequence": 1,
        "at": "2026-03-02T09:30:00Z",
        "data": {"by": "sam", "text": "called back"},
    }


async def test_only_what_concerns_screens_and_is_asked_for_is_told(
    one: Replica, producer: AIOKafkaProducer, broker: Broker
) -> None:
    contact_id, other = new_contact(), new_contact()
    common = {"contact_id": contact_id, "occurred_at": "2026-03-02T09:30:00Z"}
    clock = {"clock": "resolution", "due_at": "2026-03-02T09:30:00Z"}
    page = {"page_id": "p", "person_id": "rita", "reason": "warning", "headline": "!", "why": "?"}
    events: list[Event] = [
        ClockMet.model_validate({**common, **clock, "met_at": "2026-03-02T09:30:00Z"}),
        PageRequested.model_validate({**common, **page}),
        ClockBreached.model_validate({**common, **clock, "lateness_ms": 3}),
        PageRequested.model_validate({**common, **page, "escalation_id": contact_id}),
        noted(contact_id),
        noted(other, "the end"),
    ]
    asked: dict[str, dict[str, str]] = {
        "all": {},
        "contact": {"contact_id": contact_id},
        "escalation": {"escalation_id": contact_id},
        "clocks": {"types": "upstairs.clock_"},
    }
    told: dict[str, list[type[Event]]] = {
        "all": [ClockBreached, PageRequested, EscalationNoted, EscalationNoted],
        "contact": [ClockBreached, PageRequested, EscalationNoted],
        "escalation": [PageRequested, EscalationNoted],
        "clocks": [ClockBreached],
    }
    async with AsyncExitStack() as stack:
        screens = {
            name: await stack.enter_async_context(one.stream(**params))
            for name, params in asked.items()
        }
        for event in events:
            await broker.send(producer, event)
        for name, kinds in told.items():
            found = await screens[name].take(len(kinds))
            assert sorted(one.type for one in found) == sorted(kind.type for kind in kinds)


async def test_a_heartbeat_says_how_far_the_client_has_come(
    one: Replica, producer: AIOKafkaProducer, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it need not catch up on what its filters hold back."""
    monkeypatch.setattr(live, "_HEARTBEAT_S", 0.02)
    async with one.stream(contact_id=new_contact()) as screen:
        begin = screen.last_id
        await broker.send(producer, noted(new_contact()))
        async with asyncio.timeout(60):
            while screen.last_id == begin:
                assert ": heartbeat" in await screen.block()
    assert sum(map(int, screen.last_id.split("."))) == 1


async def test_an_event_that_is_published_twice_is_told_once(
    one: Replica, producer: AIOKafkaProducer, broker: Broker
) -> None:
    contact_id, event_id = new_contact(), new_id()
    async with one.stream() as screen:
        begin = screen.last_id
        for _ in range(2):
            await broker.send(producer, noted(contact_id, "again"), event_id)
        await broker.send(producer, noted(contact_id, "new"))
        live = await screen.take(2)
    async with one.stream(begin) as screen:
        missed = await screen.take(2)
    for found in (live, missed):
        assert [told.data["data"]["text"] for told in found] == ["again", "new"]


async def test_what_can_not_be_read_is_passed_over(
    one: Replica, producer: AIOKafkaProducer, broker: Broker
) -> None:
    contact_id = new_contact()
    async with one.stream() as screen:
        headers = [("ce_type", NOTE.encode())]
        await producer.send_and_wait(
            broker.topic("escalations"), key=contact_id.encode(), value=b"{", headers=headers
        )
        await broker.send(producer, noted(contact_id))
        (told,) = await screen.take(1)
    assert sum(map(int, told.id.split("."))) == 2


@pytest.mark.parametrize("wrong", ["nonsense", "1..2", "-1.0.0.0", "1,2"])
async def test_what_is_no_id_is_refused(one: Replica, wrong: str) -> None:
    path = "/v1/escalations/stream"
    async with one.client() as http:
        for answer in (
            await http.get(path, headers={"Last-Event-ID": wrong}),
            await http.get(path, params={"last_event_id": wrong}),
        ):
            assert answer.status_code == 422
            assert "event" in answer.json()["detail"]


@pytest.mark.parametrize("gone", ["7.0.0.0", "0.0.0.0.0"])
async def test_who_asks_for_events_that_are_gone_is_told_to_load_the_list(
    one: Replica, gone: str
) -> None:
    async with one.client() as http:
        answer = await http.get("/v1/escalations/stream", headers={"Last-Event-ID": gone})
    assert answer.status_code == 410
    assert "Load the list anew" in answer.json()["detail"]


async def test_who_missed_what_is_no_longer_kept_is_told_to_load_the_list(
    one: Replica, producer: AIOKafkaProducer, broker: Broker
) -> None:
    contact_id = new_contact()
    async with one.stream() as screen:
        begin = screen.last_id
        for _ in range(3):
            await broker.send(producer, noted(contact_id))
        first, *_, last = await screen.take(3)
    partition = last.id.split(".").index("3")
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    gone = {TopicPartition(broker.topic("escalations"), partition): RecordsToDelete(2)}
    await admin.delete_records(gone)
    await admin.close()
    async with one.client() as http:
        for after in (begin, first.id):
            headers = {"Last-Event-ID": after}
            answer = await http.get("/v1/escalations/stream", headers=headers)
            assert answer.status_code == 410
    async with one.stream(last.id) as screen:
        await broker.send(producer, noted(contact_id, "new"))
        (told,) = await screen.take(1)
    assert told.data["data"]["text"] == "new"


async def test_a_gap_in_the_topic_ends_all_streams(one: Replica) -> None:
    """Retention has overtaken the reader: whoever comes again is told."""
    record = SimpleNamespace(partition=1, offset=7, headers=[])
    async with one.stream() as screen, asyncio.timeout(60):
        one.hub._take(1, [record])
        assert [told async for told in screen.told()] == []
    async with one.client() as http:
        listed = await http.get("/v1/escalations")
    assert listed.headers["Last-Event-ID"].split(".")[1] == "8"


async def test_a_client_that_does_not_read_is_cut_off_and_loses_nothing(
    one: Replica, producer: AIOKafkaProducer, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber, "_MOST_WAITING", 20)
    contact_id = new_contact()
    found: list[Told] = []
    async with one.stream() as screen:
        sent = 0
        while one.hub.followers:
            assert sent < 4000
            await broker.send(producer, noted(contact_id, f"{sent} {'x' * 10_000}"))
            sent += 1
        # It may be cut off in the midst of an event, which then counts for nothing.
        with suppress(httpx.RemoteProtocolError):
            async for told in screen.told():
                found.append(told)  # noqa: PERF401 - those before the cut count
    assert 0 < len(found) < sent
    async with one.stream(found[-1].id) as screen:
        found += await screen.take(sent - len(found))
    assert [int(told.data["data"]["text"].split()[0]) for told in found] == list(range(sent))


async def test_open_streams_end_with_the_service_at_once(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    made = replica(database, broker)
    async with AsyncExitStack() as clients, asyncio.timeout(60):
        async with served(made):
            screens = [await clients.enter_async_context(made.stream()) for _ in range(3)]
        for screen in screens:
            assert [told async for told in screen.told()] == []


async def test_while_kafka_is_away_there_is_the_list_and_no_stream(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    nowhere = f"127.0.0.1:{devstack.free_port()}"
    made = replica(database, broker, kafka_bootstrap=nowhere)
    async with served(made), made.client() as http:
        listed = await http.get("/v1/escalations")
        assert listed.status_code == 200
        assert "Last-Event-ID" not in listed.headers
        answer = await http.get("/v1/escalations/stream")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


async def test_the_stream_is_for_staff(one: Replica) -> None:
    async with one.client() as http:
        for caller, status in (({"Authorization": "Bearer ?"}, 401), (key("zendesk"), 403)):
            answer = await http.get("/v1/escalations/stream", headers=caller)
            assert answer.status_code == status

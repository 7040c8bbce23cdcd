"""Live rows keep to the filter that is set, and to what their reader may see."""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import replace

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

import devstack
from common.contracts.escalations import PagesErased
from common.contracts.event import ContactId, EscalationId, PersonId, TeamId
from common.core.errors import TransientError
from common.core.ids import new_id
from common.messaging.kafka_connection import KafkaConnection
from common.service.provision import TopicSpec, create_topics
from common.storage.database import Database
from escalation.domain.model import Escalation, EscalationCause, TrackedContact
from escalation.domain.settings.registry import NO_LADDER
from escalation.store.unit_of_work import UnitOfWork
from escalation.stream.records import StreamEvent
from escalation.stream.selection import UNLISTED_TYPE
from escalation.stream.snapshots import Snapshot
from integration.escalation.stream_harness import NOTE, noted, replica, serving
from integration.escalation.test_escalation_list import NOON, ListedEscalation, store
from support.probe import Broker

START = "0-0"


@pytest.fixture
async def broker(stack: devstack.Stack) -> Broker:
    namespace = f"test-{new_id()}"
    spec = TopicSpec(partitions=1, replication=1)
    await create_topics(
        KafkaConnection(stack.kafka_bootstrap), namespace, {"escalations": spec, "clocks": spec}
    )
    return Broker(stack.kafka_bootstrap, namespace)


@pytest.fixture
async def producer(broker: Broker) -> AsyncIterator[AIOKafkaProducer]:
    async with broker.open_producer() as made:
        yield made


async def raised(
    database: Database[UnitOfWork], team: str | None, responder: str = "mia"
) -> ListedEscalation:
    contact_id = ContactId(new_id())
    row = ListedEscalation(
        Escalation(
            # As `noted` names it.
            EscalationId(contact_id),
            contact_id,
            "raised",
            "high",
            NO_LADDER,
            (EscalationCause("manual", "?", NOON),),
            NOON,
            responders=(PersonId(responder),),
        ),
        TrackedContact(contact_id, opened_at=NOON, team_id=TeamId(team) if team else None),
    )
    await store(database, [row])
    return row


async def acknowledge(database: Database[UnitOfWork], row: ListedEscalation) -> None:
    async with database.transaction() as uow:
        locked = await uow.escalations.lock(row.escalation.escalation_id)
        assert locked is not None
        uow.escalations.save(replace(locked, state="acknowledged"))


async def test_filtered_stream_has_what_the_list_has_live_and_after_a_reconnection(
    database: Database[UnitOfWork], broker: Broker, producer: AIOKafkaProducer
) -> None:
    front, back = await raised(database, "front"), await raised(database, "back")
    made = replica(database, broker, visibility="all")
    async with serving(made), made.stream(team="front", state="raised") as screen:
        for row in (back, front):
            await broker.send(producer, noted(row.contact.contact_id))
        left, note = await screen.take(2)
        assert (left.type, left.data) == (UNLISTED_TYPE, {"escalation_id": back.id})
        assert (note.type, note.data["escalation_id"]) == (NOTE, front.id)
        await acknowledge(database, front)
        await broker.send(producer, noted(front.contact.contact_id))
        (left,) = await screen.take(1)
        assert (left.type, left.data) == (UNLISTED_TYPE, {"escalation_id": front.id})
        async with made.stream(START, team="front", state="acknowledged") as again:
            left, note, _ = await again.take(3)
    assert (left.type, left.data) == (UNLISTED_TYPE, {"escalation_id": back.id})
    assert (note.type, note.data["escalation_id"]) == (NOTE, front.id)


async def test_supervisor_hears_of_the_own_team_and_of_what_was_asked(
    database: Database[UnitOfWork], broker: Broker, producer: AIOKafkaProducer
) -> None:
    others = await raised(database, "back")
    mine = await raised(database, "back", responder="sam")
    made = replica(database, broker, visibility="team")
    async with serving(made), made.stream() as screen:
        for row in (others, others, mine):
            await broker.send(producer, noted(row.contact.contact_id, "a word of a colleague"))
        left, note = await screen.take(2)
    assert (left.type, left.data) == (UNLISTED_TYPE, {"escalation_id": others.id})
    assert note.data["escalation_id"] == mine.id


async def test_contact_that_loses_its_team_is_heard_of_on_open_streams(
    database: Database[UnitOfWork], broker: Broker, producer: AIOKafkaProducer
) -> None:
    row = await raised(database, "back")
    made = replica(database, broker, visibility="team")
    async with serving(made), made.stream() as screen, made.client() as http:
        await broker.send(producer, noted(row.contact.contact_id))
        (left,) = await screen.take(1)
        assert left.type == UNLISTED_TYPE
        async with database.transaction() as uow:
            locked = await uow.contacts.lock(row.contact.contact_id)
            assert locked is not None
            uow.contacts.save(msgspec.structs.replace(locked, team_id=None))
        await broker.send(producer, noted(row.contact.contact_id))
        (note,) = await screen.take(1)
        assert note.type == NOTE
        listed = (await http.get("/v1/escalations")).json()["items"]
        assert [item["escalation_id"] for item in listed] == [row.id]


async def test_erasure_is_heard_by_who_may_have_seen_the_contact(
    database: Database[UnitOfWork], broker: Broker, producer: AIOKafkaProducer
) -> None:
    mine = await raised(database, None)
    others = await raised(database, "back")
    made = replica(database, broker, visibility="team")
    async with (
        serving(made),
        made.stream(team="front") as screen,
        made.stream(escalation_id=mine.id) as own_page,
    ):
        for row in (others, mine):
            event = PagesErased(contact_id=row.contact.contact_id, occurred_at=NOON)
            await broker.send(producer, event)
        nameless, named = await screen.take(2)
        (own,) = await own_page.take(1)
    assert {each.type for each in (nameless, named, own)} == {PagesErased.type}
    assert (nameless.data["contact_id"], nameless.data["sequence"]) == (None, None)
    assert others.contact.contact_id not in str(nameless.data)
    assert named.data["contact_id"] == own.data["contact_id"] == mine.contact.contact_id
    assert named.data["data"] == {}


async def test_event_is_streamed_once_the_database_is_back(
    database: Database[UnitOfWork],
    broker: Broker,
    producer: AIOKafkaProducer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = await raised(database, "front")
    made = replica(database, broker, visibility="all")
    read = made.broadcaster.read_snapshot
    failed = asyncio.Event()

    async def fail_once(events: Collection[StreamEvent]) -> Snapshot:
        assert read is not None
        if failed.is_set():
            return await read(events)
        failed.set()
        raise TransientError

    monkeypatch.setattr(made.broadcaster, "read_snapshot", fail_once)
    async with serving(made), made.stream(team="front") as screen:
        await broker.send(producer, noted(row.contact.contact_id, "while it was away"))
        await failed.wait()
        await broker.send(producer, noted(row.contact.contact_id, "afterwards"))
        texts = [note.data["data"]["text"] for note in await screen.take(1)]
    assert texts == ["while it was away"]


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"severity": "grave"}, "query/severity/0"),
        ({"sort": "newest"}, "query/sort"),
        ({"team": ""}, "query/team/0"),
        ({"contact_id": "17"}, "query/contact_id"),
    ],
)
async def test_rubbish_in_a_filter_is_refused_with_its_place(
    database: Database[UnitOfWork], broker: Broker, params: dict[str, str], place: str
) -> None:
    made = replica(database, broker)
    async with serving(made), made.client() as http:
        answer = await http.get("/v1/escalations/stream", params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["detail"].startswith(f"{place}:")

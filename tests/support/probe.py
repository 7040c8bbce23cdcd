"""A minimal service: one table, one event to handle, one timer to fire."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from prometheus_client import Counter
from sqlalchemy import Column, DateTime, MetaData, Table, Text, Uuid
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from common.contracts.contacts import CustomerWrote
from common.contracts.event import ContactId, Event, MessageId
from common.contracts.services import TOPIC_OWNERS, source_of
from common.core.clock import TimeSource
from common.core.errors import PermanentError
from common.core.health import Health
from common.core.ids import EventId, new_id
from common.core.metrics import Metrics
from common.messages import Timer
from common.messaging.consumer import Consumer
from common.messaging.dispatcher import Dispatcher
from common.messaging.envelope import Envelope, encode
from common.messaging.kafka import make_producer, topic_name
from common.messaging.kafka_connection import KafkaConnection
from common.messaging.record_decoder import RecordDecoder
from common.messaging.record_encoder import RecordEncoder
from common.messaging.relay import Relay
from common.messaging.replay import Replay
from common.messaging.subscriptions import HandlerRegistry
from common.messaging.timer_loop import TimerLoop
from common.service import spec
from common.service.provision import provision_schema
from common.service.runtime import HaltingWorker, Worker
from common.service.settings import ServiceSettings
from common.service.spec import ServiceSpec
from common.storage.connection import Connection
from common.storage.database import POOL_SIZE, Database, connect
from common.storage.rows import LockedTable
from common.storage.tables import RELIABILITY
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from support.databases import PASSWORDS, Postgres

NAME = "probe"
TEMPLATE = "probe_template"
POISON = "poison"
STATEMENTS = (
    *RELIABILITY,
    """
    CREATE TABLE probes (
        contact_id uuid PRIMARY KEY,
        notes text[] NOT NULL,
        last jsonb,
        touched_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX probes_touched_at ON probes (touched_at)",
)

table = Table(
    "probes",
    MetaData(),
    Column("contact_id", Uuid(as_uuid=False), primary_key=True),
    Column("notes", ARRAY(Text), nullable=False),
    Column("last", JSONB),
    Column("touched_at", DateTime(timezone=True), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Note:
    text: str
    at: datetime
    before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    contact_id: ContactId
    notes: tuple[str, ...]
    last: Note | None
    touched_at: datetime


class Probes(LockedTable[ContactId, Probe]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, table, Probe)


class UnitOfWork(BaseUnitOfWork):
    def __init__(self, connection: Connection, now: datetime) -> None:
        super().__init__(connection, now)
        self.probes = Probes(connection)

    @property
    def rows(self) -> Sequence[LockedTable[Any, Any]]:
        return (self.probes,)

    async def prelock(self, contact_ids: Sequence[ContactId]) -> None:
        await self.probes.lock_all(contact_ids)


class Reminder(Timer):
    name: str

    @property
    def slot(self) -> str:
        return f"reminder:{self.name}"


class PoisonedError(PermanentError):
    """This note cannot be handled."""


async def add_note(contact_id: ContactId, text: str, uow: UnitOfWork) -> None:
    probe = await uow.probes.lock(contact_id)
    if probe is None:
        probe = Probe(contact_id, (), None, uow.now)
    before = probe.notes
    last = Note(text, uow.now, before[-2:])
    uow.probes.put(replace(probe, notes=(*before, text), last=last, touched_at=uow.now))


async def take_note(event: CustomerWrote, uow: UnitOfWork) -> None:
    if event.excerpt == POISON:
        raise PoisonedError
    await add_note(event.contact_id, event.excerpt, uow)


async def remind(timer: Reminder, uow: UnitOfWork) -> None:
    if timer.name == POISON:
        raise PoisonedError
    await add_note(timer.contact_id, timer.name, uow)


SUBSCRIPTIONS = HandlerRegistry[UnitOfWork]().on(CustomerWrote, take_note).on(Reminder, remind)


def new_contact() -> ContactId:
    return ContactId(new_id())


def customer_wrote(contact_id: ContactId, excerpt: str = "hello") -> CustomerWrote:
    return CustomerWrote(
        contact_id=contact_id,
        occurred_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        message_id=MessageId(new_id()),
        excerpt=excerpt,
    )


async def make_template(postgres: Postgres) -> None:
    """Create the database that each test of the probe clones."""
    await postgres.execute(f"CREATE DATABASE {TEMPLATE}")
    await provision_schema(postgres.admin_of(TEMPLATE), NAME, PASSWORDS)
    connection = await asyncpg.connect(postgres.owner_url(TEMPLATE, NAME).replace("+asyncpg", ""))
    for statement in STATEMENTS:
        await connection.execute(statement)
    await connection.close()


@asynccontextmanager
async def open_database(
    url: str, pool_size: int = POOL_SIZE
) -> AsyncIterator[Database[UnitOfWork]]:
    engine = connect(url, schema=NAME, pool_size=pool_size, connect_timeout_s=60)
    try:
        yield Database(engine, UnitOfWork, TimeSource())
    finally:
        await engine.dispose()


@dataclass(frozen=True)
class Broker:
    """Kafka, and the namespace of one test in it."""

    bootstrap: str
    namespace: str

    @property
    def connection(self) -> KafkaConnection:
        return KafkaConnection(self.bootstrap)

    @property
    def record_decoder(self) -> RecordDecoder:
        return RecordDecoder(self.namespace)

    def make_settings(self, **changes: Any) -> ServiceSettings:
        return ServiceSettings.model_validate(
            {
                "database_url": "postgresql+asyncpg://unused@localhost/unused",
                "kafka_bootstrap": self.bootstrap,
                "kafka_session_timeout_ms": 6000,
                "namespace": self.namespace,
                **changes,
            }
        )

    def topic(self, short: str = "contacts") -> str:
        return topic_name(self.namespace, short)

    @asynccontextmanager
    async def open_producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = make_producer(self.connection)
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def publish(self, *events: Event) -> None:
        async with self.open_producer() as producer:
            for event in events:
                await self.send(producer, event)

    async def send(
        self, producer: AIOKafkaProducer, event: Event, event_id: str | None = None
    ) -> None:
        await producer.send_and_wait(
            self.topic(event.topic),
            key=event.key.encode(),
            value=msgspec.json.encode(event),
            headers=encode(make_envelope(event, event_id)),
        )

    async def count_committed(self) -> int:
        """Return how many records the probe's group has committed, over all partitions."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(f"{self.namespace}.{NAME}")
        except GroupCoordinatorNotAvailableError:
            return 0  # the broker still prepares for its first group
        finally:
            await admin.close()
        return sum(max(committed.offset, 0) for committed in offsets.values())

    @asynccontextmanager
    async def open_reader(self) -> AsyncIterator[AIOKafkaConsumer]:
        """Read the contacts topic from its beginning."""
        reader = AIOKafkaConsumer(
            self.topic(),
            bootstrap_servers=self.bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await reader.start()
        try:
            yield reader
        finally:
            await reader.stop()

    async def read_records(self) -> list[Any]:
        """Return all records of the contacts topic, in order within each partition."""
        async with self.open_reader() as reader:
            ends = await reader.end_offsets(reader.assignment())
            records = []
            while any([await reader.position(part) < end for part, end in ends.items()]):
                polled = await reader.getmany(timeout_ms=100)
                records += [record for batch in polled.values() for record in batch]
        return records


def make_envelope(event: Event, event_id: str | None = None, *, sequence: int = 1) -> Envelope:
    return Envelope(
        id=EventId(event_id or new_id()),
        type=event.type,
        source=source_of(TOPIC_OWNERS[event.topic]),
        key=event.key,
        sequence=sequence,
        traceparent=None,
    )


class Replica:
    """One replica of the probe: what `serve` makes, without the HTTP server."""

    def __init__(
        self,
        database: Database[UnitOfWork],
        broker: Broker,
        subscriptions: HandlerRegistry[UnitOfWork] = SUBSCRIPTIONS,
        *,
        dead_letter_limit: int = 20,
        untrusted_record_limit: int = 100,
    ) -> None:
        self.database = Database(database.engine, UnitOfWork, TimeSource())
        self.broker = broker
        self.metrics, self.health = Metrics(), Health()
        self.subscriptions = subscriptions
        self.dispatcher = Dispatcher(
            self.database,
            subscriptions,
            self.metrics,
            dead_letter_limit=dead_letter_limit,
            untrusted_record_limit=untrusted_record_limit,
        )
        self.timers = TimerLoop(self.dispatcher, self.metrics, self.health)
        self.database.after_commit(lambda uow: self.timers.wake(uow.timers.earliest))

    def make_consumer(self, **settings: Any) -> Consumer:
        service = ServiceSpec(NAME, UnitOfWork, self.subscriptions, ())
        return spec.make_consumer(
            service,
            self.broker.make_settings(**settings),
            self.dispatcher,
            self.metrics,
            self.health,
        )

    def make_replay(self) -> Replay[UnitOfWork]:
        return Replay(self.dispatcher, self.broker.record_decoder)

    def make_relay(self, producer: AIOKafkaProducer) -> Relay:
        relay = Relay(
            self.database.engine,
            producer,
            self.metrics,
            self.health,
            encoder=RecordEncoder(self.broker.namespace, source_of("intake")),
            make_producer=lambda: make_producer(self.broker.connection),
        )
        self.database.after_commit(lambda uow: relay.wake() if len(uow.outbox) else None)
        return relay

    def supervise(self, worker: Worker) -> HaltingWorker:
        """Let the worker halt as in a service."""
        return HaltingWorker(worker, self.metrics, self.health)

    def count_messages(self, outcome: str) -> float:
        """Return how many messages of all types had this outcome."""
        return sum_samples(self.metrics.messages, outcome=outcome)


def sum_samples(counter: Counter, **labels: str) -> float:
    """Return the sum of all samples of a counter that have these labels."""
    return sum(
        sample.value
        for metric in counter.collect()
        for sample in metric.samples
        if sample.name.endswith("_total") and labels.items() <= sample.labels.items()
    )


@asynccontextmanager
async def record_statements(database: Database[Any]) -> AsyncIterator[list[str]]:
    """Collect the statements that are sent to the server."""
    sent: list[str] = []

    def collect(query: asyncpg.connection.LoggedQuery) -> None:
        # Without what asyncpg asks once in a session about a type.
        if not any(name in query.query for name in ("typeinfo_tree", "'jit'")):
            sent.append(query.query)

    def check_out(connection: Any, *_rest: object) -> None:
        connection.driver_connection.add_query_logger(collect)

    def check_in(connection: Any, *_rest: object) -> None:
        if connection is not None:
            connection.driver_connection.remove_query_logger(collect)

    engine = database.engine.sync_engine
    sqlalchemy_event.listen(engine, "checkout", check_out)
    sqlalchemy_event.listen(engine, "checkin", check_in)
    try:
        yield sent
        # The driver calls `collect` in the next turn of the event loop.
        await asyncio.sleep(0)
    finally:
        sqlalchemy_event.remove(engine, "checkout", check_out)
        sqlalchemy_event.remove(engine, "checkin", check_in)


@asynccontextmanager
async def run_workers(*workers: Worker | HaltingWorker) -> AsyncIterator[None]:
    """Run workers during the block, and stop them afterwards, as the runtime does."""
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(worker.run(stopping))
        yield
        stopping.set()


@asynccontextmanager
async def run_until_cancelled(worker: Worker) -> AsyncIterator[Callable[[], object]]:
    """Run a worker, and yield a function that cancels it as a crash would."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(worker.run(asyncio.Event()))
        yield task.cancel
        task.cancel()

"""Replicas, screens and a relay for tests of the stream."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import msgspec
import orjson

import devstack
from common.contracts.escalations import (
    EscalationNoted,
)
from common.contracts.event import ContactId
from common.contracts.services import source_of
from common.core.health import Health
from common.core.ids import new_id
from common.core.metrics import Metrics
from common.http.access import ApiKeys
from common.http.server import HttpServer
from common.messaging.kafka import make_producer
from common.messaging.record_encoder import RecordEncoder
from common.messaging.relay import Relay
from common.service.spec import application
from common.storage.database import Database
from escalation.main import build
from escalation.settings import Settings
from escalation.store.unit_of_work import UnitOfWork
from escalation.stream.broadcaster import Broadcaster
from integration.escalation.conftest import EscalationHarness, key
from support.probe import Broker, run_workers
from support.waiting import until

PARTITIONS = 4
NOTE = EscalationNoted.type


@dataclass(frozen=True)
class ReceivedEvent:
    id: str
    type: str
    data: dict[str, Any]

    @property
    def place(self) -> tuple[str, int]:
        return self.data["contact_id"], self.data["sequence"]


@dataclass(frozen=True)
class Replica:
    """The HTTP server and broadcaster of one process."""

    broadcaster: Broadcaster
    server: HttpServer
    url: str
    api_keys: ApiKeys

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=self.url, headers=key("sam")) as http:
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
    """Reads the stream as a browser does: one line per field, an empty line after each event."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.last_id = ""

    async def connected(self) -> None:
        assert ": connected" in await self.block()

    async def events(self) -> AsyncIterator[ReceivedEvent]:
        while block := await self.block():
            fields = dict(line.split(": ", 1) for line in block if not line.startswith(":"))
            if "data" in fields:
                yield ReceivedEvent(fields["id"], fields["event"], orjson.loads(fields["data"]))

    async def take(self, count: int) -> list[ReceivedEvent]:
        received: list[ReceivedEvent] = []
        events = self.events()
        async with asyncio.timeout(120):
            while len(received) < count:
                received.append(await anext(events))
        return received

    async def block(self) -> list[str]:
        block: list[str] = []
        async for line in self._lines:
            if not line and block:
                break
            block.append(line)
            if line.startswith("id: "):
                self.last_id = line.removeprefix("id: ")
        return block


def replica(
    database: Database[UnitOfWork],
    broker: Broker,
    options: dict[str, Any] | None = None,
    **changes: Any,
) -> Replica:
    """Build a replica; `options` are arguments of `build`, `changes` its settings.

    Supervisors see all: most events of the tests are about contacts that are not stored.
    """
    settings = Settings.model_validate(
        broker.make_settings().model_dump()
        | {"api_keys": key.setting_value, "visibility": "all", **changes}
    )
    spec = build(settings, **options or {})
    broadcaster = spec.state["broadcaster"]
    assert isinstance(broadcaster, Broadcaster)
    metrics = Metrics()
    app = application(spec, settings, database, metrics)
    port = devstack.free_port()
    return Replica(
        broadcaster,
        HttpServer(app, "127.0.0.1", port, metrics),
        f"http://127.0.0.1:{port}",
        app.state.api_keys,
    )


@asynccontextmanager
async def serving(*replicas: Replica) -> AsyncIterator[None]:
    async with run_workers(
        *(worker for made in replicas for worker in (made.broadcaster, made.server))
    ):
        for made in replicas:
            await until(partial(getattr, made.server, "started"))
        yield


@asynccontextmanager
async def relaying(database: Database[UnitOfWork], broker: Broker) -> AsyncIterator[None]:
    """Run the relay, which publishes committed events."""
    async with broker.open_producer() as producer:
        relay = Relay(
            database.engine,
            producer,
            Metrics(),
            Health(),
            encoder=RecordEncoder(broker.namespace, source_of("escalation")),
            make_producer=lambda: make_producer(broker.connection),
        )
        async with run_workers(relay):
            yield


def noted(contact_id: ContactId, text: str = "called back") -> EscalationNoted:
    return msgspec.convert(
        {
            "contact_id": contact_id,
            "occurred_at": "2026-03-02T09:30:00Z",
            "escalation_id": contact_id,
            "by": "sam",
            "text": text,
        },
        EscalationNoted,
    )


def new_contact() -> ContactId:
    return ContactId(new_id())


async def write_eight_at_once(
    database: Database[UnitOfWork], contacts: Sequence[ContactId], chance: random.Random
) -> None:
    async def write(contact_id: ContactId) -> None:
        async with database.transaction() as uow:
            # As handlers do: transactions with events of one contact take turns.
            await uow.prelock([contact_id])
            uow.outbox.add([noted(contact_id)])

    await asyncio.gather(*map(write, chance.choices(contacts, k=8)))


async def published_sequences(service: EscalationHarness) -> dict[str, list[int]]:
    rows = await service.rows(
        "SELECT key AS id, array_agg(sequence ORDER BY id) AS sequences"
        " FROM published_events GROUP BY 1"
    )
    return {row.id: list(row.sequences) for row in rows}


class ReconnectingClients:
    """Clients that read until they have all events."""

    def __init__(self, replicas: Sequence[Replica], begin: str) -> None:
        self._replicas = replicas
        self._begin = begin
        self.total = sys.maxsize
        self.connections = 0

    async def follow(self, chance: random.Random) -> list[ReceivedEvent]:
        """Reconnect again and again, to any replica.

        A relay that lost its session publishes events again, and a replica that began to read in
        between cannot know: a client drops what the contact's sequence shows to be a repeat.
        """
        received: list[ReceivedEvent] = []
        last: dict[str, int] = {}
        after = self._begin
        while len(received) < self.total:
            self.connections += 1
            async with chance.choice(self._replicas).stream(after) as screen:
                for _ in range(chance.choice([1, 20, 200])):
                    if len(received) < self.total:
                        (event,) = await screen.take(1)
                        after = event.id
                        contact_id, sequence = event.place
                        if sequence > last.get(contact_id, 0):
                            received.append(event)
                            last[contact_id] = sequence
        return received

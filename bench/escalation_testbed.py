"""One escalation process with its own database and topics, fed with events of other services."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import asyncpg
import msgspec
from aiokafka import AIOKafkaProducer

import devstack
from bench.testbed import DeadLettersError
from bench.topics import EventReader, read_topics
from common.contracts.event import Event, PersonId
from common.contracts.people import PersonDescribed
from common.contracts.services import TOPIC_OWNERS, source_of
from common.core.clock import TimeSource
from common.core.ids import EventId, new_id
from common.messaging.envelope import Envelope, encode
from common.messaging.kafka import topic_name
from common.messaging.signatures import RecordContent
from stage.actors import Actors
from stage.system import Replica, System, open_receivers

HOUR_S = 3600
SUPERVISORS = 20
OFFICE = [["09:00", "12:30"], ["13:00", "17:00"]]
WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), OFFICE)
CALENDARS = {
    "berlin": ("Europe/Berlin", {"country": "DE", "region": "BE"}),
    "tokyo": ("Asia/Tokyo", {"country": "JP"}),
    "new-york": ("America/New_York", {"country": "US", "region": "NY"}),
}
REGIONS = {"APAC": "tokyo", "US": "new-york"}
LADDER = {
    "lease_s": HOUR_S,
    "working_lease_s": HOUR_S,
    "levels": [
        {
            "name": "supervisors",
            "acknowledge_within_s": HOUR_S,
            "who": [{"kind": "duty", "schedule_id": "supervisors"}],
        },
        {
            "name": "manager",
            "acknowledge_within_s": HOUR_S,
            "who": [{"kind": "person", "person_id": "mia"}],
        },
    ],
}
WARNING = [{"action": "warn_representative", "at_percent": 75}]
ASSIGNMENT = {"clock": "assignment", "target_s": 2 * HOUR_S}
# 24 hours, so that only the clocks of the measurement come due.
WITH_WARNING = [
    {"clock": "first_response", "target_s": 24 * HOUR_S, "thresholds": WARNING},
    ASSIGNMENT,
]
WITHOUT_WARNING = [{"clock": "first_response", "target_s": 24 * HOUR_S}, ASSIGNMENT]
IN_OFFICE_HOURS = [
    ASSIGNMENT,
    {"clock": "first_response", "target_s": 4 * HOUR_S, "thresholds": WARNING},
    {"clock": "resolution", "target_s": 40 * HOUR_S},
]


@dataclass
class EscalationTestbed:
    stack: devstack.Stack
    system: System
    actors: Actors
    topics: EventReader

    @property
    def process(self) -> devstack.Process:
        return self.system.processes["escalation"]

    @property
    def dsn(self) -> str:
        return self.system.admin_url.replace("+asyncpg", "")

    async def fetch(self, query: str, *args: object) -> list[Any]:
        connection = await asyncpg.connect(self.dsn)
        try:
            rows: list[Any] = await connection.fetch(query, *args)
            return rows
        finally:
            await connection.close()

    async def publish(
        self, events: Iterable[Event], pause_s: float = 0, signed_together: int = 1
    ) -> None:
        """Publish events as their owners do, those of each key in this order.

        With `pause_s` each is made and sent so long after the one before. `signed_together`: as
        many of the same owner share a signature, as those of one batch of a relay.
        """
        producer: Any = AIOKafkaProducer(**self.system.kafka.options, acks="all")
        await producer.start()
        sequences: dict[tuple[str, str], int] = {}
        remaining = iter(events)
        while batch := list(islice(remaining, signed_together)):
            signing_key = self.system.signing_keys[TOPIC_OWNERS[batch[0].topic]]
            records = [self._record(event, sequences) for event in batch]
            for record, signature in zip(records, signing_key.sign(records), strict=True):
                headers = [*record.headers, *signature]
                await producer.send(record.topic, record.value, key=record.key, headers=headers)
            if pause_s:
                await asyncio.sleep(pause_s)
        await producer.stop()

    def _record(self, event: Event, sequences: dict[tuple[str, str], int]) -> RecordContent:
        stream = event.topic, event.key
        sequences[stream] = sequences.get(stream, 0) + 1
        topic = topic_name(self.system.namespace, event.topic)
        headers = encode(_envelope(event, sequences[stream]))
        return RecordContent(topic, event.key.encode(), headers, msgspec.json.encode(event))

    async def restart(self) -> None:
        self.process.start()
        await self.process.wait_ready(60)

    async def check_clean(self) -> None:
        (dead,) = await self.fetch("SELECT count(*) FROM escalation.dead_letters")
        if dead[0]:
            message = f"{dead[0]} dead letters; logs in {self.system.logs}"
            raise DeadLettersError(message)


def _envelope(event: Event, sequence: int) -> Envelope:
    return Envelope(
        id=EventId(new_id()),
        type=event.type,
        source=source_of(TOPIC_OWNERS[event.topic]),
        key=event.key,
        sequence=sequence,
        traceparent="00-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
    )


@asynccontextmanager
async def open_escalation_testbed(stack: devstack.Stack) -> AsyncIterator[EscalationTestbed]:
    actors, logs = Actors(), Path(mkdtemp(prefix="upstairs-bench-"))
    async with open_receivers() as receivers:
        settings = {"UPSTAIRS_LOG_LEVEL": "warning"}
        system = System(stack, receivers, actors.api_keys, logs, extra_environment=settings)
        await system.set_up()
        try:
            system.launch_replica(Replica("escalation"))
            await system.wait_ready()
            actors.connect(system)
            async with read_topics(system) as topics:
                testbed = EscalationTestbed(stack, system, actors, topics)
                await _put_settings(testbed, TimeSource().utc_now())
                yield testbed
        finally:
            await actors.close()
            system.stop()


async def _put_settings(testbed: EscalationTestbed, now: datetime) -> None:
    for name, (zone, holidays) in CALENDARS.items():
        body = {"zone": zone, "hours": WEEK, "holidays": [holidays]}
        await _put(testbed, f"/calendars/{name}", body)
    supervisors = [f"supervisor-{n}" for n in range(SUPERVISORS)]
    await testbed.publish(
        PersonDescribed(person_id=PersonId(person), occurred_at=now, version=1, name=person)
        for person in (*supervisors, "mia")
    )
    rotation = {
        "zone": "Europe/Berlin",
        "starts_at": now.replace(year=now.year - 1, day=1).isoformat(),
        "shift_s": 8 * HOUR_S,
        "members": supervisors,
    }
    await _put(testbed, "/duty-schedules/supervisors", {"rotations": [rotation]})
    await _put(testbed, "/ladders/default", LADDER)
    common_fields = {"ladder_id": "default", "severity": "medium"}
    by_region = {"calendar_id": "berlin", "calendar_by_region": REGIONS}
    policies: Sequence[tuple[str, object, Mapping[str, object]]] = (
        ("standard", IN_OFFICE_HOURS, by_region),
        ("premium", WITH_WARNING, {}),
        ("vip", WITHOUT_WARNING, {}),
    )
    for tier, clocks, calendars in policies:
        policy = {"match": {"tier": [tier]}, "targets": clocks, **common_fields, **calendars}
        await _put(testbed, f"/sla-policies/{tier}", policy)


async def _put(testbed: EscalationTestbed, path: str, body: object) -> None:
    await testbed.actors.call("ops", "escalation", "PUT", path, body)

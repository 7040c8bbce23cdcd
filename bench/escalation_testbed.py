"""Escalation alone: one process of it on a database and topics of its own, and facts to feed it."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer

import devstack
from bench.testbed import DirtyError
from bench.topics import Topics, reading
from common.clock import Clock
from common.contracts.event import Event
from common.envelope import Envelope, encode
from common.ids import EventId, new_id
from common.relay import topic_name
from stage.actors import Actors
from stage.system import Replica, System, open_receivers

HOUR_S = 3600
CREW = 20
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
# A day around the clock, so that nothing comes due but what is made to.
WARNED = [
    {"clock": "first_response", "target_s": 24 * HOUR_S, "thresholds": WARNING},
    ASSIGNMENT,
]
UNWARNED = [{"clock": "first_response", "target_s": 24 * HOUR_S}, ASSIGNMENT]
IN_OFFICE_HOURS = [
    ASSIGNMENT,
    {"clock": "first_response", "target_s": 4 * HOUR_S, "thresholds": WARNING},
    {"clock": "resolution", "target_s": 40 * HOUR_S},
]


@dataclass
class Desk:
    stack: devstack.Stack
    system: System
    cast: Actors
    topics: Topics

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

    async def publish(self, facts: Iterable[Event]) -> None:
        """Put facts on their topics, each contact's in this order, as intake and router do."""
        producer: Any = AIOKafkaProducer(bootstrap_servers=self.stack.kafka_bootstrap, acks="all")
        await producer.start()
        sequences: dict[tuple[str, str], int] = {}
        for fact in facts:
            of = fact.topic, fact.contact_id
            sequences[of] = sequences.get(of, 0) + 1
            await producer.send(
                topic_name(self.system.namespace, fact.topic),
                fact.model_dump_json().encode(),
                key=fact.contact_id.encode(),
                headers=encode(_envelope(fact, sequences[of])),
            )
        await producer.stop()

    async def restart(self) -> None:
        self.process.start()
        await self.process.wait_ready(60)

    async def check_clean(self) -> None:
        (dead,) = await self.fetch("SELECT count(*) FROM escalation.dead_letters")
        if dead[0]:
            message = f"{dead[0]} dead letters; logs in {self.system.logs}"
            raise DirtyError(message)


def _envelope(fact: Event, sequence: int) -> Envelope:
    return Envelope(
        id=EventId(new_id()),
        type=fact.type,
        source="/upstairs/bench",
        key=fact.contact_id,
        time=fact.occurred_at,
        sequence=sequence,
        traceparent="00-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
    )


@asynccontextmanager
async def desk(stack: devstack.Stack) -> AsyncIterator[Desk]:
    cast, logs = Actors(), Path(mkdtemp(prefix="upstairs-bench-"))
    async with open_receivers() as receivers:
        quiet = {"UPSTAIRS_LOG_LEVEL": "warning"}
        system = System(stack, receivers, cast.api_keys, logs, extra_environment=quiet)
        await system.set_up()
        try:
            system.launch_replica(Replica("escalation"))
            await system.wait_ready()
            cast.connect(system)
            async with reading(stack.kafka_bootstrap, system.namespace) as topics:
                made = Desk(stack, system, cast, topics)
                await _set_the_rules(made, Clock().wall())
                yield made
        finally:
            await cast.close()
            system.stop()


async def _set_the_rules(made: Desk, now: datetime) -> None:
    for name, (zone, holidays) in CALENDARS.items():
        body = {"zone": zone, "hours": WEEK, "holidays": [holidays]}
        await _put(made, f"/calendars/{name}", body)
    rotation = {
        "zone": "Europe/Berlin",
        "starts_at": now.replace(year=now.year - 1, day=1).isoformat(),
        "shift_s": 8 * HOUR_S,
        "members": [f"supervisor-{n}" for n in range(CREW)],
    }
    await _put(made, "/duty-schedules/supervisors", {"rotations": [rotation]})
    await _put(made, "/ladders/default", LADDER)
    rules = {"ladder_id": "default", "severity": "medium"}
    follows = {"calendar_id": "berlin", "calendar_by_region": REGIONS}
    targets: Sequence[tuple[str, object, object]] = (
        ("standard", IN_OFFICE_HOURS, follows),
        ("premium", WARNED, {}),
        ("vip", UNWARNED, {}),
    )
    for tier, promised, calendars in targets:
        policy = {"match": {"tier": [tier]}, "targets": promised, **rules, **calendars}  # type: ignore[dict-item]  # JSON
        await _put(made, f"/sla-policies/{tier}", policy)


async def _put(made: Desk, path: str, body: object) -> None:
    await made.cast.call("ops", "escalation", "PUT", path, body)

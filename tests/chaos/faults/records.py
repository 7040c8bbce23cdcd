"""Unwanted records: repeated, late, unreadable or too large; and a replay of all topics."""

import asyncio
from typing import Any

import orjson
from aiokafka.errors import KafkaError

from chaos.context import Context
from chaos.faults.registry import fault
from chaos.groups import full_name, origin_of, read_newest, rewind_group
from common.contracts import BY_TYPE
from common.contracts.services import EVENT_SERVICES
from common.core.ids import EventId, new_id
from common.messaging.envelope import Envelope, Headers, encode
from stage.invariants.reader import subscribed_types
from support.waiting import until

# Just below what a broker accepts by default.
LARGE = 900_000
# From each partition.
COPIES = 10


@fault("record")
async def records_come_twice(context: Context) -> None:
    """The newest records of each topic are sent again."""
    await _copy(context, await read_newest(context.under_test.sources, COPIES))


@fault("record")
async def old_records_come_after_newer_ones(context: Context) -> None:
    older = await read_newest(context.under_test.sources, 10 * COPIES)
    await _copy(context, sorted(context.random.sample(older, len(older) // 10), key=_place))


async def _copy(context: Context, records: list[Any]) -> None:
    copied = [record for record in records if origin_of(record) not in context.poison]
    async with context.producer() as producer:
        for record in copied:
            await producer.send(
                record.topic,
                record.value,
                record.key,
                record.partition,
                headers=list(record.headers),
            )
        await producer.flush()
    context.note(f"{len(copied)} records")


def _place(record: Any) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


@fault("record")
async def poison_comes(context: Context) -> None:
    """One of each kind in each topic that a service reads: too few to halt a consumer."""
    before = len(context.poison)
    async with context.producer() as producer:
        for topic in topics_read_by_services():
            for headers, value in poison_records(topic):
                await _poison(context, producer, topic, headers, value)
    context.note(f"{len(context.poison) - before} records")


@fault("record")
async def oversized_records_come(context: Context) -> None:
    value = b'{"subject": "' + b"x" * LARGE + b'"}'
    async with context.producer() as producer:
        for topic in topics_read_by_services():
            await _poison(context, producer, topic, _headers(topic), value)


async def _poison(
    context: Context, producer: Any, topic: str, headers: Headers, value: bytes
) -> None:
    metadata = await producer.send_and_wait(
        full_name(context.under_test.sources, topic),
        value,
        key=new_id().encode(),
        headers=list(headers),
    )
    context.poison.add(origin_of(metadata))


def poison_records(topic: str) -> list[tuple[Headers, bytes]]:
    valid = _headers(topic)
    return [
        (valid, b"\x00 not JSON"),
        (valid, b"{}"),
        (valid, orjson.dumps({"contact_id": new_id(), "channel": "telepathy"})),
        ([], b"{}"),
        ([*valid, ("ce_sequence", b"\xff")], b"{}"),
        ([(name, b"Unheard" if name == "ce_type" else value) for name, value in valid], b"{}"),
    ]


def _subscribed_types() -> set[str]:
    return set().union(*map(subscribed_types, EVENT_SERVICES))


def topics_read_by_services() -> list[str]:
    return sorted({BY_TYPE[kind].topic for kind in _subscribed_types()})


def _headers(topic: str) -> Headers:
    """Return valid headers of a type that a service reads."""
    envelope = Envelope(
        id=EventId(new_id()),
        type=min(kind for kind in _subscribed_types() if BY_TYPE[kind].topic == topic),
        source="/nowhere",
        key=new_id(),
        sequence=1,
        traceparent=None,
    )
    return encode(envelope)


@fault("replay")
async def all_topics_are_read_again(context: Context) -> None:
    service = context.any_service()
    context.note(service)
    system = context.under_test.system
    replicas = system.replicas_of(service)
    with context.restarter.leaving_down(replicas):
        for name in replicas:
            await asyncio.to_thread(system.processes[name].stop)

        async def rewound() -> bool:
            try:
                await rewind_group(context.under_test.sources, service)
            except KafkaError:
                return False  # Kafka keeps the members until their session ends
            return True

        await until(rewound, within=context.patience_s)
        for name in replicas:
            system.processes[name].start()
    for name in replicas:
        await system.processes[name].wait_ready(context.patience_s)


@fault("replay")
async def topics_come_in_any_order(context: Context) -> None:
    """A service that was down finds several topics full, and reads one before the other."""
    service = context.random.choice(("router", "escalation"))
    context.note(service)
    system = context.under_test.system
    with context.restarter.leaving_down(system.replicas_of(service)):
        for name in system.replicas_of(service):
            system.processes[name].kill()
        await asyncio.sleep(4)
        for name in system.replicas_of(service):
            system.processes[name].start()

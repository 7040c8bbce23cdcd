"""Records that should not be there: again, late, unreadable, too large; and all from the start."""

import asyncio
from typing import Any

import orjson
from aiokafka.errors import KafkaError

from chaos.faults.catalogue import fault
from chaos.groups import full_name, place, recent, rewind
from chaos.scene import Scene
from common.contracts import BY_TYPE
from common.core.clock import TimeSource
from common.core.ids import EventId, new_id
from common.messaging.envelope import Envelope, Headers, encode
from stage.invariants.reader import subscribed_types
from stage.system import SERVICES
from support.waiting import until

REWOUND_WITHIN_S = 30
# Near to what a broker takes with its settings as they come.
LARGE = 900_000
# From each partition.
COPIES = 10


@fault("record")
async def records_come_twice(scene: Scene) -> None:
    """The newest of each topic once more, at once."""
    await _copy(scene, await recent(scene.world.sources, COPIES))


@fault("record")
async def old_records_come_after_newer_ones(scene: Scene) -> None:
    older = await recent(scene.world.sources, 10 * COPIES)
    await _copy(scene, sorted(scene.random.sample(older, len(older) // 10), key=_place))


async def _copy(scene: Scene, records: list[Any]) -> None:
    sound = [one for one in records if place(one) not in scene.poison]
    async with scene.producer() as producer:
        for one in sound:
            await producer.send(
                one.topic, one.value, one.key, one.partition, headers=list(one.headers)
            )
        await producer.flush()
    scene.say(f"{len(sound)} records")


def _place(record: Any) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


@fault("record")
async def poison_comes(scene: Scene) -> None:
    """Of each kind one in each topic: fewer in a row than make a consumer halt."""
    before = len(scene.poison)
    for topic in _subscribed_topics():
        for headers, value in _poisons(topic):
            await _poison(scene, topic, headers, value)
    scene.say(f"{len(scene.poison) - before} records")


@fault("record")
async def oversized_records_come(scene: Scene) -> None:
    for topic in _subscribed_topics():
        await _poison(scene, topic, _headers(topic), b'{"subject": "' + b"x" * LARGE + b'"}')


async def _poison(scene: Scene, topic: str, headers: Headers, value: bytes) -> None:
    async with scene.producer() as producer:
        sent = await producer.send_and_wait(
            full_name(scene.world.sources, topic),
            value,
            key=new_id().encode(),
            headers=list(headers),
        )
        scene.poison.add(place(sent))


def _poisons(topic: str) -> list[tuple[Headers, bytes]]:
    sound = _headers(topic)
    return [
        (sound, b"\x00 not JSON"),
        (sound, b"{}"),
        (sound, orjson.dumps({"contact_id": new_id(), "channel": "telepathy"})),
        ([], b"{}"),
        ([*sound, ("ce_sequence", b"\xff")], b"{}"),
        ([(name, b"Unheard" if name == "ce_type" else value) for name, value in sound], b"{}"),
    ]


def _subscribed_types() -> set[str]:
    return set().union(*map(subscribed_types, SERVICES))


def _subscribed_topics() -> list[str]:
    return sorted({BY_TYPE[kind].topic for kind in _subscribed_types()})


def _headers(topic: str) -> Headers:
    """As they should be, of a type that a service handles."""
    envelope = Envelope(
        id=EventId(new_id()),
        type=min(kind for kind in _subscribed_types() if BY_TYPE[kind].topic == topic),
        source="/nowhere",
        key=new_id(),
        time=TimeSource().utc_now(),
        sequence=1,
        traceparent=None,
    )
    return encode(envelope)


@fault("replay")
async def all_is_read_again_from_the_start(scene: Scene) -> None:
    service = scene.a_service()
    scene.say(service)
    system = scene.world.system
    replicas = system.replicas_of(service)
    with scene.keeper.leaving_down(replicas):
        for name in replicas:
            await asyncio.to_thread(system.processes[name].stop)

        async def rewound() -> bool:
            try:
                await rewind(scene.world.sources, service)
            except KafkaError:
                return False  # its members are remembered for as long as their session lasts
            return True

        await until(rewound, within=REWOUND_WITHIN_S)
        for name in replicas:
            system.processes[name].start()
    for name in replicas:
        await system.processes[name].wait_ready(60)


@fault("replay")
async def topics_come_in_any_order(scene: Scene) -> None:
    """A service that was away for long finds both topics full, and reads one before the other."""
    service = scene.random.choice(("router", "escalation"))
    scene.say(service)
    system = scene.world.system
    with scene.keeper.leaving_down(system.replicas_of(service)):
        for name in system.replicas_of(service):
            system.processes[name].kill()
        await asyncio.sleep(4)
        for name in system.replicas_of(service):
            system.processes[name].start()

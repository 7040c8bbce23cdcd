"""Services that die, freeze, join and leave."""

import asyncio
import operator
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from chaos.faults.catalogue import fault
from chaos.groups import behind, ends
from chaos.scene import Scene
from stage.system import SERVICES, Replica
from support.waiting import until

REACHED_WITHIN_S = 30
# Beyond the session timeout and the time that the server lets a transaction idle.
FROZEN_S = 12
# As the service says it in its log.
REFUSED = "commit_refused"

PUBLISHING = SERVICES
WITH_TIMERS = ("router", "escalation")
STEPS = {
    "before_the_transaction": SERVICES,
    "after_the_timers_are_claimed": WITH_TIMERS,
    "before_the_commit": SERVICES,
    "after_the_commit": SERVICES,
    "before_the_offset_commit": SERVICES,
    "after_kafka_has_acknowledged": PUBLISHING,
    "after_the_call_is_made": ("notifier",),
}


@fault("process")
async def replica_is_killed(scene: Scene) -> None:
    """At no moment in particular."""
    name = scene.a_replica()
    scene.say(name)
    scene.world.system.processes[name].kill()


@fault("process")
async def all_replicas_are_killed(scene: Scene) -> None:
    service = scene.a_service()
    scene.say(service)
    for name in scene.world.system.replicas_of(service):
        scene.world.system.processes[name].kill()


def _dying(step: str, services: tuple[str, ...]) -> Callable[[Scene], Awaitable[None]]:
    async def inflict(scene: Scene) -> None:
        await _ordered(scene, scene.random.choice(services), step, signal.SIGKILL)

    return inflict


for _step, _services in STEPS.items():
    fault("process", f"killed_{_step}")(_dying(_step, _services))


def _freezing(step: str) -> Callable[[Scene], Awaitable[None]]:
    async def inflict(scene: Scene) -> None:
        service = scene.random.choice(("router", "escalation"))
        frozen = await _ordered(scene, service, step, signal.SIGSTOP)
        process = scene.world.system.process_of(frozen)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            await _moved_away(scene, service)
            scene.say(f"partitions moved after {loop.time() - begun:.1f} s")
            await asyncio.sleep(max(0, begun + FROZEN_S - loop.time()))
            await _no_transaction_is_left(scene)
        finally:
            process.resume()
        if step == "before_the_offset_commit":
            refused = process.log_path.read_text().count(REFUSED)
            await until(
                lambda: process.log_path.read_text().count(REFUSED) > refused,
                within=REACHED_WITHIN_S,
            )
            scene.say("its late commit was refused")

    return inflict


for _step in ("before_the_commit", "before_the_offset_commit"):
    fault("zombie", f"frozen_{_step}")(_freezing(_step))


@fault("rebalance")
async def member_joins_and_leaves(scene: Scene) -> None:
    """A third replica comes in the middle of the work and goes again."""
    system = scene.world.system
    service = scene.random.choice(("router", "escalation"))
    # One that does not stay leaves its group when it ends.
    replica = Replica(service, system.replicas, is_static_member=False)
    scene.say(replica.name)
    with scene.keeper.leaving_down([replica.name]):
        process = system.launch_replica(replica)
        try:
            await process.wait_ready(60)
            await asyncio.sleep(2)
        finally:
            await asyncio.to_thread(process.stop)
            del system.processes[replica.name]


async def _ordered(scene: Scene, service: str, step: str, number: signal.Signals) -> str:
    """Let the first replica that reaches the step take the signal; return which one it was."""
    taken = scene.orders.give(service, step, number)
    try:
        instance_id = await until(partial(_written, taken), within=REACHED_WITHIN_S)
    finally:
        scene.orders.take_back(service, step)
    taken.unlink()
    scene.say(instance_id)
    return instance_id


def _written(path: Path) -> str:
    """Who took the order, or nothing as long as nobody has."""
    return path.read_text() if path.exists() else ""


async def _moved_away(scene: Scene, service: str) -> None:
    """Wait until all that had come is read, though one of those who read it is frozen."""
    sources = scene.world.sources
    come = await ends(sources, service)
    await until(lambda: behind(sources, service, come), operator.not_, within=REACHED_WITHIN_S)


async def _no_transaction_is_left(scene: Scene) -> None:
    async with scene.admin() as connection:
        stuck = await connection.fetchval(_STUCK)
    assert stuck == 0, f"{stuck} transactions of a frozen process are still open"


_STUCK = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND usename LIKE 'upstairs%'
      AND state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '11 s'
"""

"""A host whose clock is wrong."""

import asyncio

from chaos.context import Scene
from chaos.faults.catalogue import fault
from stage.system import Replica


@fault("clock")
async def clock_jumps_an_hour(scene: Scene) -> None:
    """On one replica, there and back."""
    replica = Replica(scene.a_service(), scene.random.randrange(scene.world.system.replicas))
    scene.say(replica.name)
    sign = scene.orders.clock(replica.instance_id)
    sign.touch()
    try:
        await asyncio.sleep(5)
    finally:
        sign.unlink()

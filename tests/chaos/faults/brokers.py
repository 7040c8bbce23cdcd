"""What becomes of Kafka and of the way to it."""

import asyncio

from chaos.context import Scene
from chaos.faults.catalogue import fault
from chaos.proxies import BOTH

SLOW_S = 0.03


@fault("broker")
async def broker_crashes(scene: Scene) -> None:
    """It is killed and started again; it is over when it answers."""
    scene.kafka.kill()
    scene.kafka.launch()
    await asyncio.to_thread(scene.kafka.wait_ready)


@fault("broker")
async def broker_hangs(scene: Scene) -> None:
    scene.kafka.pause()
    try:
        await asyncio.sleep(scene.random.uniform(4, 8))
    finally:
        scene.kafka.resume()


@fault("broker")
async def broker_is_cut_off(scene: Scene) -> None:
    await scene.proxies.stop("kafka")
    try:
        await asyncio.sleep(scene.random.uniform(4, 8))
    finally:
        await scene.proxies.start("kafka")


@fault("broker")
async def broker_falls_silent(scene: Scene) -> None:
    """Connections stay, new ones are taken, and nothing comes through."""
    await scene.proxies.pause("kafka")
    try:
        await asyncio.sleep(scene.random.uniform(4, 8))
    finally:
        await scene.proxies.resume("kafka")


@fault("broker")
async def acknowledgements_are_lost(scene: Scene) -> None:
    """Kafka hears all, and nobody hears Kafka."""
    await scene.proxies.drop_answers("kafka")
    try:
        await asyncio.sleep(scene.random.uniform(1, 3))
    finally:
        await scene.proxies.keep_answers("kafka")


@fault("network")
async def network_is_slow(scene: Scene) -> None:
    for server in BOTH:
        await scene.proxies.slow(server, SLOW_S)
    try:
        await asyncio.sleep(6)
    finally:
        for server in BOTH:
            await scene.proxies.slow(server, 0)


@fault("network")
async def connections_break(scene: Scene) -> None:
    for _ in range(10):
        await scene.proxies.cut(scene.random.choice(BOTH))
        await asyncio.sleep(scene.random.uniform(0.1, 0.6))

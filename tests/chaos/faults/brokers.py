"""Faults of Kafka and of the network to it."""

import asyncio

from chaos.context import Context
from chaos.faults.registry import fault
from chaos.proxies import BOTH

SLOW_S = 0.03


@fault("broker")
async def broker_crashes(context: Context) -> None:
    """Kafka is killed and restarted; the fault ends when it answers again."""
    context.kafka.kill()
    context.kafka.launch()
    await asyncio.to_thread(context.kafka.wait_ready)


@fault("broker")
async def broker_hangs(context: Context) -> None:
    context.kafka.pause()
    try:
        await asyncio.sleep(context.random.uniform(4, 8))
    finally:
        context.kafka.resume()


@fault("broker")
async def broker_is_cut_off(context: Context) -> None:
    await context.proxies.stop("kafka")
    try:
        await asyncio.sleep(context.random.uniform(4, 8))
    finally:
        await context.proxies.start("kafka")


@fault("broker")
async def broker_falls_silent(context: Context) -> None:
    """Connections stay open, new ones are accepted, and no data passes."""
    await context.proxies.pause("kafka")
    try:
        await asyncio.sleep(context.random.uniform(4, 8))
    finally:
        await context.proxies.resume("kafka")


@fault("broker")
async def acknowledgements_are_lost(context: Context) -> None:
    """Kafka receives everything, and its answers are lost."""
    await context.proxies.drop_answers("kafka")
    try:
        await asyncio.sleep(context.random.uniform(1, 3))
    finally:
        await context.proxies.keep_answers("kafka")


@fault("network")
async def network_is_slow(context: Context) -> None:
    for server in BOTH:
        await context.proxies.slow(server, SLOW_S)
    try:
        await asyncio.sleep(6)
    finally:
        for server in BOTH:
            await context.proxies.slow(server, 0)


@fault("network")
async def connections_break(context: Context) -> None:
    for _ in range(10):
        await context.proxies.cut(context.random.choice(BOTH))
        await asyncio.sleep(context.random.uniform(0.1, 0.6))

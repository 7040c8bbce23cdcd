"""What the services take from the machine, and on which machine that was."""

import asyncio
import os
import platform

import asyncpg

import devstack
from bench.summary import Figures
from bench.testbed import Ground
from common.clock import Clock, elapsed
from devstack.jars import KAFKA_VERSION

_UNPUBLISHED = "SELECT count(*) FROM {schema}.outbox"
_UNSENT = "SELECT count(*) FROM notifier.notifications WHERE state IN ('pending', 'sending')"


async def context(stack: devstack.Stack) -> Figures:
    connection = await asyncpg.connect(stack.postgres_admin_url)
    postgres = await connection.fetchval("SHOW server_version")
    await connection.close()
    ours = stack.backend is devstack.Backend.EMBEDDED
    return {
        "date": f"{Clock().wall():%Y-%m-%d %H:%M:%S} UTC",
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
        "postgres": postgres,
        "kafka": KAFKA_VERSION if ours else stack.backend.value,
    }


async def _busy(ground: Ground) -> bool:
    return any([*(await ground.fetch_each(_UNPUBLISHED)).values(), await ground.fetch(_UNSENT)])


async def settled(ground: Ground, idle_seconds: int) -> Figures:
    """Wait until nothing is left to do, then take memory, and CPU while nothing comes."""
    while await _busy(ground):  # noqa: ASYNC110 - the condition is in a database
        await asyncio.sleep(0.5)
    await ground.check_clean()
    before, begun = ground.cpu_seconds(), elapsed()
    await asyncio.sleep(idle_seconds)
    after, seconds = ground.cpu_seconds(), elapsed() - begun
    processes = ground.system.processes
    idle = {name: 100 * (after[name] - before[name]) / seconds for name in processes}
    return {
        **{f"rss_mb_{name}": process.rss_mb() for name, process in processes.items()},
        **{f"idle_cpu_percent_{name}": percent for name, percent in idle.items()},
        "idle_cpu_percent_per_service": max(idle.values()),
    }

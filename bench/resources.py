"""The machine, and the CPU and memory that the services take."""

import asyncio
import os
import platform

import asyncpg

import devstack
from bench.summary import Figures
from bench.testbed import Testbed
from common.core.clock import TimeSource, monotonic
from devstack.jars import KAFKA_VERSION

_UNPUBLISHED = "SELECT count(*) FROM {schema}.outbox"
_UNSENT = "SELECT count(*) FROM notifier.notifications WHERE state IN ('pending', 'sending')"


async def context(stack: devstack.Stack) -> Figures:
    connection = await asyncpg.connect(stack.postgres_admin_url)
    postgres = await connection.fetchval("SHOW server_version")
    await connection.close()
    embedded = stack.backend is devstack.Backend.EMBEDDED
    return {
        "date": f"{TimeSource().utc_now():%Y-%m-%d %H:%M:%S} UTC",
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
        "postgres": postgres,
        "kafka": KAFKA_VERSION if embedded else stack.backend.value,
    }


async def _busy(testbed: Testbed) -> bool:
    return any([*(await testbed.fetch_each(_UNPUBLISHED)).values(), await testbed.fetch(_UNSENT)])


async def measure_cpu_percents(testbed: Testbed, seconds: float) -> dict[str, float]:
    """Return what each process takes of one core in this time."""
    before, begun = testbed.cpu_seconds(), monotonic()
    await asyncio.sleep(seconds)
    after, took = testbed.cpu_seconds(), monotonic() - begun
    return {name: 100 * (after[name] - before[name]) / took for name in before}


async def idle(testbed: Testbed, idle_seconds: int) -> Figures:
    """Wait until no work is left, then measure memory, and CPU without any traffic."""
    while await _busy(testbed):  # noqa: ASYNC110 - the condition is in a database
        await asyncio.sleep(0.5)
    await testbed.check_clean()
    processes = testbed.system.processes
    cpu_percents = await measure_cpu_percents(testbed, idle_seconds)
    percents = {name: cpu_percents[name] for name in processes}
    return {
        **{f"rss_mb_{name}": process.rss_mb() for name, process in processes.items()},
        **{f"idle_cpu_percent_{name}": percent for name, percent in percents.items()},
        "idle_cpu_percent_per_service": max(percents.values()),
    }

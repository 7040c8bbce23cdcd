"""The process: workers in one task group, and an orderly end."""

import asyncio
import signal
from collections.abc import Sequence
from typing import Protocol

import structlog

log = structlog.get_logger()


class Worker(Protocol):
    """Runs until `stopping` is set and what it has begun is done; an exception ends the process."""

    async def run(self, stopping: asyncio.Event) -> None: ...


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set, instead of ending the process."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def run_workers(
    first: Sequence[Worker], last: Sequence[Worker], stopping: asyncio.Event
) -> None:
    """Run all until `stopping` is set.

    Those in `first` stop taking work, finish what they have, and end; then those in `last`, which
    carry away what the others have left.
    """
    draining = asyncio.Event()
    async with asyncio.TaskGroup() as carriers:
        for worker in last:
            carriers.create_task(worker.run(draining))
        async with asyncio.TaskGroup() as workers:
            for worker in first:
                workers.create_task(worker.run(stopping))
            log.info("service_started")
            workers.create_task(_announce(stopping))
        draining.set()
    log.info("service_stopped")


async def _announce(stopping: asyncio.Event) -> None:
    await stopping.wait()
    log.info("service_stopping")

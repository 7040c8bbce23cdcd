"""The process: its workers, and how they stop."""

import asyncio
import signal
from collections.abc import Sequence
from typing import Protocol

import structlog

log = structlog.get_logger()


class Worker(Protocol):
    """Runs until `stopping` is set and its current work is done; an exception ends the process."""

    async def run(self, stopping: asyncio.Event) -> None: ...


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set, instead of ending the process."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def run_workers(
    workers: Sequence[Worker], drains: Sequence[Worker], stopping: asyncio.Event
) -> None:
    """Run all until `stopping` is set.

    First the `workers` finish what they have begun and end; then the `drains`, which process what
    the workers have left (the relay empties the outbox).
    """
    draining = asyncio.Event()
    async with asyncio.TaskGroup() as drain_tasks:
        for worker in drains:
            drain_tasks.create_task(worker.run(draining))
        async with asyncio.TaskGroup() as worker_tasks:
            for worker in workers:
                worker_tasks.create_task(worker.run(stopping))
            log.info("service_started")
            worker_tasks.create_task(_announce(stopping))
        draining.set()
    log.info("service_stopped")


async def _announce(stopping: asyncio.Event) -> None:
    await stopping.wait()
    log.info("service_stopping")

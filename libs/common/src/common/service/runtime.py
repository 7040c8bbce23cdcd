"""The process: its workers, and how they stop."""

import asyncio
import signal
from collections.abc import Sequence
from typing import Protocol

import structlog

from common.core.health import Health
from common.core.metrics import Metrics

log = structlog.get_logger()


class Worker(Protocol):
    """Runs until `stopping` is set and its current work is done.

    One that fails for one message or row goes on with the next. An exception halts it: a fault of
    this version or of its deployment, which would fail for all.
    """

    @property
    def name(self) -> str: ...

    async def run(self, stopping: asyncio.Event) -> None: ...


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set, instead of ending the process."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


class HaltingWorker:
    """Halts a worker that raises, loudly; the process goes on with its other workers.

    If the process ended, an orchestrator would start it again and again, to fail at the same row.
    """

    def __init__(self, worker: Worker, metrics: Metrics, health: Health) -> None:
        self._worker = worker
        self._metrics = metrics
        self._health = health

    async def run(self, stopping: asyncio.Event) -> None:
        name = self._worker.name
        try:
            await self._worker.run(stopping)
        except Exception as error:
            self._health.report_trouble(name, f"halted: {error}")
            self._metrics.worker_halted.labels(name).set(1)
            log.critical("worker_halted", worker=name, exc_info=error)
            await stopping.wait()


async def run_workers(
    workers: Sequence[Worker],
    drains: Sequence[Worker],
    stopping: asyncio.Event,
    metrics: Metrics,
    health: Health,
) -> None:
    """Run all until `stopping` is set.

    First the `workers` finish what they have begun and end; then the `drains`, which process what
    the workers have left (the relay empties the outbox).
    """
    draining = asyncio.Event()
    async with asyncio.TaskGroup() as drain_tasks:
        for worker in drains:
            drain_tasks.create_task(HaltingWorker(worker, metrics, health).run(draining))
        async with asyncio.TaskGroup() as worker_tasks:
            for worker in workers:
                worker_tasks.create_task(HaltingWorker(worker, metrics, health).run(stopping))
            log.info("service_started")
            worker_tasks.create_task(_announce(stopping))
        draining.set()
    log.info("service_stopped")


async def _announce(stopping: asyncio.Event) -> None:
    await stopping.wait()
    log.info("service_stopping")

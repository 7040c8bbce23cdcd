"""How a worker goes on: one step after another, and after a failure with a pause."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from common.core.backoff import Backoff
from common.core.errors import is_transient
from common.core.health import Health

log = structlog.get_logger()


async def repeat(
    step: Callable[[], Awaitable[None]], worker: str, health: Health, stopping: asyncio.Event
) -> None:
    """Call `step` until `stopping` is set; a failure makes the worker unhealthy until one ends."""
    backoff = Backoff()
    name = worker.replace(" ", "_")
    backing_off, failed = f"{name}_backing_off", f"{name}_failed"
    while not stopping.is_set():
        try:
            await step()
        except Exception as error:
            health.report_trouble(worker, repr(error))
            if is_transient(error):
                log.warning(backing_off, error=repr(error))
            else:
                log.exception(failed)
            await backoff.wait(stopping)
        else:
            health.report_healthy(worker)
            backoff.reset()

"""What a worker does with the outcome of a call while its lease lasts."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from common.core.backoff import Backoff
from common.core.clock import monotonic
from common.core.errors import is_transient

log = structlog.get_logger()


async def record_within(
    lease: timedelta, worker: str, record: Callable[[], Awaitable[object]]
) -> None:
    """Record it, again while the database is unavailable; after the lease it counts as lost.

    Raises what `record` raises for another reason.
    """
    backoff, never = Backoff(), asyncio.Event()
    started = monotonic()
    while monotonic() - started < lease.total_seconds():
        try:
            await record()
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("call_result_delayed", worker=worker, error=repr(error))
            await backoff.wait(never)
        else:
            return

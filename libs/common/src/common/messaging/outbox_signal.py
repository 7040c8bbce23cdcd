"""Tells a schema's active relay that another process has committed events (ADR 0056).

NOTIFY takes a lock until its transaction has committed, for all that notify. So it is sent outside
the transactions that do the work, and not for each of them.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from common.core.backoff import Backoff, pause
from common.core.errors import is_transient
from common.storage.database import driver_connection
from common.storage.engine import Engine

# Of asyncpg.
Session = Any

# Commits within it share a signal.
_LINGER_S = 0.01
# How long the worker may take to see that it shall stop.
_MAX_WAIT_S = 0.5

log = structlog.get_logger()


async def send_when(woken: asyncio.Event, session: Session, wait_s: float) -> bool:
    """Signal the commits that set `woken` within so many seconds; return whether there were any."""
    if not await pause(wait_s, woken):
        return False
    woken.clear()
    await session.execute(_NOTIFY)
    await asyncio.sleep(_LINGER_S)
    return True


async def listen(session: Session, wake: Callable[[], None]) -> None:
    """Call `wake` at each signal, for as long as the session lives."""
    await session.add_listener(await session.fetchval(_CHANNEL), lambda *_: wake())


class OutboxSignaller:
    """Signals the commits of a process that has no relay: one that only answers requests."""

    name = "outbox signal"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        backoff = Backoff()
        while not stopping.is_set():
            try:
                async with driver_connection(self._engine) as session:
                    await self._serve(session, backoff, stopping)
            except Exception as error:
                # The relay polls, so events are only late meanwhile.
                if is_transient(error):
                    log.warning("outbox_signal_backing_off", error=repr(error))
                else:
                    log.exception("outbox_signal_failed")
                await backoff.wait(stopping)

    async def _serve(self, session: Session, backoff: Backoff, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            if await send_when(self._woken, session, _MAX_WAIT_S):
                backoff.reset()


# A channel belongs to a database, which several schemas may share.
_CHANNEL = "SELECT current_schema() || '_outbox'"
_NOTIFY = f"SELECT pg_notify(({_CHANNEL}), '')"

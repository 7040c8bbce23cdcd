"""The calls of a worker that are under way."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

# On shutdown calls have so long to end; what takes longer is tried again by another replica.
_STOP_S: Final = 5.0


class Calls:
    def __init__(self) -> None:
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Let calls start; at the end wait for those under way, and stop what takes too long."""
        async with asyncio.TaskGroup() as self._group:
            yield
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_STOP_S)
            for task in self._tasks:
                task.cancel()

    def start(self, call: Coroutine[Any, Any, None]) -> None:
        if self._group is None:
            raise RuntimeError("the worker does not run")
        task = self._group.create_task(call)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

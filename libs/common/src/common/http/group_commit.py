"""Group commit: commands that arrive at the same time share one transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from common.core import trace
from common.core.clock import monotonic
from common.core.errors import TransientError, is_transient
from common.storage.database import Database
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)
C = TypeVar("C")
R = TypeVar("R")

_MAX_BATCH = 100
# While commands wait, a batch begins at most so often: each costs a transaction, here and in those
# who hear of it.
BATCH_INTERVAL_S: Final = 0.008


@dataclass(slots=True)
class _Pending(Generic[C, R]):
    command: C
    traceparent: str
    answer: "asyncio.Future[R]"


class CommandBatcher(Generic[U, C, R]):
    """Handles commands of one kind; those that arrive during a transaction form the next batch.

    Under load the batch shares one commit and its statements; a lone command does not wait, nor
    does a client that sends one after the other. Meant for commands that seldom fail: when one
    fails, each of its batch is handled alone. `prepare` reads and locks, with one statement for
    all, what `handle` needs for each. A route that submits commands is one of the `unkeyed_paths`:
    inside `share_transaction` the batch would become a part of one request.
    """

    def __init__(
        self,
        database: Database[U],
        handle: Callable[[C, U], Awaitable[R]],
        prepare: Callable[[Sequence[C], U], Awaitable[None]],
        *,
        interval_s: float = BATCH_INTERVAL_S,
    ) -> None:
        self._database = database
        self._handle = handle
        self._prepare = prepare
        self._interval_s = interval_s
        self._waiting: list[_Pending[C, R]] = []
        # While there is a command: it ends with none of the requests, and none waits for another.
        self._answering: asyncio.Task[None] | None = None

    async def submit(self, command: C) -> R:
        """Return what the handler returned once it is committed, or raise what it raised."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Pending(command, trace.current() or trace.start(None), answer))
        if self._answering is None:
            self._answering = asyncio.ensure_future(self._answer_all())
        return await answer

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MAX_BATCH], self._waiting[_MAX_BATCH:]
                began_at = monotonic()
                await self._answer(batch)
                if self._waiting and len(batch) < _MAX_BATCH:
                    await asyncio.sleep(began_at + self._interval_s - monotonic())
        finally:
            self._answering = None

    async def _answer(self, batch: Sequence[_Pending[C, R]]) -> None:
        try:
            results = await self._transact(batch)
        except Exception as error:  # noqa: BLE001 - each caller gets it
            if len(batch) > 1 and not is_transient(error):
                for pending in batch:
                    await self._answer([pending])
            _fail(batch, error)
        else:
            for pending, result in zip(batch, results, strict=True):
                # Its caller may have been cancelled.
                if not pending.answer.done():
                    pending.answer.set_result(result)
        finally:
            # Some are still pending only if this task was cancelled: the process ends.
            _fail(batch, TransientError("the service is stopping"))

    async def _transact(self, batch: Sequence[_Pending[C, R]]) -> list[R]:
        async with self._database.transaction() as uow:
            await self._prepare([pending.command for pending in batch], uow)
            return [await self._handle_one(pending, uow) for pending in batch]

    async def _handle_one(self, pending: _Pending[C, R], uow: U) -> R:
        trace.restore(pending.traceparent)
        return await self._handle(pending.command, uow)


def _fail(batch: Sequence[_Pending[C, R]], error: Exception) -> None:
    for pending in batch:
        if not pending.answer.done():
            pending.answer.set_exception(error)

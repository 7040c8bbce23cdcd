"""Commands that come at the same time share one transaction, as messages of one poll do."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from common.core import trace
from common.core.errors import TransientError, is_transient
from common.storage.database import Database
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)
C = TypeVar("C")
R = TypeVar("R")

_BATCH = 100


@dataclass(slots=True)
class _Pending(Generic[C, R]):
    command: C
    traceparent: str
    answer: "asyncio.Future[R]"


class CommandBatcher(Generic[U, C, R]):
    """Handles commands of one kind: those that wait while a transaction runs make up the next one.

    Under load each pays its share of a commit and of every statement; alone, none waits. For
    commands that seldom fail: those that share a batch with one that does are done again alone.
    `hold` gets ready, with a statement for all, what `handle` will need for each.
    """

    def __init__(
        self,
        database: Database[U],
        handle: Callable[[C, U], Awaitable[R]],
        hold: Callable[[Sequence[C], U], Awaitable[None]],
    ) -> None:
        self._database = database
        self._handle = handle
        self._hold = hold
        self._waiting: list[_Pending[C, R]] = []
        self._turn = asyncio.Lock()

    async def submit(self, command: C) -> R:
        """Return what the handler returned once it is committed, or raise what it raised."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Pending(command, trace.current() or trace.start(None), answer))
        async with self._turn:
            # Most find on their turn that another took them along.
            if not answer.done():
                batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
                await self._answer(batch)
        return await answer

    async def _answer(self, batch: Sequence[_Pending[C, R]]) -> None:
        try:
            results = await self._transact(batch)
        except Exception as error:  # noqa: BLE001 - each caller gets it
            if len(batch) > 1 and not is_transient(error):
                for asked in batch:
                    await self._answer([asked])
            _refuse(batch, error)
        else:
            for asked, result in zip(batch, results, strict=True):
                asked.answer.set_result(result)
        finally:
            # Left only when the task that works for all of them was cancelled.
            _refuse(batch, TransientError("the service is stopping"))

    async def _transact(self, batch: Sequence[_Pending[C, R]]) -> list[R]:
        own = trace.current()
        try:
            async with self._database.transaction() as uow:
                await self._hold([asked.command for asked in batch], uow)
                return [await self._one(asked, uow) for asked in batch]
        finally:
            trace.restore(own)

    async def _one(self, asked: _Pending[C, R], uow: U) -> R:
        trace.restore(asked.traceparent)
        return await self._handle(asked.command, uow)


def _refuse(batch: Sequence[_Pending[C, R]], error: Exception) -> None:
    for asked in batch:
        if not asked.answer.done():
            asked.answer.set_exception(error)

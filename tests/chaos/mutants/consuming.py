"""Breakages of how escalation consumes a record."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from aiokafka import TopicPartition

from chaos.mutants.registry import control, die_once, mutant, replace
from chaos.mutants.scenarios import ARRIVALS, SUPERVISOR_REQUESTS
from common.contracts.contacts import ContactReceived, SupervisorRequested
from common.contracts.event import Event
from common.messaging import dispatcher
from common.messaging.consumer import Consumer
from common.messaging.dispatcher import Dispatcher, Message
from common.storage.uow import UnitOfWork

# More than the attempts at a batch and then at its first message alone.
_DEADLOCKS = 5


@control("escalation", SUPERVISOR_REQUESTS, dies=True)
def dies_in_the_transaction() -> None:
    work = Dispatcher.work

    async def work_or_die(
        self: Dispatcher[Any], uow: UnitOfWork, messages: Sequence[Message]
    ) -> None:
        # An escalation that is lost or raised twice is what the checker reports.
        if _has(SupervisorRequested, messages):
            die_once()
        await work(self, uow, messages)

    replace(Dispatcher, "work", work_or_die)


@control("escalation", SUPERVISOR_REQUESTS, dies=True)
def dies_before_the_offset_commit() -> None:
    handle = Dispatcher.handle

    async def handle_and_die(self: Dispatcher[Any], batch: Sequence[Message]) -> None:
        await handle(self, batch)
        if _has(SupervisorRequested, batch):
            die_once()

    replace(Dispatcher, "handle", handle_and_die)


@control("escalation", ARRIVALS, brief=False)
def deadlocks_for_a_while() -> None:
    work = Dispatcher.work
    remaining = iter(range(_DEADLOCKS))

    async def work_or_deadlock(
        self: Dispatcher[Any], uow: UnitOfWork, messages: Sequence[Message]
    ) -> None:
        if _has(ContactReceived, messages) and next(remaining, None) is not None:
            raise asyncpg.DeadlockDetectedError("deadlock detected")
        await work(self, uow, messages)

    replace(Dispatcher, "work", work_or_deadlock)


@mutant(dies_in_the_transaction, 5, "never handled, and its offset is committed")
def offset_is_committed_first() -> None:
    handle = Consumer._handle

    async def commit_and_handle(
        self: Consumer[Any], polled: Mapping[TopicPartition, Sequence[Any]]
    ) -> None:
        offsets = {partition: records[-1].offset + 1 for partition, records in polled.items()}
        await self._kafka.commit(offsets)
        await handle(self, polled)

    replace(Consumer, "_handle", commit_and_handle)


@mutant(dies_in_the_transaction, 5, "in the inbox, and without effect")
def inbox_is_claimed_in_its_own_transaction() -> None:
    claim = Dispatcher.claim

    async def claim_separately(
        self: Dispatcher[Any], _uow: UnitOfWork, messages: Sequence[Message]
    ) -> list[Message]:
        async with self.database.transaction() as separate:
            return await claim(self, separate, messages)

    replace(Dispatcher, "claim", claim_separately)


@mutant(dies_before_the_offset_commit, 5, "handled twice")
def inbox_is_skipped() -> None:
    async def claim_nothing(
        _self: Dispatcher[Any], _uow: UnitOfWork, messages: Sequence[Message]
    ) -> list[Message]:
        return list(messages)

    replace(Dispatcher, "claim", claim_nothing)


@mutant(dies_before_the_offset_commit, 5, "handled twice", brief=False)
def inbox_answer_is_ignored() -> None:
    claim = Dispatcher.claim

    async def claim_and_keep_all(
        self: Dispatcher[Any], uow: UnitOfWork, messages: Sequence[Message]
    ) -> list[Message]:
        await claim(self, uow, messages)
        return list(messages)

    replace(Dispatcher, "claim", claim_and_keep_all)


@mutant(deadlocks_for_a_while, 1, "escalation does not track the contact", brief=False)
def transient_error_is_dead_lettered() -> None:
    replace(dispatcher, "is_transient", lambda _error: False)


def _has(kind: type[Event], messages: Sequence[Message]) -> bool:
    return any(isinstance(message.body, kind) for message in messages)

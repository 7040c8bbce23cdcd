"""Breakages of the way from a record to its effect, shown at escalation."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from aiokafka import TopicPartition

from chaos.mutants.registry import control, die_once, mutant, replace
from chaos.mutants.scenarios import ARRIVALS, PLEAS
from common.contracts.contacts import ContactReceived, SupervisorRequested
from common.contracts.event import Event
from common.messaging import dispatcher
from common.messaging.consumer import Consumer
from common.messaging.dispatcher import Dispatcher, Message
from common.storage.uow import UnitOfWork

# More often than a batch and then its first message alone are tried.
_COLLISIONS = 5


@control("escalation", PLEAS, dies=True)
def dies_in_the_transaction() -> None:
    work = Dispatcher.work

    async def dying(self: Dispatcher[Any], uow: UnitOfWork, messages: Sequence[Message]) -> None:
        # To raise is what shows when it is lost or done twice.
        if _has(SupervisorRequested, messages):
            die_once()
        await work(self, uow, messages)

    replace(Dispatcher, "work", dying)


@control("escalation", PLEAS, dies=True)
def dies_before_the_offset_commit() -> None:
    handle = Dispatcher.handle

    async def dying(self: Dispatcher[Any], batch: Sequence[Message]) -> None:
        await handle(self, batch)
        if _has(SupervisorRequested, batch):
            die_once()

    replace(Dispatcher, "handle", dying)


@control("escalation", ARRIVALS, brief=False)
def collides_for_a_while() -> None:
    work = Dispatcher.work
    left = iter(range(_COLLISIONS))

    async def colliding(
        self: Dispatcher[Any], uow: UnitOfWork, messages: Sequence[Message]
    ) -> None:
        if _has(ContactReceived, messages) and next(left, None) is not None:
            raise asyncpg.DeadlockDetectedError("deadlock detected")
        await work(self, uow, messages)

    replace(Dispatcher, "work", colliding)


@mutant(dies_in_the_transaction, 5, "never handled, and its offset is committed")
def offset_is_committed_first() -> None:
    take = Consumer._handle

    async def hasty(self: Consumer[Any], polled: Mapping[TopicPartition, Sequence[Any]]) -> None:
        await self._kafka.commit({one: records[-1].offset + 1 for one, records in polled.items()})
        await take(self, polled)

    replace(Consumer, "_handle", hasty)


@mutant(dies_in_the_transaction, 5, "in the inbox, and without effect")
def inbox_is_claimed_in_its_own_transaction() -> None:
    claim = Dispatcher.claim

    async def hasty(
        self: Dispatcher[Any], _uow: UnitOfWork, messages: Sequence[Message]
    ) -> list[Message]:
        async with self.database.transaction() as own:
            return await claim(self, own, messages)

    replace(Dispatcher, "claim", hasty)


@mutant(dies_before_the_offset_commit, 5, "handled twice")
def inbox_is_not_asked() -> None:
    async def trusting(
        _self: Dispatcher[Any], _uow: UnitOfWork, messages: Sequence[Message]
    ) -> list[Message]:
        return list(messages)

    replace(Dispatcher, "claim", trusting)


@mutant(dies_before_the_offset_commit, 5, "handled twice", brief=False)
def inbox_is_asked_and_not_heeded() -> None:
    claim = Dispatcher.claim

    async def deaf(
        self: Dispatcher[Any], uow: UnitOfWork, messages: Sequence[Message]
    ) -> list[Message]:
        await claim(self, uow, messages)
        return list(messages)

    replace(Dispatcher, "claim", deaf)


@mutant(collides_for_a_while, 1, "escalation does not track the contact", brief=False)
def what_would_pass_is_buried() -> None:
    replace(dispatcher, "is_transient", lambda _error: False)


def _has(kind: type[Event], messages: Sequence[Message]) -> bool:
    return any(isinstance(message.body, kind) for message in messages)

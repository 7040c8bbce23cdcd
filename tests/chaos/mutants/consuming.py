"""Breakages of how escalation consumes a record."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from aiokafka import TopicPartition

from chaos.mutants.registry import control, die_once, mutant, replace
from chaos.mutants.scenarios import ARRIVALS, SUPERVISOR_REQUESTS
from common.contracts.contacts import ContactReceived, SupervisorRequested
from common.contracts.event import Event
from common.core.ids import EventId
from common.messaging import dispatcher
from common.messaging.consumer import Consumer
from common.messaging.dispatcher import Dispatcher, Message
from common.storage import database
from common.storage.connection import Connection
from common.storage.inbox import Claim, claim
from common.storage.uow import UnitOfWork

# More than the attempts at a batch and then at its first message alone.
_DEADLOCKS = 5


def _keep_all(
    _self: Dispatcher[Any], messages: Sequence[Message], _claimed: set[EventId]
) -> list[Message]:
    return list(messages)


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
        self: Consumer, polled: Mapping[TopicPartition, Sequence[Any]]
    ) -> None:
        offsets = {partition: records[-1].offset + 1 for partition, records in polled.items()}
        await self._kafka.commit(offsets)
        await handle(self, polled)

    replace(Consumer, "_handle", commit_and_handle)


@mutant(dies_in_the_transaction, 5, "in the inbox, and without effect")
def inbox_is_claimed_in_its_own_transaction() -> None:
    async def claim_and_commit(connection: Connection, ids: Sequence[EventId]) -> Claim:
        claimed = await claim(connection, ids)
        await connection.commit()
        await connection.begin()
        return claimed

    replace(database, "claim", claim_and_commit)


@mutant(dies_before_the_offset_commit, 5, "handled twice")
def inbox_is_skipped() -> None:
    def claim_nothing(_self: Dispatcher[Any], _messages: Sequence[Message]) -> list[EventId]:
        return []

    replace(Dispatcher, "_to_claim", claim_nothing)
    replace(Dispatcher, "_without_handled", _keep_all)


@mutant(dies_before_the_offset_commit, 5, "handled twice", brief=False)
def inbox_answer_is_ignored() -> None:
    replace(Dispatcher, "_without_handled", _keep_all)


@mutant(deadlocks_for_a_while, 1, "escalation does not track the contact", brief=False)
def transient_error_is_dead_lettered() -> None:
    replace(dispatcher, "is_transient", lambda _error: False)


def _has(kind: type[Event], messages: Sequence[Message]) -> bool:
    return any(isinstance(message.body, kind) for message in messages)

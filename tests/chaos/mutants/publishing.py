"""Breakages of how intake publishes what a request causes."""

import asyncio
from collections.abc import Sequence
from copy import copy
from typing import Any

from sqlalchemy import text

from chaos.mutants.registry import control, die_once, mutant, replace
from chaos.mutants.scenarios import ARRIVALS, LATER_SUPERVISOR_REQUESTS, SUPERVISOR_REQUESTS
from common.contracts.contacts import ContactReceived, CustomerWrote, SupervisorRequested
from common.contracts.event import ContactId
from common.core.ids import EventId
from common.http.group_commit import CommandBatcher
from common.messaging import pending_events, relay
from common.messaging.relay import RefusedBatch, Relay
from intake.store import UnitOfWork

_DELETE = "DELETE FROM outbox WHERE id = ANY($1::bigint[])"
_BATCH = 1000
# The ids of the events sent, and the batches that Kafka refused.
Outcome = tuple[list[EventId], list[RefusedBatch]]
# A machine may pause for this long and then continue.
_STALL_S = 1.0


@control("intake", SUPERVISOR_REQUESTS, dies=True)
def dies_while_publishing() -> None:
    send = Relay._send

    async def send_or_die(self: Relay, rows: Sequence[Any]) -> Outcome:
        if _has_supervisor_request(rows):
            die_once()
        return await send(self, rows)

    replace(Relay, "_send", send_or_die)


@control("intake", LATER_SUPERVISOR_REQUESTS)
def commits_late() -> None:
    """One transaction gets its outbox ids first, and commits after the relay has passed them."""
    flush, send = UnitOfWork.flush, Relay._send
    uncommitted_ids: list[int] = []
    overtaken = asyncio.Event()

    async def flush_and_wait(self: UnitOfWork) -> None:
        await flush(self)
        if not uncommitted_ids and _publishes(SupervisorRequested.type, self):
            uncommitted_ids.append((await self.connection.execute(_LAST_ID)).scalar_one())
            await overtaken.wait()

    async def send_and_notify(self: Relay, rows: Sequence[Any]) -> Outcome:
        outcome = await send(self, rows)
        if uncommitted_ids and any(row["id"] > uncommitted_ids[0] for row in rows):
            overtaken.set()
        return outcome

    replace(UnitOfWork, "flush", flush_and_wait)
    replace(Relay, "_send", send_and_notify)


@control("intake", LATER_SUPERVISOR_REQUESTS, brief=False)
def relay_stalls_beside_another() -> None:
    """Two relays in one process; one pauses for a while after it has read rows."""
    run, send = Relay.run, Relay._send
    stalls = iter((True,))

    async def run_twice(self: Relay, stopping: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(run(self, stopping))
            group.create_task(run(copy(self), stopping))

    async def send_after_a_stall(self: Relay, rows: Sequence[Any]) -> Outcome:
        if _has_supervisor_request(rows) and next(stalls, False):
            await asyncio.sleep(_STALL_S)
        return await send(self, rows)

    replace(Relay, "run", run_twice)
    replace(Relay, "_send", send_after_a_stall)


@control("intake", ARRIVALS, dies=True, brief=False)
def dies_before_the_commit() -> None:
    flush = UnitOfWork.flush

    async def flush_and_die(self: UnitOfWork) -> None:
        await flush(self)
        if _publishes(ContactReceived.type, self):
            die_once()

    replace(UnitOfWork, "flush", flush_and_die)


@mutant(dies_while_publishing, 5, "in the journal, and not published under its number")
def relay_deletes_before_the_acknowledgement() -> None:
    async def delete_and_send(self: Relay, session: Any) -> int:
        rows = await session.fetch(pending_events.NEXT, [], _BATCH)
        await session.execute(_DELETE, [row["id"] for row in rows])
        await self._send(rows)
        return len(rows)

    replace(Relay, "publish", delete_and_send)


@mutant(dies_while_publishing, 5, "a gap or a wrong order", brief=False)
def relay_skips_customer_messages() -> None:
    send = Relay._send

    async def send_selected(self: Relay, rows: Sequence[Any]) -> Outcome:
        await send(self, [row for row in rows if row["type"] != CustomerWrote.type])
        return [row["event_id"] for row in rows], []

    replace(Relay, "_send", send_selected)


@mutant(commits_late, 5, "in the journal, and not published under its number")
def relay_reads_on_from_the_last_id() -> None:
    next_rows = pending_events.NEXT.replace("WHERE o.id NOT IN", "WHERE o.id > $3 AND o.id NOT IN")
    last = 0

    async def publish_after_last_id(self: Relay, session: Any) -> int:
        nonlocal last
        rows = await session.fetch(next_rows, [], _BATCH, last)
        if rows:
            await self._send(rows)
            last = rows[-1]["id"]
            await session.execute("DELETE FROM outbox WHERE id <= $1", last)
        return len(rows)

    replace(Relay, "publish", publish_after_last_id)


@mutant(relay_stalls_beside_another, 5, "a gap or a wrong order", brief=False)
def relays_share_the_rows() -> None:
    next_rows = pending_events.NEXT.replace("LIMIT $2", "LIMIT $2 FOR UPDATE OF o SKIP LOCKED")

    async def publish_shared_rows(self: Relay, session: Any) -> int:
        async with session.transaction():
            rows = await session.fetch(next_rows, [], _BATCH)
            await self._send(rows)
            await session.execute(_DELETE, [row["id"] for row in rows])
        return len(rows)

    replace(relay, "_LOCK", "SELECT true")
    replace(Relay, "publish", publish_shared_rows)


@mutant(dies_before_the_commit, 1, "accepted, and intake has no such contact", brief=False)
def contacts_are_answered_before_the_commit() -> None:
    submit = CommandBatcher.submit
    submissions: set[asyncio.Future[Any]] = set()

    async def submit_in_background(self: CommandBatcher[Any, Any, Any], command: Any) -> ContactId:
        submissions.add(asyncio.ensure_future(submit(self, command)))
        contact_id: ContactId = command.command.contact_id
        return contact_id

    replace(CommandBatcher, "submit", submit_in_background)


def _has_supervisor_request(rows: Sequence[Any]) -> bool:
    return any(row["type"] == SupervisorRequested.type for row in rows)


def _publishes(type_: str, uow: UnitOfWork) -> bool:
    return any(row.type == type_ for row in uow.outbox._rows)


_LAST_ID = text("SELECT max(id) FROM outbox")

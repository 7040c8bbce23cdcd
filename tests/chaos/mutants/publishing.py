"""Breakages of the way from a request to a record, shown at intake."""

import asyncio
from collections.abc import Sequence
from copy import copy
from typing import Any

from sqlalchemy import text

from chaos.mutants.registry import control, die_once, mutant, replace
from chaos.mutants.scenarios import ARRIVALS, LATER_PLEAS, PLEAS
from common.contracts.contacts import ContactReceived, CustomerWrote, SupervisorRequested
from common.contracts.event import ContactId
from common.http.group_commit import CommandBatcher
from common.messaging import relay
from common.messaging.relay import Relay
from intake.store import UnitOfWork

_BATCH = 1000
# As long as a machine may stop for, and then go on as if nothing had been.
_STALL_S = 1.0


@control("intake", PLEAS, dies=True)
def dies_while_publishing() -> None:
    send = Relay._send

    async def dying(self: Relay, rows: Sequence[Any]) -> list[int]:
        if _asks(rows):
            die_once()
        return await send(self, rows)

    replace(Relay, "_send", dying)


@control("intake", LATER_PLEAS)
def commits_late() -> None:
    """One transaction has its ids, and commits when the relay is past them."""
    flush, send = UnitOfWork.flush, Relay._send
    held: list[int] = []
    overtaken = asyncio.Event()

    async def holding(self: UnitOfWork) -> None:
        await flush(self)
        if not held and _says(SupervisorRequested.type, self):
            held.append((await self.connection.execute(_LAST_ID)).scalar_one())
            await overtaken.wait()

    async def noting(self: Relay, rows: Sequence[Any]) -> list[int]:
        sent = await send(self, rows)
        if held and any(row["id"] > held[0] for row in rows):
            overtaken.set()
        return sent

    replace(UnitOfWork, "flush", holding)
    replace(Relay, "_send", noting)


@control("intake", LATER_PLEAS, brief=False)
def one_of_two_relays_stalls() -> None:
    """Two replicas in one process; one stops for a while with rows in hand."""
    run, send = Relay.run, Relay._send
    stalls = iter((True,))

    async def both(self: Relay, stopping: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as two:
            two.create_task(run(self, stopping))
            two.create_task(run(copy(self), stopping))

    async def stalling(self: Relay, rows: Sequence[Any]) -> list[int]:
        if _asks(rows) and next(stalls, False):
            await asyncio.sleep(_STALL_S)
        return await send(self, rows)

    replace(Relay, "run", both)
    replace(Relay, "_send", stalling)


@control("intake", ARRIVALS, dies=True, brief=False)
def dies_before_the_commit() -> None:
    flush = UnitOfWork.flush

    async def dying(self: UnitOfWork) -> None:
        await flush(self)
        if _says(ContactReceived.type, self):
            die_once()

    replace(UnitOfWork, "flush", dying)


@mutant(dies_while_publishing, 5, "in the journal, and not published under its number")
def relay_deletes_before_the_acknowledgement() -> None:
    async def hasty(self: Relay, session: Any) -> int:
        rows = await session.fetch(relay._NEXT, _BATCH)
        await session.execute(relay._DELETE, [row["id"] for row in rows])
        await self._send(rows)
        return len(rows)

    replace(Relay, "publish", hasty)


@mutant(dies_while_publishing, 5, "a gap or a wrong order", brief=False)
def relay_spares_what_nobody_reads() -> None:
    send = Relay._send

    async def sparing(self: Relay, rows: Sequence[Any]) -> list[int]:
        await send(self, [row for row in rows if row["type"] != CustomerWrote.type])
        return [row["id"] for row in rows]

    replace(Relay, "_send", sparing)


@mutant(commits_late, 5, "in the journal, and not published under its number")
def relay_reads_on_from_the_last_id() -> None:
    following = relay._NEXT.replace("FROM outbox", "FROM outbox WHERE id > $2")
    last = 0

    async def hasty(self: Relay, session: Any) -> int:
        nonlocal last
        rows = await session.fetch(following, _BATCH, last)
        if rows:
            await self._send(rows)
            last = rows[-1]["id"]
            await session.execute("DELETE FROM outbox WHERE id <= $1", last)
        return len(rows)

    replace(Relay, "publish", hasty)


@mutant(one_of_two_relays_stalls, 5, "a gap or a wrong order", brief=False)
def relays_share_the_rows() -> None:
    unlocked = f"{relay._NEXT} FOR UPDATE SKIP LOCKED"

    async def shared(self: Relay, session: Any) -> int:
        async with session.transaction():
            rows = await session.fetch(unlocked, _BATCH)
            await self._send(rows)
            await session.execute(relay._DELETE, [row["id"] for row in rows])
        return len(rows)

    replace(relay, "_LOCK", "SELECT true")
    replace(Relay, "publish", shared)


@mutant(dies_before_the_commit, 1, "accepted, and intake has no such contact", brief=False)
def contacts_are_answered_before_the_commit() -> None:
    submit = CommandBatcher.submit
    under_way: set[asyncio.Future[Any]] = set()

    async def hasty(self: CommandBatcher[Any, Any, Any], command: Any) -> ContactId:
        under_way.add(asyncio.ensure_future(submit(self, command)))
        contact_id: ContactId = command.command.contact_id
        return contact_id

    replace(CommandBatcher, "submit", hasty)


def _asks(rows: Sequence[Any]) -> bool:
    return any(row["type"] == SupervisorRequested.type for row in rows)


def _says(type_: str, uow: UnitOfWork) -> bool:
    return any(row["type"] == type_ for row in uow.outbox._rows)


_LAST_ID = text("SELECT max(id) FROM outbox")

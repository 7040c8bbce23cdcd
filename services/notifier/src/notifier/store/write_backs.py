"""The SQL of write-backs: how each connection is set, and what is written to its cases."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from msgspec import ValidationError
from sqlalchemy import delete, func, select, text, update

from common.contracts.event import ContactId, SystemName
from common.storage.connection import Connection
from common.storage.rows import LockedTable
from common.storage.uow import UnitOfWork
from notifier import tables
from notifier.domain.write_backs.settings import UNREADABLE, WriteBack, stand_in
from notifier.domain.write_backs.writes import CaseWrite, CaseWriteId, CaseWriteState
from notifier.store.system_rows import SystemRows

_WRITES = tables.case_writes
_BACKS = tables.write_backs
_UNFINISHED = ("pending", "writing")

log = structlog.get_logger()


class WriteBacks(SystemRows[WriteBack]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.write_backs, WriteBack)

    def read(self, row: Mapping[str, Any]) -> WriteBack:
        """Return it; one that can't be read is halted, so that a manager can set it again."""
        try:
            return super().read(row)
        except ValidationError:
            log.exception("write_back_unreadable", system=row["system"])
            kept = ("system", "version", "changed_at", "changed_by")
            return stand_in(*(row[name] for name in kept))

    async def after(
        self, system: SystemName | None, limit: int, kind: str | None, state: str | None
    ) -> list[WriteBack]:
        """Return them by name."""
        query = select(_BACKS).order_by(_BACKS.c.system).limit(limit)
        if system is not None:
            query = query.where(_BACKS.c.system > system)
        if kind is not None:
            query = query.where(_BACKS.c.system.startswith(f"{kind}:", autoescape=True))
        if state is not None:
            query = query.where(_BACKS.c.state == state)
        return [self.read(dict(row)) for row in await self.connection.execute(query)]

    async def get_to_claim(self, system: SystemName) -> WriteBack | None:
        """Return it; one whose row can't be read is halted, so that it keeps no other waiting."""
        write_back = await self.get(system)
        if write_back is not None and write_back.halt_reason == UNREADABLE:
            await self.connection.execute(_HALT, {"system": system, "reason": UNREADABLE})
        return write_back

    async def lock_each(self) -> list[WriteBack]:
        """Lock all of them, to encrypt their credentials again."""
        query = select(_BACKS).order_by(_BACKS.c.system).with_for_update()
        return self.adopt(await self.connection.execute(query))

    async def remove(self, system: SystemName) -> None:
        """Remove it; what was not written yet never is."""
        unfinished = _WRITES.c.state.in_(_UNFINISHED)
        await self.connection.execute(
            update(_WRITES)
            .where(_WRITES.c.system == system, unfinished)
            .values(state="superseded", due_at=None, reason="the write-back was removed")
        )
        await self.connection.execute(delete(_BACKS).where(_BACKS.c.system == system))


class WriteCounts(NamedTuple):
    """How many writes wait, and how many have failed."""

    waiting: int
    failed: int


class CaseWrites(LockedTable[CaseWriteId, CaseWrite]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.case_writes, CaseWrite)
        self.has_pending = False

    def add(self, write: CaseWrite) -> None:
        self.mark_absent(write.write_id)
        self.put(write)
        self.has_pending = True

    async def claim_due(self, system: SystemName, limit: int, now: datetime) -> list[CaseWrite]:
        """Lock what is due for this system: of each case only the earliest that is unfinished.

        One whose row can't be read fails, so that it keeps no other waiting.
        """
        values = {"system": system, "limit": limit, "now": now}
        claimed: list[CaseWrite] = []
        for row in await self.connection.execute(_DUE, values):
            try:
                claimed += self.adopt([row])
            except ValidationError:
                log.exception("case_write_unreadable", write_id=row["write_id"])
                await self.connection.execute(_FAIL_UNREADABLE, {"id": row["write_id"]})
        return claimed

    async def latest(
        self,
        system: SystemName,
        state: CaseWriteState | None,
        contact_id: ContactId | None,
        before: CaseWriteId | None,
        limit: int,
    ) -> list[CaseWrite]:
        query = select(_WRITES).where(_WRITES.c.system == system)
        if state is not None:
            query = query.where(_WRITES.c.state == state)
        if contact_id is not None:
            query = query.where(_WRITES.c.contact_id == contact_id)
        if before is not None:
            query = query.where(_WRITES.c.write_id < before)
        ordered = query.order_by(_WRITES.c.write_id.desc()).limit(limit)
        return [self.read(dict(row)) for row in await self.connection.execute(ordered)]

    async def count(self, systems: Sequence[SystemName]) -> dict[SystemName, WriteCounts]:
        counted = await self.connection.execute(_COUNTS, {"systems": systems})
        return {SystemName(row.system): WriteCounts(row.waiting, row.failed) for row in counted}

    async def has_later(self, write: CaseWrite) -> bool:
        """Return whether a later step was or is being written to the case; none begins now."""
        query = select(_WRITES.c.state).where(
            _WRITES.c.contact_id == write.contact_id,
            _WRITES.c.system == write.system,
            _WRITES.c.requested_at > write.requested_at,
        )
        later = await self.connection.execute(query.order_by(_WRITES.c.write_id).with_for_update())
        return not {"writing", "written"}.isdisjoint(later.scalars())

    async def delete_of(self, contact_id: ContactId) -> None:
        # Also what this transaction has added.
        await self.flush()
        await self.connection.execute(delete(_WRITES).where(_WRITES.c.contact_id == contact_id))


async def due_systems(now: datetime, uow: UnitOfWork) -> Sequence[SystemName]:
    """Return the systems that may be called now and have something due."""
    rows = await uow.connection.execute(_DUE_SYSTEMS, {"now": now})
    return [SystemName(row.system) for row in rows]


async def expire(now: datetime, uow: UnitOfWork) -> Sequence[tuple[CaseWriteId, SystemName]]:
    """Let fail what has waited too long, also for a system that is paused or halted.

    That may have been left by a process that died while it wrote.
    """
    rows = await uow.connection.execute(_EXPIRE, {"now": now})
    return [(CaseWriteId(row.write_id), SystemName(row.system)) for row in rows]


async def count_halted(uow: UnitOfWork) -> int:
    query = select(func.count()).where(_BACKS.c.state == "halted")
    return int((await uow.connection.execute(query)).scalar_one())


_DUE_SYSTEMS = text("""
    SELECT b.system FROM write_backs b
    WHERE b.state = 'active' AND (b.held_until IS NULL OR b.held_until <= :now)
        AND EXISTS (
            SELECT FROM case_writes w
            WHERE w.system = b.system AND w.state IN ('pending', 'writing') AND w.due_at <= :now)
    ORDER BY b.system
""")
_DUE = text("""
    SELECT w.* FROM case_writes w
    WHERE w.system = :system AND w.state IN ('pending', 'writing') AND w.due_at <= :now
        AND NOT EXISTS (
            SELECT FROM case_writes e
            WHERE e.system = w.system AND e.external_ref = w.external_ref
                AND e.state IN ('pending', 'writing')
                AND (e.requested_at, e.write_id) < (w.requested_at, w.write_id))
    ORDER BY w.due_at LIMIT :limit FOR UPDATE SKIP LOCKED
""")
_COUNTS = text("""
    SELECT b.system, unfinished.waiting, failures.failed
    FROM unnest(CAST(:systems AS text[])) AS b (system),
        LATERAL (
            SELECT count(*) AS waiting FROM case_writes
            WHERE system = b.system AND state IN ('pending', 'writing')
        ) AS unfinished,
        LATERAL (
            SELECT count(*) AS failed FROM case_writes
            WHERE system = b.system AND state = 'failed'
        ) AS failures
""")
_EXPIRE = text("""
    UPDATE case_writes SET state = 'failed', due_at = NULL,
        reason = 'gave up: ' || coalesce(reason, 'the write-back was paused or halted')
    WHERE (state = 'pending' OR state = 'writing' AND due_at <= :now) AND expires_at <= :now
    RETURNING CAST(write_id AS text), system
""")
_HALT = text("""
    UPDATE write_backs SET state = 'halted', halt_reason = :reason WHERE system = :system
""")
_FAIL_UNREADABLE = text("""
    UPDATE case_writes SET state = 'failed', due_at = NULL, reason = 'its row can''t be read'
    WHERE write_id = CAST(:id AS uuid)
""")

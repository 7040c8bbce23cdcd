"""The SQL of the audit trail: appended to in each transaction, read to show and to verify it."""

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import structlog
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

from common.contracts.event import EscalationId
from common.storage.bulk import bulk_insert
from common.storage.connection import Connection
from common.storage.writes import Write, write_query
from escalation import tables
from escalation.domain.audit_trail import (
    STEP_TYPES,
    Step,
    TrailChain,
    TrailChainHead,
    TrailEntry,
    step_of,
)
from escalation.domain.model import TrailHead

_CHAINS_PER_PAGE: Final = 200
_LOWEST_ID: Final = EscalationId("00000000-0000-0000-0000-000000000000")


log = structlog.get_logger()


class AuditTrail:
    """The entries of one transaction, written at its end with one statement."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._new: list[TrailEntry] = []

    def add(self, entries: Iterable[TrailEntry]) -> None:
        self._new += entries

    @property
    def new_heads(self) -> list[TrailChainHead]:
        """Return the heads of the chains that this transaction extended."""
        last = {entry.escalation_id: entry for entry in self._new}
        return [
            TrailChainHead(entry.escalation_id, entry.number, entry.hash) for entry in last.values()
        ]

    def log_new_heads(self) -> None:
        """Log them once they are committed."""
        for head in self.new_heads:
            log.info("audit_trail_head", **asdict(head))

    def writes(self) -> Iterator[Write]:
        if self._new:
            rows = orjson.dumps(self._new).decode()
            yield Write(_INSERT, {"rows": rows})

    async def latest_steps(
        self, escalation_ids: Sequence[EscalationId]
    ) -> dict[EscalationId, Step]:
        """Return the last step of each that decided who must act, also of this transaction."""
        rows = await self._connection.execute(
            _LATEST_STEPS, {"escalations": list(escalation_ids), "actions": list(STEP_TYPES)}
        )
        steps = {
            EscalationId(row.id): Step(STEP_TYPES[row.action], row.at, row.actor, row.data)
            for row in rows
        }
        steps |= {
            entry.escalation_id: step_of(entry) for entry in self._new if entry.action in STEP_TYPES
        }
        return steps

    async def chains(self, escalation_ids: Sequence[EscalationId]) -> list[TrailChain]:
        """Return heads and entries, read by one statement. Unknown ids yield no chain."""
        rows = await self._connection.execute(_CHAINS, {"escalations": list(escalation_ids)})
        return [
            TrailChain(row.id, row.length, row.head, tuple(map(_entry, row.entries)))
            for row in rows
        ]

    async def page(self, escalation_id: EscalationId, after: int, limit: int) -> TrailChain:
        """Return the entries of an escalation that come after the number `after`."""
        values = {"escalation": escalation_id, "after": after, "limit": limit + 2}
        rows = await self._connection.execute(_PAGE, values)
        entries = [_entry(row.entry) for row in rows if row.entry is not None]
        before = entries.pop(0) if entries and entries[0].number == after else None
        return TrailChain(
            escalation_id,
            rows[0].length,
            rows[0].head,
            tuple(entries[:limit]),
            TrailHead(before.number, before.hash) if before else TrailHead(after),
            reaches_end=len(entries) <= limit,
        )

    async def all_chains(self) -> AsyncGenerator[list[TrailChain], None]:
        """Yield all chains in pages, in the order of their ids."""
        last = _LOWEST_ID
        while True:
            rows = await self._connection.execute(
                _NEXT_IDS, {"after": last, "limit": _CHAINS_PER_PAGE}
            )
            page = [EscalationId(row.id) for row in rows]
            if not page:
                return
            yield await self.chains(page)
            last = page[-1]


def _entry(row: dict[str, Any]) -> TrailEntry:
    return TrailEntry(**{**row, "at": _time(row["at"])})


def _time(stored: str) -> datetime:
    try:
        return datetime.fromisoformat(stored)
    except ValueError:
        # A time such as infinity, that we did not write: the entry does not match its hash.
        return _UNREADABLE_TIME


_UNREADABLE_TIME = datetime.max.replace(tzinfo=UTC)
_INSERT = write_query("insert_audit_trail", bulk_insert(tables.audit_trail))
# Includes trails without an escalation: a superuser can delete it despite the foreign key.
_CHAINS = text("""
    SELECT CAST(id AS text), coalesce(CAST(e.trail->>'length' AS integer), 0) AS length,
        coalesce(e.trail->>'hash', '') AS head, coalesce(stored.entries, '[]') AS entries
    FROM unnest(CAST(:escalations AS uuid[])) AS requested(id)
        LEFT JOIN escalations e ON e.escalation_id = id
        CROSS JOIN LATERAL (
            SELECT jsonb_agg(to_jsonb(t) ORDER BY t.number) AS entries FROM audit_trail t
            WHERE t.escalation_id = id
        ) AS stored
    WHERE e.escalation_id IS NOT NULL OR stored.entries IS NOT NULL
    ORDER BY requested.id
""").columns(entries=JSONB)
# By the primary key, from the end: a few entries of each.
_LATEST_STEPS = text("""
    SELECT CAST(id AS text) AS id, step.*
    FROM unnest(CAST(:escalations AS uuid[])) AS requested(id) CROSS JOIN LATERAL (
        SELECT action, at, actor, data FROM audit_trail t
        WHERE t.escalation_id = id AND action = ANY(CAST(:actions AS text[]))
        ORDER BY number DESC LIMIT 1
    ) AS step
""").columns(data=JSONB)
# With the entry before the page, whose hash the page continues.
_PAGE = text("""
    SELECT coalesce(CAST(e.trail->>'length' AS integer), 0) AS length,
        coalesce(e.trail->>'hash', '') AS head, to_jsonb(stored) AS entry
    FROM escalations e LEFT JOIN LATERAL (
        SELECT * FROM audit_trail t
        WHERE t.escalation_id = e.escalation_id AND t.number >= :after
        ORDER BY t.number LIMIT :limit
    ) AS stored ON true
    WHERE e.escalation_id = CAST(:escalation AS uuid)
    ORDER BY stored.number
""").columns(entry=JSONB)
# Both halves are ordered by key, so that a page reads no more rows than it returns.
_NEXT_IDS = text("""
    SELECT CAST(escalation_id AS text) AS id
    FROM ((SELECT escalation_id FROM escalations
           WHERE escalation_id > CAST(:after AS uuid) ORDER BY escalation_id LIMIT :limit)
          UNION
          (SELECT DISTINCT escalation_id FROM audit_trail
           WHERE escalation_id > CAST(:after AS uuid) ORDER BY escalation_id LIMIT :limit)) AS next
    ORDER BY escalation_id LIMIT :limit
""")

"""The SQL of the audit trail: added to in each transaction, read to show it and to verify it."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.event import EscalationId
from escalation.domain.audit_trail import Chain, TrailStep

_PAGE: Final = 200
_BEFORE_ALL: Final = EscalationId("00000000-0000-0000-0000-000000000000")


class Trails:
    """The steps of one transaction, written at its end with one statement."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._new: list[TrailStep] = []

    def add(self, steps: Iterable[TrailStep]) -> None:
        self._new += steps

    async def flush(self) -> None:
        if self._new:
            rows = orjson.dumps(self._new).decode()
            await self._connection.execute(_ADD, {"rows": rows})

    async def chains(self, escalation_ids: Sequence[EscalationId]) -> list[Chain]:
        """Return head and steps as one statement sees them: as committed at one moment.

        Of one that is not there at all there is no chain.
        """
        rows = await self._connection.execute(_CHAINS, {"escalations": list(escalation_ids)})
        return [Chain(row.id, row.length, row.head, tuple(map(_step, row.steps))) for row in rows]

    async def all_chains(self) -> AsyncGenerator[list[Chain], None]:
        """Yield all, a page at a time by their ids."""
        last = _BEFORE_ALL
        while True:
            found = await self._connection.execute(_NEXT, {"after": last, "limit": _PAGE})
            page = [EscalationId(row.id) for row in found]
            if not page:
                return
            yield await self.chains(page)
            last = page[-1]


def _step(row: dict[str, Any]) -> TrailStep:
    return TrailStep(**{**row, "at": datetime.fromisoformat(row["at"])})


_ADD = text("""
    INSERT INTO trail
        (escalation_id, step, contact_id, at, who, what, why, data, previous, hash)
    SELECT escalation_id, step, contact_id, at, who, what, why, data, previous, hash
    FROM jsonb_to_recordset(CAST(CAST(:rows AS text) AS jsonb)) AS r(
        escalation_id uuid, step integer, contact_id uuid, at timestamptz, who text, what text,
        why text, data jsonb, previous text, hash text)
""")
# Also of a trail whose escalation is gone: no foreign key stops who can drop it.
_CHAINS = text("""
    SELECT CAST(id AS text), coalesce(e.trail_length, 0) AS length,
        coalesce(e.trail_hash, '') AS head, coalesce(kept.steps, '[]') AS steps
    FROM unnest(CAST(:escalations AS uuid[])) AS asked(id)
        LEFT JOIN escalations e ON e.escalation_id = id
        CROSS JOIN LATERAL (
            SELECT jsonb_agg(to_jsonb(t) ORDER BY t.step) AS steps FROM trail t
            WHERE t.escalation_id = id
        ) AS kept
    WHERE e.escalation_id IS NOT NULL OR kept.steps IS NOT NULL
    ORDER BY asked.id
""").columns(steps=JSONB)
# Ordered as the keys are, so that each page reads no more of them than it takes.
_NEXT = text("""
    SELECT CAST(escalation_id AS text) AS id
    FROM ((SELECT escalation_id FROM escalations
           WHERE escalation_id > CAST(:after AS uuid) ORDER BY escalation_id LIMIT :limit)
          UNION
          (SELECT DISTINCT escalation_id FROM trail
           WHERE escalation_id > CAST(:after AS uuid) ORDER BY escalation_id LIMIT :limit)) AS next
    ORDER BY escalation_id LIMIT :limit
""")

"""The SQL of cases that are to be read, and of who reads each now."""

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from common.contracts.event import SystemName
from common.storage.connection import Connection
from intake import tables
from intake.domain.case_reads import CaseName, CaseRead

# Longer than signing in and reading take, each twice.
_LEASE: Final = timedelta(minutes=3)
# Of one connection; those above are not read.
MAX_WAITING: Final = 1000
# Attempts at a time of one connection, in all processes together: fewer than one process has slots,
# so that a system that does not answer delays the cases of no other.
MAX_UNDER_WAY: Final = 3


class CaseReads:
    """`has_new`: this transaction has added some."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self.has_new = False

    async def add(
        self, system: SystemName, headers: Mapping[str, str], body: bytes, case: CaseName
    ) -> bool:
        """Have the case read; return False if too many wait. What waits already stays as it is.

        `body` is JSON in any of its encodings.
        """
        kind, _, connection = system.partition(":")
        key = {"kind": kind, "connection": connection}
        waiting = await self._connection.execute(_COUNT, key)
        if waiting.scalar_one() >= MAX_WAITING:
            return False
        row = {
            **key,
            "event_id": case.event_id,
            "case_ref": case.case_ref,
            "headers": dict(headers),
            "body": _to_utf8(body),
            "requested_at": self._now,
            "attempts": 0,
            "is_opened": False,
            "due_at": self._now,
        }
        statement = insert(tables.case_reads).on_conflict_do_nothing()
        await self._connection.execute(statement, row)
        self.has_new = True
        return True

    async def claim_due(self, holder: str) -> CaseRead | None:
        """Return the next one that is due, and begin an attempt: nobody else reads it now.

        It is of the connection with the fewest attempts under way. Those that are no contact yet
        are first, then those that are due longest.
        """
        # Its own statement: the next one sees what others have claimed.
        await self._connection.execute(_TAKE_TURN)
        values = {
            "holder": holder,
            "now": self._now,
            "until": self._now + _LEASE,
            "most": MAX_UNDER_WAY,
        }
        row = (await self._connection.execute(_CLAIM, values)).first()
        return CaseRead(**row) if row else None

    async def lock(self, read: CaseRead) -> bool:
        """Return False if it is not ours any more: it was erased, or another process has it."""
        row = (await self._connection.execute(_LOCK, _key(read))).first()
        return row is not None

    async def remove(self, read: CaseRead) -> None:
        await self._connection.execute(_REMOVE, _key(read))

    async def postpone(self, read: CaseRead, reason: str, wait: timedelta) -> None:
        """End the attempt; the contact is made without it."""
        values = {"reason": reason, "due_at": self._now + wait, **_key(read)}
        await self._connection.execute(_POSTPONE, values)


def _to_utf8(body: bytes) -> bytes:
    """Return the JSON in UTF-8: PostgreSQL reads it when a customer's data are exported."""
    return body.decode(json.detect_encoding(body), "surrogatepass").encode("utf-8", "replace")


def _key(read: CaseRead) -> dict[str, Any]:
    return {name: getattr(read, name) for name in ("kind", "connection", "event_id", "holder")}


# The first statement of a poll where nothing is to be read is the only one.
ARE_THERE_READS: Final = "SELECT EXISTS (SELECT FROM case_reads) AS any"
_COUNT = text("""
    SELECT count(*) FROM case_reads WHERE kind = :kind AND connection = :connection
""")
_COLUMNS = ", ".join(column.name for column in fields(CaseRead))
_TAKE_TURN = text("SELECT pg_advisory_xact_lock(lock_key('case reads'))")
_CLAIM = text(f"""
    WITH under_way AS (
        SELECT kind, connection, count(*) AS attempts FROM case_reads
        WHERE held_until >= :now GROUP BY kind, connection
    )
    UPDATE case_reads SET holder = :holder, held_until = :until, attempts = attempts + 1
    WHERE (kind, connection, event_id) = (
        SELECT kind, connection, event_id
        FROM case_reads AS due LEFT JOIN under_way USING (kind, connection)
        WHERE due_at <= :now AND (held_until IS NULL OR held_until < :now)
            AND coalesce(under_way.attempts, 0) < :most
        ORDER BY coalesce(under_way.attempts, 0), is_opened, due_at
        LIMIT 1 FOR UPDATE OF due SKIP LOCKED
    )
    RETURNING {_COLUMNS}
""").columns(headers=tables.case_reads.c.headers.type)
_OF_ATTEMPT = """
    kind = :kind AND connection = :connection AND event_id = :event_id AND holder = :holder
"""
_LOCK = text(f"SELECT event_id FROM case_reads WHERE {_OF_ATTEMPT} FOR UPDATE")
_REMOVE = text(f"DELETE FROM case_reads WHERE {_OF_ATTEMPT}")
_POSTPONE = text(f"""
    UPDATE case_reads SET is_opened = true, reason = :reason, due_at = :due_at,
        holder = NULL, held_until = NULL
    WHERE {_OF_ATTEMPT}
""")

"""The SQL of credentials that token servers refused."""

from datetime import datetime

from sqlalchemy import delete, select, text

from common.storage.connection import Connection
from intake import tables
from intake.domain.sign_ins import REFUSAL_INTERVAL, SignIn, SignInRefusal


class SignIns:
    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def find_refusal(self, kind: str, connection: str) -> SignInRefusal | None:
        table = tables.sign_ins
        row = (
            await self._connection.execute(
                select(table).where(table.c.kind == kind, table.c.connection == connection)
            )
        ).first()
        return SignInRefusal(**row) if row else None

    async def refuse(self, kind: str, connection: str, sign_in: SignIn, reason: str) -> None:
        """Count that these credentials were refused; several at the same time count as one."""
        values = {
            "kind": kind,
            "connection": connection,
            "credentials": sign_in.fingerprint,
            "reason": reason,
            "now": self._now,
            "recently": self._now - REFUSAL_INTERVAL,
        }
        await self._connection.execute(_REFUSE, values)

    async def forget(self, kind: str, connection: str) -> None:
        table = tables.sign_ins
        await self._connection.execute(
            delete(table).where(table.c.kind == kind, table.c.connection == connection)
        )


_REFUSE = text("""
    INSERT INTO sign_ins AS known (kind, connection, credentials, refusals, reason, refused_at)
    VALUES (:kind, :connection, :credentials, 1, :reason, :now)
    ON CONFLICT (kind, connection) DO UPDATE SET
        refusals = CASE
            WHEN known.credentials <> excluded.credentials THEN 1
            WHEN known.refused_at > :recently THEN known.refusals
            ELSE known.refusals + 1 END,
        credentials = excluded.credentials, reason = excluded.reason,
        refused_at = excluded.refused_at
""")

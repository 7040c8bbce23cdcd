"""The SQL of mailboxes: how far each is read, and which process reads it now."""

from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text

from common.core.errors import PermanentError
from common.storage.connection import Connection
from intake.domain.mailboxes import Mailbox

# Longer than a session with the server may take; each mail that is stored starts it again.
_LEASE: Final = timedelta(minutes=10)


class LeaseLostError(PermanentError):
    """Another process reads the mailbox now, or nobody may: it is paused or archived."""


class Mailboxes:
    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def claim_due(self, holder: str) -> Mailbox | None:
        """Return the mailbox that is due longest, and that nobody else reads until its lease ends.

        Mailboxes appear and go with their connections.
        """
        await self._connection.execute(_FOLLOW_CONNECTIONS, {"now": self._now})
        values = {"holder": holder, "now": self._now, "until": self._now + _LEASE}
        row = (await self._connection.execute(_CLAIM, values)).first()
        return Mailbox(**row) if row else None

    async def save(self, mailbox: Mailbox) -> None:
        """Write how far it is read, and keep the lease; raises LeaseLostError.

        Who pauses a mailbox while it is read wants none of its further mails.
        """
        values = {"until": self._now + _LEASE}
        if not await self._connection.execute(_SAVE, {**asdict(mailbox), **values}):
            raise LeaseLostError

    async def release(self, mailbox: Mailbox, due_at: datetime) -> None:
        """End the lease, if it is still ours."""
        await self._connection.execute(_RELEASE, {**asdict(mailbox), "due_at": due_at})


# The first statement of a poll where no mailbox is connected is the only one.
ARE_THERE_MAILBOXES: Final = """
    SELECT EXISTS (
        SELECT FROM channel_connections WHERE kind = 'imap' AND state = 'active') AS any
"""
_FOLLOW_CONNECTIONS = text("""
    WITH connected AS (
        SELECT connection FROM channel_connections WHERE kind = 'imap' AND state <> 'archived'
    ),
    removed AS (
        DELETE FROM mailboxes WHERE connection NOT IN (SELECT connection FROM connected)
    )
    INSERT INTO mailboxes (connection, due_at)
    SELECT connection, :now FROM connected
    WHERE connection NOT IN (SELECT connection FROM mailboxes)
    ON CONFLICT DO NOTHING
""")
_IS_ACTIVE = """
    connection IN (
        SELECT connection FROM channel_connections WHERE kind = 'imap' AND state = 'active')
"""
_COLUMNS = ", ".join(column.name for column in fields(Mailbox))
_CLAIM = text(f"""
    UPDATE mailboxes SET holder = :holder, held_until = :until
    WHERE connection = (
        SELECT connection FROM mailboxes
        WHERE due_at <= :now AND (held_until IS NULL OR held_until < :now) AND {_IS_ACTIVE}
        ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING {_COLUMNS}
""")
_SET = """
    source = :source, uid_validity = :uid_validity, last_uid = :last_uid, read_at = :read_at,
    failing_uid = :failing_uid, uid_failures = :uid_failures, failures = :failures, error = :error
"""
_SAVE = text(f"""
    UPDATE mailboxes SET {_SET}, held_until = :until
    WHERE connection = :connection AND holder = :holder AND {_IS_ACTIVE} RETURNING connection
""")
_RELEASE = text(f"""
    UPDATE mailboxes SET {_SET}, holder = NULL, held_until = NULL, due_at = :due_at
    WHERE connection = :connection AND holder = :holder
""")

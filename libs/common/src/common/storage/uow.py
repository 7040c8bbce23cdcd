"""Unit of work: one transaction, its time, the rows it has locked, and what it will write."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, ClassVar

from common.contracts.event import ContactId, Event
from common.messages import Timer
from common.storage.connection import Connection
from common.storage.inbox import Inbox
from common.storage.outbox import Outbox
from common.storage.rows import LockedTable
from common.storage.timers import Timers
from common.storage.writes import Write, execute_writes


class UnitOfWork:
    """What a handler works with; a service adds its tables in a subclass.

    `rows_lock_keys`: a transaction that publishes events has locked or inserted the row that they
    are about before the outbox is written. Where that is not so, the outbox locks their keys.
    """

    rows_lock_keys: ClassVar[bool] = False

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.inbox = Inbox(connection)
        self.outbox = Outbox(connection, lock_keys=not self.rows_lock_keys)
        self.timers = Timers(connection)

    @property
    def rows(self) -> Sequence[LockedTable[Any, Any]]:
        """The tables to write at the end; a table comes after those it refers to."""
        return ()

    @property
    def new_contacts(self) -> Collection[ContactId]:
        """Contacts for which no transaction can have set a timer, since this one inserts their row.

        A transaction that sets a timer for a contact has locked or inserted that row.
        """
        return ()

    async def prelock(self, contact_ids: Sequence[ContactId]) -> None:
        """Lock the rows that a batch about these contacts needs, before the first is handled."""

    async def preload(self, messages: Sequence[Event | Timer]) -> None:
        """Read what else the handlers of a batch need, before the first is called."""

    async def writes(self) -> list[Write]:
        """Return what to write at the end, in the order in which rows are locked."""
        new_contacts = set(self.new_contacts)
        return [
            *(write for rows in self.rows for write in rows.take_writes()),
            *self.timers.writes(new_contacts),
            *await self.outbox.writes(),
        ]

    async def flush(self) -> None:
        await execute_writes(self.connection, await self.writes())

    def after_commit(self) -> None:
        """Pass on what only a committed transaction may; errors are logged."""

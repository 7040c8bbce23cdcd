"""The probe's timers: set, waiting and fired."""

from datetime import datetime, timedelta

from common.contracts.event import ContactId
from common.messages import Cancel, Schedule, Timer, TimerChange
from common.storage.database import Database
from support.databases import rows
from support.probe import Reminder, UnitOfWork

SOON = timedelta(milliseconds=150)
FAR = timedelta(hours=1)


async def change(
    database: Database[UnitOfWork], *changes: tuple[Timer, timedelta] | Cancel
) -> datetime:
    """Make the changes with due times counted from the database's now, and return that."""
    async with database.transaction() as uow:
        made: list[TimerChange] = [
            change if isinstance(change, Cancel) else Schedule(change[0], uow.now + change[1])
            for change in changes
        ]
        uow.timers.set(made)
        return uow.now


async def pending(database: Database[UnitOfWork]) -> list[str]:
    records = await rows(database, "SELECT data->>'name' AS name FROM timers ORDER BY due_at, id")
    return [row.name for row in records]


async def noted(database: Database[UnitOfWork]) -> dict[str, tuple[str, ...]]:
    records = await rows(database, "SELECT contact_id::text AS id, notes FROM probes")
    return {row.id: tuple(row.notes) for row in records}


def reminder(contact_id: ContactId, name: str = "call back") -> Reminder:
    return Reminder(contact_id=contact_id, name=name)

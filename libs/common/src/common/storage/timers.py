"""Timers: set, replaced and claimed in the transaction that decides on them."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, assert_never

from sqlalchemy import text

from common.contracts.event import ContactId
from common.core import trace
from common.core.errors import PermanentError
from common.messages import Cancel, Schedule, TimerChange
from common.storage.bulk import bulk_insert, to_arrays
from common.storage.connection import Connection
from common.storage.json_text import to_json
from common.storage.tables import timers
from common.storage.writes import Write, write_query

# A row with a time that Python can't read back would end every process that claims timers.
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)


class TimerOutOfRangeError(PermanentError):
    """A timer is due at a time that is not between 1970 and 9000."""


@dataclass(frozen=True, slots=True)
class DueTimer:
    """A claimed timer; its row is deleted if the transaction commits.

    `data` is JSON, as the database has it.
    """

    id: int
    due_at: datetime
    type: str
    contact_id: ContactId
    data: str
    traceparent: str | None


class _NewRow(NamedTuple):
    """A timer to insert, with the trace of the message that set it."""

    due_at: datetime
    contact_id: ContactId
    slot: str
    type: str
    trace: bytes | None
    data: str


class Timers:
    """The timer changes of one transaction: the last one of each slot counts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._changes: dict[tuple[ContactId, str], _NewRow | None] = {}

    def set(self, changes: Iterable[TimerChange]) -> None:
        """Add the changes; raises TimerOutOfRangeError or NulCharacterError."""
        for change in changes:
            match change:
                case Schedule(timer, due_at):
                    if not _EARLIEST <= due_at < _LATEST:
                        raise TimerOutOfRangeError
                    self._changes[timer.contact_id, timer.slot] = _NewRow(
                        due_at=due_at,
                        contact_id=timer.contact_id,
                        slot=timer.slot,
                        type=timer.type,
                        trace=trace.current_bytes(),
                        data=to_json(timer),
                    )
                case Cancel(contact_id, slot):
                    self._changes[contact_id, slot] = None
                case _:
                    assert_never(change)

    @property
    def earliest(self) -> datetime | None:
        return min((new.due_at for new in self._changes.values() if new), default=None)

    def writes(self, new_contacts: Collection[ContactId] = ()) -> Iterator[Write]:
        """Yield the writes of the changes; a new contact has no timer that they could replace."""
        replaced = [key for key in self._changes if key[0] not in new_contacts]
        if replaced:
            contacts, slots = zip(*replaced, strict=True)
            yield Write(_DELETE, {"contacts": contacts, "slots": slots})
        if new := [row for row in self._changes.values() if row]:
            yield Write(_INSERT, to_arrays(new))

    async def claim(self, now: datetime, limit: int, types: Collection[str]) -> list[DueTimer]:
        """Claim the timers due at `now`, earliest first, without those that another replica has.

        Only the listed types: a newer version of the service handles the others.
        """
        rows = await self._connection.execute(
            _CLAIM, {"now": now, "limit": limit, "types": list(types)}
        )
        due = [_read(row) for row in rows]
        # RETURNING keeps no order.
        return sorted(due, key=lambda timer: (timer.due_at, timer.id))


def _read(row: Any) -> DueTimer:
    timer_id, due_at, kind, contact_id, data, stored_trace = row
    traceparent = trace.from_bytes(stored_trace)
    return DueTimer(timer_id, due_at, kind, contact_id, data, traceparent)


# Skips a timer that is firing: its transaction has locked the row and waits for our contact, so to
# wait for it would be a deadlock. Its handler sees the new state and does nothing.
_DELETE = write_query(
    "delete_timers",
    """
    DELETE FROM timers WHERE ctid = ANY(ARRAY(
        SELECT timers.ctid FROM timers
        JOIN unnest(CAST(:contacts AS uuid[]), CAST(:slots AS text[]))
            AS gone(contact, name) ON contact_id = contact AND slot = name
        FOR UPDATE OF timers SKIP LOCKED
    ))
    """,
)
_INSERT = write_query("insert_timers", bulk_insert(timers, arrays=True))
_CLAIM = text("""
    DELETE FROM timers WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM timers WHERE due_at <= :now AND type = ANY(CAST(:types AS text[]))
        ORDER BY due_at, id
        LIMIT :limit FOR UPDATE SKIP LOCKED
    ))
    RETURNING id, due_at, type, CAST(contact_id AS text), CAST(data AS text), trace
""")

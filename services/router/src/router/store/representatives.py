"""The SQL of representatives."""

from collections.abc import Collection
from functools import partial

from sqlalchemy import select, text

from common.contracts.event import PersonId
from common.contracts.people import Presence
from common.core.errors import TransientError
from common.storage.connection import Connection
from common.storage.rows import LockedTable
from common.storage.writes import Write, execute_writes, write_query
from router import tables
from router.domain.staffing.representatives import Representative


class OutdatedPoolError(TransientError):
    """A representative who got a contact is not as this process remembers; it reads all again."""


class Representatives(LockedTable[PersonId, Representative]):
    """`turn`: the number of this transaction among those that may write representatives.

    None: it may not; see `Assignments.take_turn`.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.representatives, Representative)
        self.turn: int | None = None
        # The load before, of those whose load alone changes.
        self._loads_before: dict[PersonId, int] = {}

    async def changed_since(self, turn: int) -> list[Representative]:
        """Return those written in a later turn."""
        rows = await self.connection.execute(_CHANGED, {"turn": turn})
        return [self.read(dict(row)) for row in rows]

    def put_load(self, value: Representative) -> None:
        """Write the new load. Who is not locked comes from the pool, and has got one contact."""
        person_id = value.representative_id
        before = self._rows.get(person_id)
        self._loads_before.setdefault(person_id, before.load if before else value.load - 1)
        self._rows[person_id] = value

    async def flush_profiles(self) -> None:
        """Write what changed; the loads and the turn of these rows are written afterwards."""
        self._loads_before.update({key: value.load for key, value in self._changed.items()})
        await execute_writes(self.connection, super().take_writes())

    def take_writes(self) -> list[Write]:
        if not self._loads_before:
            return []
        written = [person for key in self._loads_before if (person := self._rows[key])]
        values = {
            "turn": self.turn,
            "ids": list(self._loads_before),
            "before": list(self._loads_before.values()),
            "loads": [person.load for person in written],
            "limits": [person.load_limit for person in written],
            "idle_since": [person.idle_since for person in written],
        }
        self._loads_before.clear()
        return [Write(_WRITE_LOADS, values, partial(_check_count, len(written)))]

    async def list_after(
        self,
        representative_id: str | None,
        limit: int,
        *,
        teams: Collection[str] = (),
        presences: Collection[Presence] = (),
        active: bool | None = None,
    ) -> list[Representative]:
        """Return the next representatives by id; what is empty or None does not matter."""
        table = tables.representatives
        query = select(table).order_by(table.c.representative_id).limit(limit)
        if representative_id is not None:
            query = query.where(table.c.representative_id > representative_id)
        if teams:
            query = query.where(table.c.team_id.in_(teams))
        if presences:
            query = query.where(table.c.presence.in_(presences))
        if active is not None:
            query = query.where(table.c.active == active)
        rows = await self.connection.execute(query)
        return [self.read(dict(row)) for row in rows]


def _check_count(expected: int, written: int) -> None:
    if written != expected:
        raise OutdatedPoolError


_columns = ", ".join(column.name for column in tables.representatives.columns)
_CHANGED = text(f"SELECT {_columns} FROM representatives WHERE turn > :turn")
# Nobody is given a contact by what is only remembered of them.
_WRITE_LOADS = write_query(
    "write_loads",
    """
    UPDATE representatives AS r
    SET load = new.load, load_limit = new.load_limit, idle_since = new.idle_since, turn = :turn
    FROM unnest(
        CAST(:ids AS text[]), CAST(:before AS integer[]), CAST(:loads AS integer[]),
        CAST(:limits AS integer[]), CAST(:idle_since AS timestamptz[])
    ) AS new(representative_id, load_before, load, load_limit, idle_since)
    WHERE r.representative_id = new.representative_id AND r.load = new.load_before
        AND (new.load <= new.load_before OR (r.active AND r.presence = 'available'))
    """,
)

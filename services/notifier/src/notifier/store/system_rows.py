"""What is set for outside systems: a row for each."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from sqlalchemy import Table, text

from common.contracts.event import SystemName
from common.storage.connection import Connection
from common.storage.rows import LockedTable

V = TypeVar("V")

# Until the transaction ends; a name begins with that of its table.
LOCK_NAME = text("SELECT pg_advisory_xact_lock(lock_key(CAST(:name AS text)))")


class SystemRows(LockedTable[SystemName, V]):
    def __init__(self, connection: Connection, table: Table, kind: type[V]) -> None:
        super().__init__(connection, table, kind)
        self._of_systems: dict[SystemName, V | None] = {}

    async def lock_name(self, system: SystemName) -> V | None:
        """Lock the row to put it; where there is none, nobody else puts one meanwhile."""
        await self.connection.execute(LOCK_NAME, {"name": f"{self.table.name} {system}"})
        return await self.lock(system)

    async def of_systems(self, systems: Iterable[SystemName]) -> Mapping[SystemName, V | None]:
        """Return the rows without a lock, each read once; None where a system has none."""
        if missing := set(systems) - self._of_systems.keys():
            rows = await self.get_all(missing)
            self._of_systems.update({system: rows.get(system) for system in missing})
        return self._of_systems

"""The SQL of the versions of entries and workloads: what was put of a person, when and by whom."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from msgspec import to_builtins
from sqlalchemy import func, insert, select

from common.contracts.event import PersonId
from common.storage.connection import Connection
from router import tables
from router.domain.staffing.people import Person, PersonEntry
from router.domain.staffing.representatives import Workload

EntryKind = Literal["person", "workload"]


@dataclass(frozen=True, slots=True)
class EntryVersion:
    version: int
    body: dict[str, Any]
    put_at: datetime
    put_by: str


class EntryVersions:
    """Who adds one holds the lock of the person or the representative."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add_person(self, person: Person, at: datetime, by: str) -> None:
        body = {name: getattr(person, name) for name in PersonEntry.__struct_fields__}
        await self._add("person", person.person_id, person.version, body, at, by)

    async def add_workload(
        self, person_id: PersonId, workload: Workload, at: datetime, by: str
    ) -> None:
        table = tables.entry_versions.c
        query = select(func.coalesce(func.max(table.version), 0)).where(
            table.person_id == person_id, table.kind == "workload"
        )
        version = int((await self._connection.execute(query)).scalar_one()) + 1
        await self._add("workload", person_id, version, to_builtins(workload), at, by)

    async def _add(
        self,
        kind: EntryKind,
        person_id: PersonId,
        version: int,
        body: dict[str, Any],
        at: datetime,
        by: str,
    ) -> None:
        await self._connection.execute(
            insert(tables.entry_versions).values(
                person_id=person_id, kind=kind, version=version, body=body, at=at, by=by
            )
        )

    async def list_before(
        self, kind: EntryKind, person_id: PersonId, version: int | None, limit: int
    ) -> list[EntryVersion]:
        """Return the next versions, newest first."""
        table = tables.entry_versions.c
        query = select(table.version, table.body, table.at, table.by).where(
            table.person_id == person_id, table.kind == kind
        )
        if version is not None:
            query = query.where(table.version < version)
        rows = await self._connection.execute(query.order_by(table.version.desc()).limit(limit))
        return [EntryVersion(row.version, row.body, row.at, row.by) for row in rows]

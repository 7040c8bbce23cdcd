"""Tables whose rows are about contacts."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ARRAY, Select, Table, Uuid, any_, bindparam, select

from common.contracts.event import ContactId
from common.storage.connection import Connection
from common.storage.rows import LockedTable

K = TypeVar("K", bound=str)
V = TypeVar("V")


class UnreadableRow(NamedTuple):
    row: Mapping[str, Any]
    error: ValueError


class ContactRows(LockedTable[K, V]):
    def __init__(self, connection: Connection, table: Table, kind: type[V]) -> None:
        super().__init__(connection, table, kind)
        # Of which all rows are locked that there are.
        self.locked_contacts: set[ContactId] = set()

    async def lock_of(self, contact_ids: Sequence[ContactId]) -> None:
        """Lock all rows about these contacts."""
        self.locked_contacts.update(contact_ids)
        statement = _of_contacts(self.table)
        self.adopt(await self.connection.execute(statement, {"contacts": contact_ids}))

    async def lock_readable(self, contact_ids: Sequence[ContactId]) -> list[UnreadableRow]:
        """Lock all rows about these contacts; return those that can't be read, and why."""
        self.locked_contacts.update(contact_ids)
        statement = _of_contacts(self.table)
        rows = await self.connection.execute(statement, {"contacts": contact_ids})
        _, unreadable = self.adopt_readable(rows)
        return unreadable

    def adopt_readable(self, rows: Iterable[Any]) -> tuple[list[V], list[UnreadableRow]]:
        """As `adopt`, but return the rows that can't be read, and why."""
        values: list[V] = []
        unreadable = []
        for row in rows:
            try:
                values += self.adopt((row,))
            except ValueError as error:
                unreadable.append(UnreadableRow(dict(row), error))
        return values, unreadable


@cache
def _of_contacts(table: Table) -> Select[Any]:
    contacts = bindparam("contacts", type_=ARRAY(Uuid(as_uuid=False)))
    (key,) = table.primary_key.columns
    return select(table).where(table.c.contact_id == any_(contacts)).order_by(key).with_for_update()

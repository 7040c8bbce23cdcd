"""The rows of one table inside one transaction: each locked once, written once."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cache, lru_cache
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import ARRAY, Table, TextClause, any_, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.storage.bulk import bulk_insert, rows_of

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LockedTable(Generic[K, V]):
    """A table whose columns are the fields of the dataclass `kind`; its primary key is the key.

    Batches stay cheap however handlers are written: what a batch needs is locked ahead with one
    statement in key order, and what changed is written with one INSERT and one UPDATE. A row that
    another transaction inserted meanwhile fails the INSERT, so nothing is overwritten unseen.
    """

    def __init__(self, connection: AsyncConnection, table: Table, kind: type[V]) -> None:
        self.connection = connection
        self.table = table
        self._statements = _statements(table)
        self._adapter = _adapter(kind)
        self._adapter_of_many = _adapter(list[kind])  # type: ignore[valid-type]  # made at run time
        self._held: dict[K, V | None] = {}
        self._new: set[K] = set()
        self._changed: dict[K, V] = {}

    async def get(self, key: K) -> V | None:
        """Return the row without a lock: as this transaction has it, else as it is committed."""
        return (await self.get_all((key,))).get(key)

    async def get_all(self, keys: Iterable[K]) -> dict[K, V]:
        """Return the rows that exist, without a lock."""
        wanted = list(dict.fromkeys(keys))
        found = {key: value for key in wanted if (value := self._held.get(key)) is not None}
        missing = [key for key in wanted if key not in self._held]
        if missing:
            rows = await self.connection.execute(self._statements.read, {"keys": missing})
            found.update(
                {row[self._statements.key]: self.read(dict(row)) for row in rows.mappings()}
            )
        return found

    async def lock(self, key: K) -> V | None:
        """Return the row, locked until the transaction ends, or None where there is none."""
        if key not in self._held:
            await self.lock_all((key,))
        held: V | None = self._held[key]
        return held

    async def lock_all(self, keys: Iterable[K]) -> None:
        missing = [key for key in set(keys) if key not in self._held]
        if missing:
            self._held.update(dict.fromkeys(missing))
            self.adopt(await self.connection.execute(self._statements.lock, {"keys": missing}))

    def adopt(self, rows: Iterable[Any]) -> list[V]:
        """Take up rows that a query of a subclass has locked; those held already stay as held."""
        values: list[V] = []
        for row in rows:
            mapping: Mapping[str, Any] = row._mapping  # noqa: SLF001 - SQLAlchemy's public name
            key = mapping[self._statements.key]
            if self._held.get(key) is None:
                self._held[key] = self.read(dict(mapping))
            values.append(self._held[key])  # type: ignore[arg-type]  # set in the line above
        return values

    def read(self, row: Mapping[str, Any]) -> V:
        value: V = self._adapter.validate_python(row)
        return value

    def mark_absent(self, key: K) -> None:
        """Save the look for a row that can't be there, since its key was made just now."""
        self._held[key] = None

    def put(self, value: V) -> None:
        """Write `value` when the transaction ends; its key was locked, or said to be absent."""
        key: K = getattr(value, self._statements.key)
        if self._held[key] is None:
            self._new.add(key)
        self._held[key] = value
        self._changed[key] = value

    def loaded(self) -> Iterable[V]:
        return (value for value in self._held.values() if value is not None)

    async def flush(self) -> None:
        new = [value for key, value in self._changed.items() if key in self._new]
        known = [value for key, value in self._changed.items() if key not in self._new]
        await self._write(self._statements.insert, new)
        await self._write(self._statements.update, known)
        self._changed.clear()
        self._new.clear()

    async def _write(self, statement: TextClause, values: list[V]) -> None:
        if values:
            rows = self._adapter_of_many.dump_json(values)
            await self.connection.execute(statement, {"rows": rows.decode()})


class _Statements:
    def __init__(self, table: Table) -> None:
        (key,) = table.primary_key.columns
        self.key = key.name
        name = table.name
        changes = ", ".join(
            f"{column.name} = new.{column.name}" for column in table.columns if column is not key
        )
        self.read = select(table).where(key == any_(bindparam("keys", type_=ARRAY(key.type))))
        self.lock = self.read.order_by(key).with_for_update()
        self.insert = bulk_insert(table)
        self.update = text(
            f"UPDATE {name} SET {changes} FROM {rows_of(table)} AS new "
            f"WHERE {name}.{key.name} = new.{key.name}"
        )


_statements = lru_cache(maxsize=None)(_Statements)


_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)

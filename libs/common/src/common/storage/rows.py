"""The rows of a table in one transaction: each is locked once and written once."""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from functools import cache, lru_cache, partial
from operator import attrgetter
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec
from pydantic import TypeAdapter
from sqlalchemy import ARRAY, JSON, Table, any_, bindparam, select

from common.storage.bulk import arrays_of, bulk_insert, columns_to_arrays, rows_of
from common.storage.connection import Connection
from common.storage.json_text import to_json
from common.storage.writes import Write, execute_writes, write_query

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_Conversions: TypeAlias = tuple[
    Callable[[Mapping[str, Any]], Any], Callable[[list[Any]], Mapping[str, Any]], bool
]


class LockedTable(Generic[K, V]):
    """A table whose columns are the fields of the class `kind`; its primary key is the key.

    The class is a dataclass, or a struct of msgspec, whose rows cost a quarter as much.

    Batches stay cheap however handlers are written: one statement locks the rows of a batch, in key
    order; one INSERT and one UPDATE write what changed. If another transaction has inserted a row
    meanwhile, the INSERT fails, so nothing is overwritten unseen.
    """

    def __init__(self, connection: Connection, table: Table, kind: type[V]) -> None:
        self.connection = connection
        self.table = table
        self._from_row, self.to_parameters, arrays = _conversions(table, kind)
        self._statements = _statements(table, arrays=arrays)
        self._rows: dict[K, V | None] = {}
        self._inserted: set[K] = set()
        self._changed: dict[K, V] = {}

    async def get(self, key: K) -> V | None:
        """Return the row without a lock: as this transaction has it, else as it is committed."""
        return (await self.get_all((key,))).get(key)

    async def get_all(self, keys: Iterable[K]) -> dict[K, V]:
        """Return the rows that exist, without a lock."""
        wanted = list(dict.fromkeys(keys))
        values = {key: value for key in wanted if (value := self._rows.get(key)) is not None}
        missing = [key for key in wanted if key not in self._rows]
        if missing:
            rows = await self.connection.execute(self._statements.read, {"keys": missing})
            values.update({row[self._statements.key]: self.read(dict(row)) for row in rows})
        return values

    async def lock(self, key: K) -> V | None:
        """Return the row, locked until the transaction ends, or None where there is none."""
        if key not in self._rows:
            await self.lock_all((key,))
        value: V | None = self._rows[key]
        return value

    async def lock_all(self, keys: Iterable[K]) -> None:
        missing = [key for key in set(keys) if key not in self._rows]
        if missing:
            self._rows.update(dict.fromkeys(missing))
            self.adopt(await self.connection.execute(self._statements.lock, {"keys": missing}))

    def adopt(self, rows: Iterable[Any]) -> list[V]:
        """Add rows that a subclass has locked by its own query, unless they are loaded already."""
        values: list[V] = []
        for row in rows:
            key = row[self._statements.key]
            value = self._rows.get(key)
            if value is None:
                value = self._rows[key] = self.read(dict(row))
            values.append(value)
        return values

    def read(self, row: Mapping[str, Any]) -> V:
        value: V = self._from_row(row)
        return value

    def is_unknown(self, key: K) -> bool:
        """Tell whether this transaction has not looked for the row."""
        return key not in self._rows

    def locked(self, key: K) -> V | None:
        """Return the row if this transaction has locked or put it."""
        return self._rows.get(key)

    def mark_absent(self, key: K) -> None:
        """Record that the row does not exist, to save the query; for a key that is new."""
        self._rows[key] = None

    def put(self, value: V) -> None:
        """Write `value` when the transaction ends; its key must be locked, or marked absent."""
        key: K = getattr(value, self._statements.key)
        if self._rows[key] is None:
            self._inserted.add(key)
        self._rows[key] = value
        self._changed[key] = value

    @property
    def new_keys(self) -> Collection[K]:
        """The keys of the rows that `flush` will insert."""
        return self._inserted

    def loaded(self) -> Iterable[V]:
        return (value for value in self._rows.values() if value is not None)

    async def flush(self) -> None:
        """Write now what changed, for a query that must see it."""
        await execute_writes(self.connection, self.take_writes())

    def take_writes(self) -> list[Write]:
        """Return the writes of what changed since the last time."""
        new = [value for key, value in self._changed.items() if key in self._inserted]
        existing = [value for key, value in self._changed.items() if key not in self._inserted]
        self._changed.clear()
        self._inserted.clear()
        return [
            Write(query, self.to_parameters(values))
            for query, values in (
                (self._statements.insert, new),
                (self._statements.update, existing),
            )
            if values
        ]


class _Statements:
    def __init__(self, table: Table, *, arrays: bool) -> None:
        (key,) = table.primary_key.columns
        self.key = key.name
        name = table.name
        changes = ", ".join(
            f"{column.name} = new.{column.name}" for column in table.columns if column is not key
        )
        self.read = select(table).where(key == any_(bindparam("keys", type_=ARRAY(key.type))))
        self.lock = self.read.order_by(key).with_for_update()
        self.insert = write_query(f"insert_{name}", bulk_insert(table, arrays=arrays))
        new = f"(SELECT * FROM {arrays_of(table) if arrays else rows_of(table)})"
        self.update = write_query(
            f"update_{name}",
            f"UPDATE {name} SET {changes} FROM {new} AS new "
            f"WHERE {name}.{key.name} = new.{key.name}",
        )


_statements = lru_cache(maxsize=None)(_Statements)


def _has_arrays(table: Table, kind: type[Any]) -> bool:
    """Return whether rows come as an array for each column, which costs the database least."""
    no_arrays = not any(isinstance(column.type, ARRAY) for column in table.columns)
    return no_arrays and issubclass(kind, msgspec.Struct)


def _find_array_writer(table: Table) -> Callable[[list[Any]], dict[str, Sequence[Any] | None]]:
    names = [column.name for column in table.columns]
    documents = [column.name for column in table.columns if isinstance(column.type, JSON)]
    read_row = attrgetter(*names)

    def to_arrays(values: list[Any]) -> dict[str, Sequence[Any] | None]:
        """Raises NulCharacterError."""
        arrays = columns_to_arrays(names, map(read_row, values))
        for name in documents:
            items = arrays[name]
            if items is not None:
                arrays[name] = [None if item is None else to_json(item) for item in items]
        return arrays

    return to_arrays


def _find_conversions(table: Table, kind: Any) -> _Conversions:
    """Return how a row becomes a value, and values the parameters: whether those are arrays."""
    if not issubclass(kind, msgspec.Struct):
        many: TypeAdapter[Any] = TypeAdapter(list[kind])
        read_row = TypeAdapter(kind).validate_python
        return read_row, lambda values: _to_json_rows(many.dump_json(values)), False
    read = partial(msgspec.convert, type=kind)
    if _has_arrays(table, kind):
        return read, _find_array_writer(table), True
    return read, lambda values: _to_json_rows(msgspec.json.encode(values)), False


def _to_json_rows(rows: bytes) -> dict[str, str]:
    return {"rows": rows.decode()}


_conversions: Callable[[Table, Any], _Conversions] = cache(_find_conversions)

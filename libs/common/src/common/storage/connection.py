"""Sends SQLAlchemy's statements by asyncpg.

SQLAlchemy writes the SQL, and a statement that is a constant is compiled once. Its own execution
would cost several times what asyncpg does for a small statement.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, TypeAlias, cast
from weakref import WeakKeyDictionary

import asyncpg
import orjson
from asyncpg.pgproto.pgproto import UUID
from sqlalchemy import ClauseElement, Insert
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.sql.compiler import SQLCompiler

from common.core.errors import is_transient

IntegrityError = asyncpg.IntegrityConstraintViolationError

Values = Mapping[str, Any]
Driver: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# Savepoints of one name nest.
_SAVEPOINT: Final = "step"
_ROLLBACK_TIMEOUT_S: Final = 5


class TransactionAbortedError(Exception):
    """A statement of the transaction has failed, so nothing of it is committed."""


class Row(asyncpg.Record):
    """A row; its values have the columns as keys and as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Rows(list[Any]):
    """The rows of a result."""

    def scalars(self) -> list[Any]:
        return [row[0] for row in self]

    def first(self) -> Any:
        return self[0] if self else None

    def single(self) -> Any:
        if len(self) != 1:
            message = f"{len(self)} rows instead of one"
            raise ValueError(message)
        return self[0]

    def scalar_one(self) -> Any:
        return self.single()[0]

    def scalar_one_or_none(self) -> Any:
        return self.scalar_one() if self else None


class Connection:
    """A session of the database; values of a column are as its type in SQLAlchemy has them.

    But a column of a statement in plain text is by its type in PostgreSQL: a UUID is a text.
    """

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    async def execute(
        self, statement: ClauseElement, values: Values | Sequence[Values] | None = None
    ) -> Rows:
        """Execute the statement; an INSERT takes the values of many rows too."""
        if isinstance(statement, Insert) and values:
            statement, values = statement.values(values), None
        sql, arguments = bind(statement, cast("Values", values or {}))
        return Rows(await self.driver.fetch(sql, *arguments, record_class=Row))

    async def stream(
        self, statement: ClauseElement, values: Values, size: int
    ) -> AsyncIterator[Rows]:
        """Yield so many rows at a time; inside a transaction."""
        sql, arguments = bind(statement, values)
        cursor = await self.driver.cursor(sql, *arguments, record_class=Row)
        while rows := await cursor.fetch(size):
            yield Rows(rows)

    async def clock_timestamp(self) -> datetime:
        """Return the database's time, in UTC."""
        now: datetime = await self.driver.fetchval("SELECT clock_timestamp()")
        return now

    async def begin(self) -> None:
        await self.driver.execute("BEGIN")

    async def commit(self) -> None:
        """Commit, unless the transaction has ended; raises TransactionAbortedError."""
        if self.driver.is_in_transaction() and await self.driver.execute("COMMIT") != "COMMIT":
            raise TransactionAbortedError

    async def rollback(self) -> None:
        """Roll back, unless the transaction has ended."""
        if self.driver.is_in_transaction():
            await self.driver.execute("ROLLBACK", timeout=_ROLLBACK_TIMEOUT_S)

    async def try_rollback(self) -> bool:
        """Roll back after an error; return whether the session can be used again."""
        try:
            await self.rollback()
        except Exception as error:
            if not is_transient(error):
                raise
            return False
        return not self.driver.is_closed()

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        """Set a savepoint, and return to it on an error."""
        await self.driver.execute(f"SAVEPOINT {_SAVEPOINT}")
        try:
            yield
        except Exception:
            await self.driver.execute(f"ROLLBACK TO {_SAVEPOINT}; RELEASE {_SAVEPOINT}")
            raise
        await self.driver.execute(f"RELEASE {_SAVEPOINT}")


def bind(statement: ClauseElement, values: Values) -> tuple[str, Sequence[Any]]:
    """Return the SQL and its arguments; raises KeyError if a value is missing."""
    compiled = _statements.get(statement)
    if compiled is None:
        compiler = cast("SQLCompiler", statement.compile(dialect=_DIALECT))
        if any(bind.expanding for bind in compiler.binds.values()):
            return _expand(compiler, values)
        compiled = _statements[statement] = _Compiled(compiler)
    return compiled.sql, compiled.arguments(values)


def _expand(compiler: SQLCompiler, values: Values) -> tuple[str, Sequence[Any]]:
    """Make a parameter for each value of an IN."""
    state = compiler.construct_expanded_state(dict(values))
    processors = _processors(compiler)
    return state.statement, [
        _process(processors.get(name), state.parameters[name]) for name in state.positiontup or ()
    ]


class _Compiled:
    """The SQL of a statement, and how to order its values.

    It does not refer to the statement, which is forgotten with its last user.
    """

    def __init__(self, compiler: SQLCompiler) -> None:
        self.sql = compiler.string
        self._names = tuple(compiler.positiontup or ())
        self._defaults = {
            name: bind.effective_value for name, bind in compiler.binds.items() if not bind.required
        }
        self._processors = _processors(compiler)

    def arguments(self, values: Values) -> list[Any]:
        values = {**self._defaults, **values}
        if not self._processors:
            return [values[name] for name in self._names]
        return [_process(self._processors.get(name), values[name]) for name in self._names]


_Processor = Callable[[Any], Any]


def _processors(compiler: SQLCompiler) -> dict[str, _Processor]:
    """Return how the values of some types are written for the driver: JSON as its text."""
    processors = {
        name: bind.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)
        for name, bind in compiler.binds.items()
    }
    return {name: processor for name, processor in processors.items() if processor}


def _process(processor: _Processor | None, value: Any) -> Any:
    return processor(value) if processor else value


_statements: WeakKeyDictionary[ClauseElement, _Compiled] = WeakKeyDictionary()


def to_json_text(value: object) -> str:
    return orjson.dumps(value).decode()


async def set_codecs(driver: Driver) -> None:
    """Let columns have the values of SQLAlchemy's types: a UUID as a text, JSON as its content."""
    for name, encoder, decoder in (
        ("uuid", lambda text: UUID(text).bytes, lambda value: str(UUID(value))),
        ("json", str.encode, orjson.loads),
        ("jsonb", lambda text: b"\x01" + text.encode(), lambda value: orjson.loads(value[1:])),
    ):
        await driver.set_type_codec(
            name, schema="pg_catalog", encoder=encoder, decoder=decoder, format="binary"
        )


_DIALECT: Final = cast("Any", PGDialect_asyncpg)(json_serializer=to_json_text)

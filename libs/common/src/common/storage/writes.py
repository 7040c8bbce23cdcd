"""All writes of a transaction as one statement, so that it waits for the database once (ADR 0068).

To send a statement of a few rows and to wait for its answer costs both sides more than its rows.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text

from common.storage.connection import Connection, bind

_PARAMETER = re.compile(r"\$(\d+)")


class WriteQuery(NamedTuple):
    """`definition` is that of a query of WITH; those that it needs may come before it."""

    name: str
    definition: TextClause


class Write(NamedTuple):
    """No write sees the rows of the others. `check` gets the number of rows that are written."""

    query: WriteQuery
    values: Mapping[str, Any]
    check: Callable[[int], None] | None = None


def write_query(name: str, statement: TextClause | str) -> WriteQuery:
    """Make a query of a statement that returns nothing."""
    sql = statement if isinstance(statement, str) else statement.text
    return WriteQuery(name, text(f"{name} AS ({sql} RETURNING 1)"))


async def execute_writes(connection: Connection, writes: Sequence[Write]) -> None:
    """Execute them in their order, so that transactions lock rows in one order."""
    if not writes:
        return
    parts: list[tuple[str, str, int]] = []
    arguments: list[Any] = []
    for write in writes:
        definition, values = bind(write.query.definition, write.values)
        parts.append((write.query.name, definition, len(arguments)))
        arguments += values
    (counts,) = await connection.driver.fetch(_join(tuple(parts)), *arguments)
    for write, count in zip(writes, counts, strict=True):
        if write.check is not None:
            write.check(count)


@lru_cache
def _join(parts: Sequence[tuple[str, str, int]]) -> str:
    """Join definitions, each with its name and the number of parameters before it."""
    definitions = (_number_from(before, definition) for _, definition, before in parts)
    # The server executes the queries in this order.
    counts = (f"(SELECT count(*) FROM {name})" for name, _, _ in parts)
    return f"WITH {', '.join(definitions)} SELECT {', '.join(counts)}"


def _number_from(before: int, definition: str) -> str:
    return _PARAMETER.sub(lambda parameter: f"${int(parameter[1]) + before}", definition)

"""Many rows in one statement: as a JSON array of objects, or as an array for each column.

Arrays cost the database less, most of all for large values, and the client a little more.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import Table, TextClause, make_url, text


def rows_of(table: Table) -> str:
    """Return SQL for the rows in the parameter `rows`, with the types of the table's columns."""
    return f"json_populate_recordset(NULL::{table.name}, CAST(CAST(:rows AS text) AS json))"


def arrays_of(table: Table) -> str:
    """Return SQL for the rows in parameters with the columns' names; no column is an array."""
    dialect = make_url("postgresql://").get_dialect()()
    arrays = ", ".join(
        f"CAST(:{column.name} AS {column.type.compile(dialect)}[])" for column in table.columns
    )
    names = ", ".join(column.name for column in table.columns)
    return f"unnest({arrays}) AS rows({names})"


def to_arrays(rows: Sequence[NamedTuple]) -> dict[str, Sequence[Any] | None]:
    """Return the parameters for `arrays_of`, an array for each field; there is at least one row."""
    return columns_to_arrays(rows[0]._fields, rows)


def columns_to_arrays(
    names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> dict[str, Sequence[Any] | None]:
    """Return the same for rows whose values are in the order of `names`.

    A column without any value is None, which `unnest` fills up: asyncpg takes long to encode
    nothing many times.
    """
    columns = zip(names, zip(*rows, strict=True), strict=True)
    return {name: None if column.count(None) == len(column) else column for name, column in columns}


def bulk_insert(
    table: Table,
    *,
    arrays: bool = False,
    conflict: Literal["error", "ignore", "update"] = "error",
    returning: Sequence[str] = (),
) -> TextClause:
    """Insert rows in the order of the primary key, so that two transactions do not deadlock.

    The rows are those of `rows_of`, with `arrays` those of `arrays_of`. Column defaults do not
    apply: a field that is missing in a row is NULL. An identity column of the database is left out
    of `table`. With `update`, a row that exists gets the new values.
    """
    columns = [column.name for column in table.columns]
    key = [column.name for column in table.primary_key.columns]
    listed = ", ".join(columns)
    source = arrays_of(table) if arrays else rows_of(table)
    statement = f"INSERT INTO {table.name} ({listed}) SELECT {listed} FROM {source}"
    if key:
        statement += f" ORDER BY {', '.join(key)}"
    match conflict:
        case "ignore":
            statement += " ON CONFLICT DO NOTHING"
        case "update":
            changes = (f"{name} = excluded.{name}" for name in columns if name not in key)
            statement += f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(changes)}"
        case "error":
            pass
    if returning:
        statement += f" RETURNING {', '.join(returning)}"
    return text(statement)

"""Many rows in one statement: its one parameter, `rows`, is a JSON array of objects."""

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import Table, TextClause, text


def rows_of(table: Table) -> str:
    """Return SQL for the rows in the parameter `rows`, with the types of the table's columns."""
    return f"jsonb_populate_recordset(NULL::{table.name}, CAST(CAST(:rows AS text) AS jsonb))"


def bulk_insert(
    table: Table,
    *,
    conflict: Literal["error", "ignore", "update"] = "error",
    returning: Sequence[str] = (),
) -> TextClause:
    """Insert `rows` in the order of the primary key, so that two transactions do not deadlock.

    Column defaults do not apply: a field that is missing in a row is NULL. An identity column of
    the database is left out of `table`. With `update`, a row that exists gets the new values.
    """
    columns = [column.name for column in table.columns]
    key = [column.name for column in table.primary_key.columns]
    listed = ", ".join(columns)
    statement = f"INSERT INTO {table.name} ({listed}) SELECT {listed} FROM {rows_of(table)}"
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

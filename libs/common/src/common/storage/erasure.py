"""Erases the words of customers, and those about them, from stored events."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from common.core.erasure import WORDS, without_words


async def erase_words(
    connection: AsyncConnection,
    table: Table,
    condition: ColumnElement[bool],
    words: Collection[str] = WORDS,
) -> None:
    """Erase `words` in the events of a table, which has `type` and `data`, in its rows."""
    key = list(table.primary_key.columns)
    rows = await connection.execute(select(*key, table.c.type, table.c.data).where(condition))
    for row in rows.all():
        erased = _without_words_of(row.type, row.data, words)
        if erased != row.data:
            mapping = row._mapping  # noqa: SLF001 - SQLAlchemy's public name
            same_row = and_(*(column == mapping[column] for column in key))
            await connection.execute(update(table).where(same_row).values(data=erased))


def _without_words_of(kind: str, data: dict[str, Any], words: Collection[str]) -> Any:
    erased = without_words(data, words)
    # Of a page the reason is one of a few codes.
    if kind == "upstairs.page_requested.v1":
        return {**erased, "reason": data["reason"]}
    return erased

"""How many rows queries read, as PostgreSQL counts them within a transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import text

from common.storage.connection import Connection


@dataclass(frozen=True, slots=True)
class TableReads:
    """Of one table: how often the whole of it was read, and rows that an index led to."""

    table: str
    scans: int
    rows: int


@asynccontextmanager
async def record_reads(connection: Connection, *tables: str) -> AsyncIterator[list[TableReads]]:
    """Yield a list that has the reads of each table once the block is left."""
    reads: list[TableReads] = []
    before = await _reads(connection, tables)
    yield reads
    after = await _reads(connection, tables)
    assert sorted(after) == sorted(tables), "of each table there is a count"
    for table, (scans, rows) in after.items():
        scans_before, rows_before = before[table]
        reads.append(TableReads(table, scans - scans_before, rows - rows_before))


async def _reads(connection: Connection, tables: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    rows = await connection.execute(_READS, {"tables": list(tables)})
    return {row.relname: (row.seq_scan, row.idx_tup_fetch) for row in rows}


_READS = text("""
    SELECT relname, seq_scan, idx_tup_fetch FROM pg_stat_xact_user_tables
    WHERE schemaname = current_schema() AND relname = ANY(CAST(:tables AS text[]))
""")

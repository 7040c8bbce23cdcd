"""Finds a text in any table of a service."""

from typing import Any

from common.storage.database import Database
from support.databases import rows

# What erasure leaves: see docs/adr/0028-erasure.md.
EXCEPTIONS = {"alembic_version", "audit_trail"}


async def find_tables_with(database: Database[Any], text: str) -> set[str]:
    """Return the tables of which some row has the text, but for the exceptions."""
    tables = await rows(
        database,
        """SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')""",
    )
    return {
        table.name
        for table in tables
        if table.name not in EXCEPTIONS
        and await rows(
            database,
            f"SELECT 1 AS n FROM {table.name} r WHERE strpos(to_jsonb(r)::text, '{text}') > 0",
        )
    }

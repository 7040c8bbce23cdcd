"""Which connections exist, without their secrets."""

from collections.abc import Iterable

from sqlalchemy import text

from common.storage.connection import Connection


class ConnectionNames:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, kind: str, names: Iterable[str]) -> set[str]:
        """Return those of the names that are connections of the kind, by one statement."""
        rows = await self._connection.execute(_FIND, {"kind": kind, "names": sorted(set(names))})
        return {row.connection for row in rows}


_FIND = text("""
    SELECT connection FROM channel_connections
    WHERE kind = :kind AND state <> 'archived' AND connection = ANY (CAST(:names AS text[]))
""")

"""The SQL of settings: each version is a row that never changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB, insert

from common.storage.connection import Connection
from escalation import tables
from escalation.domain.settings.documents import read_setting, setting_document
from escalation.domain.settings.registry import KIND_BY_TYPE, Configuration, Setting, Versioned

S = TypeVar("S", bound=Setting)


@dataclass(frozen=True, slots=True)
class SettingRow(Generic[S]):
    """A version of a setting, when it was put and by whom."""

    version: int
    body: S
    put_at: datetime
    put_by: str
    archived: bool = False


class SettingVersions:
    """Reads the settings in force once per revision, and adds new versions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._in_force: Configuration | None = None
        self._is_locked = False

    async def in_force(self) -> Configuration:
        if self._in_force is None:
            revision = (await self._connection.execute(_REVISION)).scalar_one()
            self._in_force = await self._load(revision)
        return self._in_force

    async def use(self, newest_revision: str | None) -> None:
        """Take this revision, which the transaction has read just now, in place of an earlier one.

        Not if it has blocked changes: what it has read then is the newest.
        """
        if not self._is_locked:
            self._in_force = await self._load(newest_revision)

    async def _load(self, revision: str | None) -> Configuration:
        if revision not in _by_revision:
            loaded = _configuration(await self._connection.execute(_IN_FORCE))
            _by_revision.clear()
            _by_revision[revision] = loaded
        return _by_revision[revision]

    async def lock_for_update(self) -> Configuration:
        """Block other changes until this transaction ends.

        So what a setting refers to stays, and the newest row is the last committed.
        """
        if not self._is_locked:
            await self._connection.execute(_LOCK)
            self._is_locked, self._in_force = True, None
        return await self.in_force()

    async def rows_of(self, kind: type[S], setting_id: str) -> list[SettingRow[S]]:
        """Return all versions of the setting, in order, but those that only archived it."""
        path = KIND_BY_TYPE[kind].path
        rows = await self._connection.execute(_VERSIONS, {"kind": path, "id": setting_id})
        return [
            SettingRow(row.version, read_setting(path, row.body), row.at, row.by) for row in rows
        ]

    async def rows_before(
        self, kind: type[S], setting_id: str, before: int | None, limit: int
    ) -> list[SettingRow[S]]:
        """Return versions of the setting below `before`, the newest first."""
        path = KIND_BY_TYPE[kind].path
        rows = await self._connection.execute(
            _VERSIONS_BEFORE, {"kind": path, "id": setting_id, "before": before, "limit": limit}
        )
        return [
            SettingRow(row.version, read_setting(path, row.body), row.at, row.by, row.archived)
            for row in rows
        ]

    async def add(self, setting: Versioned[S], at: datetime, by: str) -> None:
        await self._connection.execute(
            insert(tables.setting_versions).values(
                kind=KIND_BY_TYPE[type(setting.body)].path,
                id=setting.id,
                version=setting.version,
                body=setting_document(setting.body),
                at=at,
                by=by,
                archived=setting.archived,
            )
        )
        # For what follows in this transaction, without a look at all settings for each of many.
        if self._in_force is not None:
            self._in_force = self._in_force.with_versions((setting,))


# A revision is unique over all databases and never changes its content.
_by_revision: dict[str | None, Configuration] = {}


def _configuration(rows: Sequence[Any]) -> Configuration:
    """Read rows that are in order of their versions."""
    return Configuration.of(
        Versioned(row.id, row.version, read_setting(row.kind, row.body), row.archived)
        for row in rows
    )


# One value, NULL if there are no settings.
_REVISION = text("""
    SELECT (SELECT CAST(revision AS text) FROM setting_versions ORDER BY serial DESC LIMIT 1)
""")
_IN_FORCE = text("""
    SELECT kind, id, version, body, archived FROM setting_versions AS setting
    WHERE kind IN ('calendars', 'duty-schedules') OR version = (
        SELECT max(version) FROM setting_versions AS newest
        WHERE newest.kind = setting.kind AND newest.id = setting.id)
    ORDER BY kind, id, version
""").columns(body=JSONB)
_VERSIONS = text("""
    SELECT version, body, at, by FROM setting_versions
    WHERE kind = :kind AND id = :id AND NOT archived ORDER BY version
""").columns(body=JSONB)
_VERSIONS_BEFORE = text("""
    SELECT version, body, at, by, archived FROM setting_versions
    WHERE kind = :kind AND id = :id
        AND (CAST(:before AS integer) IS NULL OR version < CAST(:before AS integer))
    ORDER BY version DESC LIMIT :limit
""").columns(body=JSONB)
# Not of the table: to lock it takes the privilege to change its rows.
_LOCK = text("SELECT pg_advisory_xact_lock(lock_key('settings'))")

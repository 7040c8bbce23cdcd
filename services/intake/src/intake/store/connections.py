"""The SQL of connections, and of what came by them."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar, get_args

import structlog
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from common.contracts.validation_messages import summarize
from common.core.errors import PermanentError
from common.storage.bulk import arrays_of, to_arrays
from common.storage.connection import Connection
from intake import tables
from intake.connection_secrets import ConnectionSecrets
from intake.domain.connections import (
    ConnectionActivity,
    ConnectionFailure,
    ConnectionSetup,
    StoredSecret,
)
from intake.domain.model import ChannelConnection, ConnectionState
from intake.domain.silence import Expectation, Listener

log = structlog.get_logger()

T = TypeVar("T")

ConnectionKey = tuple[str, str]

# Without a sign of life for so long, nobody listened.
LISTENING_GAP: Final = timedelta(seconds=90)


class UnreadableConnectionError(PermanentError):
    """A connection is not stored as this version of intake stores them."""


class ActivityRow(NamedTuple):
    """What one process has noticed of a connection since it wrote last."""

    kind: str
    connection: str
    last_delivery_at: datetime | None = None
    failed_at: datetime | None = None
    failure_code: str | None = None
    failure_detail: str | None = None
    silent_since: None = None


class ChannelConnections:
    def __init__(self, connection: Connection, secrets: ConnectionSecrets) -> None:
        self._connection = connection
        self.secrets = secrets

    async def get(
        self, kind: str, name: str, *, with_app_secret: bool = False
    ) -> ChannelConnection | None:
        """Return the connection with its secrets, unless it is archived.

        Raises UnreadableConnectionError, or SecretUnavailableError if none of its secrets can be
        read, or not the app's though it is asked for.
        """
        rows = await self._connection.execute(_GET, {"kind": kind, "name": name})
        row = rows.first()
        if row is None:
            return None
        stored = _read(_secrets, row.secrets)
        secrets = self.secrets.read_all(stored)
        app_secret = _read(_app_secret, row.app_secret) if with_app_secret else None
        return ChannelConnection(
            name,
            kind,
            ",".join(secrets),
            row.options,
            row.state,
            passwords=secrets,
            app_secret=self.secrets.read(app_secret) if app_secret else None,
            version=row.version,
        )

    async def find(self, kind: str, name: str) -> ConnectionSetup | None:
        """Return it; one that can't be read is `is_unreadable`, as of all that return it."""
        connections = tables.channel_connections
        rows = await self._connection.execute(
            select(connections).where(connections.c.connection == name, connections.c.kind == kind)
        )
        row = rows.first()
        return _setup(row) if row else None

    async def lock(self, kind: str, name: str) -> ConnectionSetup | None:
        """Return it; until the transaction ends, no other one makes or changes it."""
        await self._connection.execute(_LOCK, {"name": f"{kind}/{name}"})
        return await self.find(kind, name)

    async def page(
        self,
        kind: str | None,
        states: Collection[ConnectionState],
        after: ConnectionKey | None,
        limit: int,
    ) -> list[ConnectionSetup]:
        """Return those after a key, by kind and name."""
        table = tables.channel_connections
        query = select(table).where(table.c.state.in_(states))
        if kind is not None:
            query = query.where(table.c.kind == kind)
        if after is not None:
            query = query.where(tuple_(table.c.kind, table.c.connection) > after)
        query = query.order_by(table.c.kind, table.c.connection).limit(limit)
        return [_setup(row) for row in await self._connection.execute(query)]

    async def save(self, setup: ConnectionSetup) -> None:
        statement = insert(tables.channel_connections)
        key = ("kind", "connection")
        row = _setups.dump_python(setup, mode="python") | {
            "secrets": _secrets.dump_python(list(setup.secrets), mode="json"),
            "app_secret": _app_secret.dump_python(setup.app_secret, mode="json"),
            "expected": _expectation.dump_python(setup.expected, mode="json"),
        }
        changes = {name: statement.excluded[name] for name in row if name not in key}
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=key, set_=changes), row
        )

    async def replace_secrets(self, setup: ConnectionSetup) -> None:
        """Write its secrets as they are encrypted now: the connection itself is the same."""
        table = tables.channel_connections
        secrets = _secrets.dump_python(list(setup.secrets), mode="json")
        app_secret = _app_secret.dump_python(setup.app_secret, mode="json")
        await self._connection.execute(
            update(table)
            .where(table.c.kind == setup.kind, table.c.connection == setup.connection)
            .values(secrets=secrets, app_secret=app_secret)
        )


class ChannelActivity:
    """What came last by each connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list_of(
        self, keys: Sequence[ConnectionKey]
    ) -> dict[ConnectionKey, ConnectionActivity]:
        if not keys:
            return {}
        table = tables.channel_activity
        rows = await self._connection.execute(
            select(table).where(tuple_(table.c.kind, table.c.connection).in_(keys))
        )
        return {(row.kind, row.connection): _activity(row) for row in rows}

    async def lock(self, kind: str, name: str) -> ConnectionActivity:
        """Return it, locked until the transaction ends."""
        key = {"kind": kind, "name": name}
        await self._connection.execute(_MAKE_ACTIVITY, key)
        rows = await self._connection.execute(_LOCK_ACTIVITY, key)
        return _activity(rows.single())

    async def record(self, noticed: Sequence[ActivityRow]) -> list[tuple[ConnectionKey, datetime]]:
        """Add what was noticed; return which of these connections is silent, and since when."""
        if not noticed:
            return []
        rows = await self._connection.execute(_RECORD, to_arrays(noticed))
        return [((row.kind, row.connection), row.silent_since) for row in rows if row.silent_since]

    async def set_silent(self, kind: str, name: str, since: datetime | None) -> None:
        table = tables.channel_activity
        await self._connection.execute(
            update(table)
            .where(table.c.kind == kind, table.c.connection == name)
            .values(silent_since=since)
        )

    async def count_silent(self) -> int:
        count: int = (await self._connection.execute(_COUNT_SILENT)).scalar_one()
        return count

    async def keep_listening(self, listeners: Collection[Listener], now: datetime) -> None:
        """Say that these listen now."""
        values = {"listeners": sorted(listeners), "now": now, "gap": LISTENING_GAP}
        await self._connection.execute(_KEEP_LISTENING, values)

    async def listening_since(
        self, listeners: Collection[Listener], now: datetime
    ) -> datetime | None:
        """Return since when all these listen without a break; None if one does not."""
        table = tables.listening_periods
        rows = await self._connection.execute(
            select(table.c.since).where(
                table.c.listener.in_(listeners), table.c.last_seen_at >= now - LISTENING_GAP
            )
        )
        since = [row.since for row in rows]
        return max(since) if len(since) == len(listeners) else None


def _setup(row: Any) -> ConnectionSetup:
    try:
        return _read(_setups, dict(row))
    except UnreadableConnectionError:
        log.exception("connection_unreadable", kind=row.kind, connection=row.connection)
        return ConnectionSetup(
            kind=row.kind,
            connection=row.connection,
            state=row.state if row.state in get_args(ConnectionState) else "paused",
            version=row.version,
            secrets=(),
            options={},
            expected=None,
            changed_at=row.changed_at,
            changed_by=row.changed_by,
        )


def _read(adapter: TypeAdapter[T], stored: Any) -> T:
    try:
        return adapter.validate_python(stored)
    except ValidationError as error:
        # Without the cause: its text quotes what is stored.
        raise UnreadableConnectionError(summarize(error, "connection")) from None


def _activity(row: Any) -> ConnectionActivity:
    failure = (
        ConnectionFailure(row.failed_at, row.failure_code, row.failure_detail)
        if row.failed_at is not None
        else None
    )
    return ConnectionActivity(row.last_delivery_at, failure, row.silent_since)


_setups = TypeAdapter(ConnectionSetup)
_secrets = TypeAdapter(list[StoredSecret])
_app_secret = TypeAdapter(StoredSecret | None)
_expectation = TypeAdapter(Expectation | None)

_GET = text("""
    SELECT state, version, secrets, app_secret, options FROM channel_connections
    WHERE kind = :kind AND connection = :name AND state <> 'archived'
""").columns(
    secrets=tables.channel_connections.c.secrets.type,
    app_secret=tables.channel_connections.c.app_secret.type,
    options=tables.channel_connections.c.options.type,
)
_LOCK = text("SELECT pg_advisory_xact_lock(lock_key('connection ' || CAST(:name AS text)))")
_MAKE_ACTIVITY = text("""
    INSERT INTO channel_activity (kind, connection) VALUES (:kind, :name) ON CONFLICT DO NOTHING
""")
_LOCK_ACTIVITY = text("""
    SELECT * FROM channel_activity WHERE kind = :kind AND connection = :name FOR UPDATE
""")
# In the order of the key as Python and the table have it, so that two transactions do not deadlock.
_RECORD = text(f"""
    INSERT INTO channel_activity AS known
    SELECT * FROM {arrays_of(tables.channel_activity)} ORDER BY kind, connection
    ON CONFLICT (kind, connection) DO UPDATE SET
        last_delivery_at = greatest(known.last_delivery_at, excluded.last_delivery_at),
        failed_at = greatest(known.failed_at, excluded.failed_at),
        failure_code = CASE WHEN excluded.failed_at >= coalesce(known.failed_at, '-infinity')
            THEN excluded.failure_code ELSE known.failure_code END,
        failure_detail = CASE WHEN excluded.failed_at >= coalesce(known.failed_at, '-infinity')
            THEN excluded.failure_detail ELSE known.failure_detail END
    RETURNING kind, connection, silent_since
""")
_COUNT_SILENT = text("SELECT count(*) FROM channel_activity WHERE silent_since IS NOT NULL")
_KEEP_LISTENING = text("""
    INSERT INTO listening_periods AS known (listener, since, last_seen_at)
    SELECT listener, :now, :now FROM unnest(CAST(:listeners AS text[])) AS listener
    ON CONFLICT (listener) DO UPDATE SET
        since = CASE WHEN known.last_seen_at < excluded.last_seen_at - CAST(:gap AS interval)
            THEN excluded.since ELSE known.since END,
        last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at)
""")

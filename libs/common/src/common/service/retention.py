"""Retention: deletes old rows of every table, in small batches, by one rule for each table.

The rules of a service's own tables are `RETENTION` in its `tables.py`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Generic, TypeAlias, TypeVar

import structlog
from sqlalchemy import TextClause, text

from common.core.backoff import pause
from common.core.errors import is_transient
from common.core.ids import first_id
from common.core.metrics import Metrics
from common.storage.database import Database
from common.storage.idempotency import KEPT_DAYS
from common.storage.inbox import Inbox
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)
# A value of a time column; an event id is one, too.
TimeKey: TypeAlias = datetime | str

_INTERVAL: Final = timedelta(hours=1)
# Between two batches: bounds the load of a backlog, at 10,000 rows a second.
_PAUSE_S: Final = 0.1
_BATCH_ROWS: Final = 1000
# Kafka keeps the topics for 7 days (deploy/topics.yaml); what recognises a redelivery stays longer.
_MIN_DAYS: Final = 8

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Retention:
    """Deletes a row `days` after `time_column`, if `condition` (SQL) holds; 0 days: never.

    An index of the table begins with the time column; `event_id` is one too: its ids begin with
    the time when they were made. Each of `cascades` is SQL that deletes what belongs to the rows in
    `deleted`, in the same statement.
    """

    table: str
    time_column: str
    days: int
    condition: str = "true"
    cascades: tuple[str, ...] = ()
    min_days: int = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """A table whose rows retention does not delete, with the reason."""

    table: str
    reason: str


Rule = Retention | Kept

_EVENT_ID: Final = "event_id"
INBOX: Final = Retention("inbox", _EVENT_ID, days=10, min_days=_MIN_DAYS)
LOCK_SALT: Final = Kept("lock_salt", "one row, for ever")
SHARED_RULES: Final[tuple[Rule, ...]] = (
    Kept("outbox", "the relay deletes a row when Kafka has it"),
    Kept("timers", "a timer is deleted when it fires or is cancelled"),
    Kept("api_keys", "a key's row says who could call, and until when"),
    Kept("known_people", "who has left must not call, however long ago"),
    LOCK_SALT,
    Retention("idempotency_keys", "at", days=KEPT_DAYS),
    # Longer than Kafka keeps the record: a redelivery finds its dead letter.
    Retention(
        "dead_letters", "closed_at", days=30, condition="state <> 'waiting'", min_days=_MIN_DAYS
    ),
)


def published_events_rule(condition: str) -> Retention:
    """Make the rule of the published events; `condition`: nothing that is open needs them.

    After the last event of a key, later ones begin at the number 1 again: by then no consumer may
    know the old ones. An event that is not published yet stays: the relay reads it there.
    """
    return Retention(
        "published_events",
        _EVENT_ID,
        days=400,
        condition=f"{_IS_PUBLISHED} AND ({condition})",
        min_days=_MIN_DAYS,
    )


_IS_PUBLISHED: Final = "event_id NOT IN (SELECT unnest(event_ids) FROM outbox)"


class UnknownTableError(ValueError):
    """UPSTAIRS_RETENTION_DAYS names a table that has no retention rule."""


def with_days(rules: Sequence[Rule], days: Mapping[str, int]) -> tuple[Rule, ...]:
    """Return the rules with the ages that the settings give; raises UnknownTableError."""
    names = {rule.table for rule in rules if isinstance(rule, Retention)}
    if unknown := sorted(days.keys() - names):
        raise UnknownTableError(f"{UnknownTableError.__doc__} {', '.join(unknown)}")
    changed = tuple(
        replace(rule, days=days.get(rule.table, rule.days)) if isinstance(rule, Retention) else rule
        for rule in rules
    )
    _check(changed)
    return changed


def _check(rules: Sequence[Rule]) -> None:
    for rule in rules:
        if isinstance(rule, Retention) and 0 < rule.days < rule.min_days:
            raise ValueError(
                f"The retention of {rule.table} must be at least {rule.min_days} days, or 0."
            )


class RetentionWorker(Generic[U]):
    """Applies the rules once an hour; one replica at a time."""

    name = "retention"

    def __init__(
        self,
        database: Database[U],
        metrics: Metrics,
        rules: Sequence[Rule],
        *,
        interval: timedelta = _INTERVAL,
        batch_rows: int = _BATCH_ROWS,
        pause_s: float = _PAUSE_S,
    ) -> None:
        self._database = database
        self._removed = metrics.retention_removed_rows
        self.rules = [rule for rule in rules if isinstance(rule, Retention)]
        self._interval = interval
        self._batch_rows = batch_rows
        self._pause_s = pause_s

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await self.apply(stopping)
            await pause(self._interval.total_seconds(), stopping)

    async def apply(self, stopping: asyncio.Event) -> None:
        """Apply every rule once; a rule that fails is tried again in the next run."""
        for rule in self.rules:
            try:
                await self.apply_rule(rule, stopping)
            except Exception as error:
                if is_transient(error):
                    log.warning("retention_backing_off", table=rule.table, error=repr(error))
                else:
                    log.exception("retention_failed", table=rule.table)

    async def apply_rule(self, rule: Retention, stopping: asyncio.Event) -> None:
        if rule.table == INBOX.table:
            await self._drop_partitions(rule)
        elif rule.days:
            await self._delete_old(rule, stopping)

    async def _drop_partitions(self, rule: Retention) -> None:
        """Make the inbox partitions of the days to come too."""
        days = timedelta(days=rule.days) if rule.days else None
        async with self._database.transaction() as uow:
            await uow.connection.execute(_LOCK)
            removed = await Inbox(uow.connection).keep_partitions(uow.now.date(), days)
        self._removed.labels(rule.table).inc(removed)

    async def _delete_old(self, rule: Retention, stopping: asyncio.Event) -> None:
        statement = _delete_statement(rule)
        after: TimeKey | None = None
        count = self._batch_rows
        while count == self._batch_rows and not stopping.is_set():
            count, after = await self._delete_batch(rule, statement, after)
            self._removed.labels(rule.table).inc(count)
            if count == self._batch_rows:
                await pause(self._pause_s, stopping)

    async def _delete_batch(
        self, rule: Retention, statement: TextClause, after: TimeKey | None
    ) -> tuple[int, TimeKey | None]:
        """Delete one batch; return its size and its latest time, where the next one begins."""
        async with self._database.transaction() as uow:
            if not (await uow.connection.execute(_TRY_LOCK)).scalar_one():
                return 0, after
            before = uow.now - timedelta(days=rule.days)
            row = (
                await uow.connection.execute(
                    statement,
                    {
                        "before": first_id(before) if rule.time_column == _EVENT_ID else before,
                        "after": after,
                        "limit": self._batch_rows,
                    },
                )
            ).single()
        return row.deleted_rows, row.last_time


def _delete_statement(rule: Retention) -> TextClause:
    # Rows that are locked are in use; they are left for the next run.
    cascades = "".join(
        f", cascaded_{number} AS ({cascade})" for number, cascade in enumerate(rule.cascades)
    )
    kind = "uuid" if rule.time_column == _EVENT_ID else "timestamptz"
    return text(f"""
        WITH old AS (
            SELECT ctid, {rule.time_column} AS time FROM {rule.table}
            WHERE {rule.time_column} < CAST(:before AS {kind})
              AND {rule.time_column} >= coalesce(CAST(:after AS {kind}), {_FIRST[kind]})
              AND ({rule.condition})
            ORDER BY {rule.time_column} LIMIT :limit FOR UPDATE OF {rule.table} SKIP LOCKED
        ), deleted AS (
            DELETE FROM {rule.table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM old)) RETURNING *
        ){cascades}
        SELECT (SELECT count(*) FROM deleted) AS deleted_rows,
               (SELECT time FROM old ORDER BY time DESC LIMIT 1) AS last_time
    """)


_FIRST: Final = {"uuid": "'00000000-0000-0000-0000-000000000000'", "timestamptz": "'-infinity'"}
_LOCK = text("SELECT pg_advisory_xact_lock(lock_key('retention'))")
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(lock_key('retention'))")

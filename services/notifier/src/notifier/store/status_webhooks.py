"""The SQL of status webhooks, and of the statuses that are sent to them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

import structlog
from msgspec import ValidationError
from msgspec.structs import replace
from sqlalchemy import select, text, tuple_

from common.contracts.event import ContactId, SystemName
from common.storage.bulk import bulk_insert
from common.storage.connection import Connection
from common.storage.database import Database
from common.storage.rows import LockedTable
from common.storage.writes import Write, write_query
from notifier import tables
from notifier.domain.status_webhooks import (
    FAILURES_TO_PAUSE,
    UNREADABLE,
    DeliveryState,
    StatusDelivery,
    StatusPolicy,
    StatusWebhook,
    stand_in,
)
from notifier.store.system_rows import SystemRows

log = structlog.get_logger()

# What a list of deliveries continues after: `occurred_at`, and the id.
DeliveryKey: TypeAlias = tuple[datetime, str]


class StatusWebhooks(SystemRows[StatusWebhook]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.status_webhooks, StatusWebhook)

    def read(self, row: Mapping[str, Any]) -> StatusWebhook:
        """Return it; one that can't be read is disabled, so that its channel can put it again."""
        try:
            return super().read(row)
        except ValidationError:
            log.exception("status_webhook_unreadable", source=row["source"])
            kept = ("source", "url", "version", "changed_at", "changed_by")
            return stand_in(*(row[name] for name in kept))

    async def page(self, after: SystemName | None, limit: int) -> list[StatusWebhook]:
        query = select(self.table).order_by(self.table.c.source).limit(limit)
        if after is not None:
            query = query.where(self.table.c.source > after)
        return [self.read(dict(row)) for row in await self.connection.execute(query)]

    async def remove(self, source: SystemName) -> None:
        """Remove the webhook and what was sent or waits to be sent."""
        await self.connection.execute(_REMOVE_DELIVERIES, {"source": source})
        await self.connection.execute(_REMOVE_WEBHOOK, {"source": source})


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    source: SystemName
    state: DeliveryState | None = None
    contact_id: ContactId | None = None


class DeliveryCounts(NamedTuple):
    """How many statuses wait, since when the oldest does, and how many have failed."""

    waiting: int
    oldest_waiting_since: datetime | None
    failed: int


class StatusDeliveries(LockedTable[str, StatusDelivery]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.status_deliveries, StatusDelivery)
        self._new: dict[str, StatusDelivery] = {}
        # Of what this transaction leaves to be sent, for those who look at what was committed.
        self.has_new = False

    def add(self, delivery: StatusDelivery) -> None:
        """Add it, unless it is known: an event may come again."""
        self._new[delivery.change_id] = delivery
        self.has_new = True

    def new_writes(self) -> Iterator[Write]:
        if self._new:
            values = self.to_parameters(list(self._new.values()))
            self._new.clear()
            yield Write(_ADD, values)

    async def claim(self, limit: int, policy: StatusPolicy, now: datetime) -> list[StatusDelivery]:
        """Let the first status of each contact begin that is due: at most `limit`.

        Of one receiver `policy.slots` are under way at a time, in all replicas together; one
        that fails gets one at a time. A call that is free is for the receiver with the fewest, so
        that what waits for a slow one delays no other. Nothing of a contact begins before what came
        earlier has ended. A row that can't be read keeps no other waiting: a status fails, and a
        webhook is disabled.
        """
        parameters: dict[str, Any] = {
            "now": now,
            "limit": limit,
            "slots": policy.slots,
            "failures": FAILURES_TO_PAUSE,
        }
        # Its own statement: the next one sees what the replica before has claimed.
        rows = await self.connection.execute(_LOCK_READY, {"now": now})
        sources = [row.source for row in rows if await self._is_readable(row)]
        if not sources:
            return []
        claimed: list[StatusDelivery] = []
        for row in await self.connection.execute(_CLAIM, {**parameters, "sources": sources}):
            try:
                claimed += self.adopt([row])
            except ValidationError:
                log.exception("status_unreadable", change_id=row["change_id"])
                await self.connection.execute(_FAIL_UNREADABLE, {"id": row["change_id"]})
        begun = [
            replace(each, state="sending", due_at=now + policy.lease, attempts=each.attempts + 1)
            for each in claimed
        ]
        for delivery in begun:
            self.put(delivery)
        return begun

    async def _is_readable(self, webhook: Any) -> bool:
        if StatusWebhooks(self.connection).read(dict(webhook)).disabled_reason != UNREADABLE:
            return True
        await self.connection.execute(_DISABLE, {"source": webhook.source, "reason": UNREADABLE})
        return False

    async def hasten(self, source: SystemName, now: datetime) -> None:
        """Let all that waits for this receiver be due now."""
        await self.connection.execute(_HASTEN, {"source": source, "now": now})

    async def give_up(self, source: SystemName, policy: StatusPolicy, now: datetime) -> int:
        """Let fail what has waited too long, and the oldest if too many wait; return how many."""
        values = {
            "source": source,
            "before": now - policy.give_up_after,
            "max_waiting": policy.max_waiting,
            "detail": "waited too long, or too many waited",
        }
        return len(await self.connection.execute(_GIVE_UP, values))

    async def replay(
        self,
        source: SystemName,
        since: datetime | None,
        contact_id: ContactId | None,
        now: datetime,
    ) -> int:
        """Let what was delivered or has failed be sent again, in its order; return how many."""
        values = {"source": source, "since": since, "contact_id": contact_id, "now": now}
        replayed = len(await self.connection.execute(_REPLAY, values))
        self.has_new = self.has_new or replayed > 0
        return replayed

    async def latest(
        self, criteria: DeliveryFilter, before: DeliveryKey | None, limit: int
    ) -> list[StatusDelivery]:
        table = self.table
        query = select(table).where(table.c.source == criteria.source)
        if criteria.state is not None:
            query = query.where(table.c.state == criteria.state)
        if criteria.contact_id is not None:
            query = query.where(table.c.contact_id == criteria.contact_id)
        if before is not None:
            query = query.where(tuple_(table.c.occurred_at, table.c.change_id) < before)
        query = query.order_by(table.c.occurred_at.desc(), table.c.change_id.desc()).limit(limit)
        return [self.read(dict(row)) for row in await self.connection.execute(query)]

    async def count(self, sources: Sequence[SystemName]) -> dict[SystemName, DeliveryCounts]:
        counted = await self.connection.execute(_COUNTS, {"sources": sources})
        return {
            SystemName(row.source): DeliveryCounts(row.waiting, row.oldest, row.failed)
            for row in counted
        }


async def has_due(database: Database[Any]) -> bool:
    """Return whether a status is due now; read without a transaction."""
    (is_due,) = await database.fetch_row(_HAS_DUE, database.clock.offset)
    return bool(is_due)


async def oldest_waiting_s(database: Database[Any]) -> float:
    """Return for how many seconds the oldest status waits for an active receiver; 0 if none."""
    (seconds,) = await database.fetch_row(_OLDEST_WAITING_S)
    return float(seconds or 0)


_UNSENT: Final = "state IN ('pending', 'sending')"
_ADD = write_query(
    "add_status_deliveries",
    bulk_insert(tables.status_deliveries, arrays=True, conflict="ignore"),
)
_REMOVE_DELIVERIES = text("DELETE FROM status_deliveries WHERE source = :source")
_REMOVE_WEBHOOK = text("DELETE FROM status_webhooks WHERE source = :source")
_LOCK_READY = text(f"""
    SELECT * FROM status_webhooks webhook
    WHERE state = 'active' AND (retry_at IS NULL OR retry_at <= :now) AND EXISTS (
        SELECT FROM status_deliveries
        WHERE source = webhook.source AND {_UNSENT} AND due_at <= :now)
    ORDER BY source FOR UPDATE SKIP LOCKED
""")
_CLAIM = text(f"""
    SELECT first.* FROM status_webhooks webhook, LATERAL (
        SELECT count(*) AS calls FROM status_deliveries
        WHERE source = webhook.source AND state = 'sending' AND due_at > :now
    ) AS busy, LATERAL (
        SELECT delivery.* FROM status_deliveries delivery
        WHERE delivery.source = webhook.source AND delivery.{_UNSENT} AND delivery.due_at <= :now
            AND NOT EXISTS (
                SELECT FROM status_deliveries earlier
                WHERE earlier.contact_id = delivery.contact_id AND earlier.{_UNSENT}
                    AND earlier.sequence < delivery.sequence)
            AND NOT EXISTS (
                SELECT FROM status_deliveries busy
                WHERE busy.contact_id = delivery.contact_id AND busy.state = 'sending'
                    AND busy.due_at > :now)
        ORDER BY delivery.due_at
        LIMIT greatest(
            0, CASE WHEN webhook.failures >= :failures THEN 1 ELSE :slots END - busy.calls)
        FOR UPDATE
    ) AS first
    WHERE webhook.source = ANY (CAST(:sources AS text[]))
    ORDER BY
        busy.calls + row_number() OVER (PARTITION BY first.source ORDER BY first.due_at),
        first.due_at
    LIMIT :limit
""")
_FAIL_UNREADABLE = text("""
    UPDATE status_deliveries SET state = 'failed', due_at = NULL, detail = 'its row can''t be read'
    WHERE change_id = CAST(:id AS uuid)
""")
_DISABLE = text("""
    UPDATE status_webhooks SET state = 'disabled', disabled_reason = :reason
    WHERE source = :source
""")
_HASTEN = text("""
    UPDATE status_deliveries SET due_at = :now
    WHERE source = :source AND state = 'pending' AND due_at > :now
""")
_GIVE_UP = text("""
    UPDATE status_deliveries SET state = 'failed', due_at = NULL, detail = :detail
    WHERE source = :source AND state = 'pending' AND (added_at < :before OR change_id IN (
        SELECT change_id FROM status_deliveries
        WHERE source = :source AND state IN ('pending', 'sending')
        ORDER BY added_at DESC, change_id DESC OFFSET :max_waiting))
    RETURNING change_id
""")
_REPLAY = text("""
    UPDATE status_deliveries SET state = 'pending', due_at = :now, attempts = 0, added_at = :now
    WHERE source = :source AND state IN ('delivered', 'failed')
        AND (CAST(:since AS timestamptz) IS NULL OR occurred_at >= :since)
        AND (CAST(:contact_id AS uuid) IS NULL OR contact_id = :contact_id)
    RETURNING change_id
""")
_COUNTS = text(f"""
    SELECT receiver.source, unsent.waiting, unsent.oldest, failures.failed
    FROM unnest(CAST(:sources AS text[])) AS receiver (source),
        LATERAL (
            SELECT count(*) AS waiting, min(added_at) AS oldest FROM status_deliveries
            WHERE source = receiver.source AND {_UNSENT}
        ) AS unsent,
        LATERAL (
            SELECT count(*) AS failed FROM status_deliveries
            WHERE source = receiver.source AND state = 'failed'
        ) AS failures
""")
_HAS_DUE = f"""
    SELECT EXISTS (
        SELECT FROM status_webhooks webhook JOIN status_deliveries USING (source)
        WHERE webhook.state = 'active'
            AND coalesce(retry_at, '-infinity') <= clock_timestamp() + $1
            AND status_deliveries.{_UNSENT} AND due_at <= clock_timestamp() + $1)
"""
_OLDEST_WAITING_S = f"""
    SELECT extract(epoch FROM clock_timestamp() - min(first.added_at))
    FROM status_webhooks webhook, LATERAL (
        SELECT added_at FROM status_deliveries
        WHERE source = webhook.source AND {_UNSENT} ORDER BY added_at LIMIT 1
    ) AS first
    WHERE webhook.state = 'active'
"""

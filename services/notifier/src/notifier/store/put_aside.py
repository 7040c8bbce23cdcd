"""Puts a notification aside that can't be delivered because its row can't be read or handled."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from common.contracts.decoding import ContractViolationError, from_data
from common.contracts.event import NotificationId
from common.contracts.notifications import Medium, NotificationFailed
from common.storage.dead_letters import DeadLetter, error_fields, store_dead_letter
from notifier.store.unit_of_work import UnitOfWork

_ORIGIN_PREFIX = "notification/"


async def due_ids(
    medium: Medium, now: datetime, limit: int, uow: UnitOfWork
) -> Sequence[NotificationId]:
    """Return what is due, the longest due first, without reading more of the rows."""
    values = {"medium": medium, "now": now, "limit": limit}
    rows = await uow.connection.execute(_DUE_IDS, values)
    return [NotificationId(row.id) for row in rows]


async def put_aside(notification_id: NotificationId, error: BaseException, uow: UnitOfWork) -> bool:
    """Let the notification fail, and store its row as a dead letter; False if it is not waiting.

    Its page counts as failed on this medium.
    """
    values = {"id": notification_id, "reason": error_fields(error)["reason"]}
    row = (await uow.connection.execute(_FAIL, values)).first()
    if row is None:
        return False
    # What this event needs may be what can't be read.
    with suppress(ContractViolationError):
        uow.outbox.add(_failure(row, uow.now))
    letter = DeadLetter(
        origin=f"{_ORIGIN_PREFIX}{notification_id}",
        error=error,
        payload=row.content.encode(),
        key=row.contact_id,
        type="notification",
        traceparent=row.traceparent,
    )
    return await store_dead_letter(uow.connection, letter, claimed=False)


def _failure(row: Row[Any], at: datetime) -> tuple[NotificationFailed, ...]:
    if row.kind != "page":
        return ()
    failure = from_data(
        NotificationFailed,
        {
            "contact_id": row.contact_id,
            "occurred_at": at,
            "notification_id": row.notification_id,
            "page_id": row.page_id,
            "person_id": row.person_id,
            "medium": row.medium,
            "page_media": row.page_media,
            "attempts": row.attempts,
            "reason": row.reason,
        },
    )
    return (failure,)


_DUE_IDS = text("""
    SELECT CAST(notification_id AS text) AS id FROM notifications
    WHERE medium = :medium AND state IN ('pending', 'sending') AND due_at <= :now
    ORDER BY due_at LIMIT :limit
""")
_FAIL = text("""
    UPDATE notifications SET state = 'failed', due_at = NULL, reason = :reason,
        reason_data = jsonb_build_object('code', 'unreadable'), ended_at = clock_timestamp()
    WHERE notification_id = CAST(:id AS uuid) AND state IN ('pending', 'sending', 'held_back')
    RETURNING CAST(contact_id AS text), CAST(notification_id AS text), CAST(page_id AS text),
        kind, person_id, medium, page_media, attempts, reason, traceparent,
        CAST(to_jsonb(notifications) AS text) AS content
""")

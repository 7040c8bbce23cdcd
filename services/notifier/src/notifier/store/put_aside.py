"""Puts a notification aside that can't be delivered because its row can't be read or handled."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from common.contracts.event import NotificationId
from common.contracts.notifications import Medium
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
    """Let the notification fail, and store its row as a dead letter; False if it is not waiting."""
    values = {"id": notification_id, "reason": error_fields(error)["reason"]}
    row = (await uow.connection.execute(_FAIL, values)).first()
    if row is None:
        return False
    letter = DeadLetter(
        origin=f"{_ORIGIN_PREFIX}{notification_id}",
        error=error,
        payload=row.content.encode(),
        key=row.contact_id,
        type="notification",
        traceparent=row.traceparent,
    )
    return await store_dead_letter(uow.connection, letter, claimed=False)


_DUE_IDS = text("""
    SELECT CAST(notification_id AS text) AS id FROM notifications
    WHERE medium = :medium AND state IN ('pending', 'sending') AND due_at <= :now
    ORDER BY due_at LIMIT :limit
""")
_FAIL = text("""
    UPDATE notifications SET state = 'failed', due_at = NULL, reason = :reason
    WHERE notification_id = CAST(:id AS uuid) AND state IN ('pending', 'sending', 'held_back')
    RETURNING CAST(contact_id AS text), traceparent,
        CAST(to_jsonb(notifications) AS text) AS content
""")

"""The SQL of what people write back to a message on their phone."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql

from common.contracts.event import NotificationId
from common.contracts.notifications import Action
from common.storage.connection import Connection
from notifier import tables

_REPLIES = tables.phone_replies


class PhoneReplies:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, message_id: str, number: str, at: datetime) -> bool:
        """Keep that it came; return False if it came before."""
        row = {"message_id": message_id, "number": number, "received_at": at, "hinted": False}
        insertion = postgresql.insert(_REPLIES).values(row).on_conflict_do_nothing()
        return bool(await self._connection.execute(insertion.returning(_REPLIES.c.message_id)))

    async def hint(self, message_id: str, number: str, since: datetime) -> bool:
        """Keep that a reply gets a hint; return False if one to the number had one since then."""
        earlier = select(func.count()).where(
            _REPLIES.c.number == number, _REPLIES.c.hinted, _REPLIES.c.received_at > since
        )
        if (await self._connection.execute(earlier)).scalar_one():
            return False
        hinted = _REPLIES.update().where(_REPLIES.c.message_id == message_id).values(hinted=True)
        await self._connection.execute(hinted)
        return True

    async def has_answered(self, notification_id: NotificationId, action: Action) -> bool:
        """Return whether an earlier reply was this answer to the message."""
        earlier = select(func.count()).where(
            _REPLIES.c.notification_id == notification_id, _REPLIES.c.action == action
        )
        return bool((await self._connection.execute(earlier)).scalar_one())

    async def note_answer(
        self, message_id: str, notification_id: NotificationId, action: Action
    ) -> None:
        answer = {"notification_id": notification_id, "action": action}
        of_reply = _REPLIES.update().where(_REPLIES.c.message_id == message_id)
        await self._connection.execute(of_reply.values(answer))

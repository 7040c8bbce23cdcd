"""All SQL of the notifier, and its unit of work."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ARRAY, ColumnElement, Select, Uuid, any_, bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.event import ContactId, EscalationId, NotificationId, PageId, PersonId
from common.contracts.notifications import Medium
from common.storage.bulk import bulk_insert
from common.storage.database import Database
from common.storage.rows import LockedTable
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from notifier import tables
from notifier.domain.errors import ChannelUserTakenError
from notifier.domain.escalations import Escalation
from notifier.domain.notifications import Attempt, Notification, State
from notifier.domain.recipients import Recipient

_RECIPIENT = TypeAdapter(Recipient)
_RECIPIENTS = TypeAdapter(list[Recipient])
_ATTEMPTS = TypeAdapter(list[Attempt])
_USERS = tables.channel_users
_UNSENT = ("pending", "sending")


class Recipients:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._read: dict[PersonId, Recipient | None] = {}

    async def save(self, recipient: Recipient) -> None:
        """Insert or replace it; raises ChannelUserTakenError."""
        users = [
            {"medium": address.medium, "user_id": address.user_id, "person_id": recipient.person_id}
            for address in recipient.media
            if address.user_id is not None
        ]
        rows = _RECIPIENTS.dump_json([recipient]).decode()
        await self._connection.execute(_UPSERT_RECIPIENTS, {"rows": rows})
        await self._connection.execute(
            delete(_USERS).where(_USERS.c.person_id == recipient.person_id)
        )
        if users:
            try:
                await self._connection.execute(insert(_USERS), users)
            except IntegrityError as error:
                raise ChannelUserTakenError from error

    async def get(self, person_id: PersonId) -> Recipient | None:
        if person_id not in self._read:
            self._read[person_id] = await self._first(tables.recipients.c.person_id == person_id)
        return self._read[person_id]

    async def name(self, person_id: PersonId) -> str:
        """Return the person's name, or the id while the name is unknown."""
        recipient = await self.get(person_id)
        return recipient.name if recipient else person_id

    async def of_user(self, medium: Medium, user_id: str) -> Recipient | None:
        """Return who has this user id in the channel."""
        person = select(_USERS.c.person_id).where(
            _USERS.c.medium == medium, _USERS.c.user_id == user_id
        )
        return await self._first(tables.recipients.c.person_id == person.scalar_subquery())

    async def after(self, person_id: PersonId | None, limit: int) -> list[Recipient]:
        query = select(tables.recipients).order_by(tables.recipients.c.person_id).limit(limit)
        if person_id is not None:
            query = query.where(tables.recipients.c.person_id > person_id)
        rows = await self._connection.execute(query)
        return [_RECIPIENT.validate_python(dict(row)) for row in rows.mappings()]

    async def _first(self, condition: ColumnElement[bool]) -> Recipient | None:
        rows = await self._connection.execute(select(tables.recipients).where(condition))
        row = rows.mappings().first()
        return _RECIPIENT.validate_python(dict(row)) if row else None


class Escalations(LockedTable[EscalationId, Escalation]):
    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, tables.escalations, Escalation)

    async def lock_of(self, contact_ids: Sequence[ContactId]) -> None:
        self.adopt(await self.connection.execute(_ESCALATIONS_OF, {"contacts": contact_ids}))


@dataclass(frozen=True, slots=True)
class Filter:
    contact_id: ContactId | None = None
    escalation_id: EscalationId | None = None
    person_id: PersonId | None = None
    state: State | None = None


class Notifications(LockedTable[NotificationId, Notification]):
    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, tables.notifications, Notification)
        self._pending: set[Medium] = set()

    @property
    def pending_media(self) -> frozenset[Medium]:
        """The media for which this transaction leaves something to send."""
        return frozenset(self._pending)

    def add(self, notification: Notification) -> None:
        self.mark_absent(notification.notification_id)
        self.put(notification)

    def put(self, value: Notification) -> None:
        if value.state == "pending" and value.medium is not None:
            self._pending.add(value.medium)
        super().put(value)

    async def lock_of(self, contact_ids: Sequence[ContactId]) -> None:
        self.adopt(await self.connection.execute(_NOTIFICATIONS_OF, {"contacts": contact_ids}))

    def of_escalation(self, escalation_id: EscalationId) -> list[Notification]:
        """Return those of an escalation whose contact this transaction has locked."""
        return [
            notification
            for notification in self.loaded()
            if notification.escalation_id == escalation_id
        ]

    def of_page(self, page_id: PageId) -> list[Notification]:
        """Return those of a page whose contact this transaction has locked."""
        return [notification for notification in self.loaded() if notification.page_id == page_id]

    async def claim(self, medium: Medium, now: datetime, limit: int) -> list[Notification]:
        """Lock what is due, the longest due first, but nothing that is locked already."""
        values = {"medium": medium, "now": now, "limit": limit}
        return self.adopt(await self.connection.execute(_DUE, values))

    async def latest(
        self, criteria: Filter, before: NotificationId | None, limit: int
    ) -> list[Notification]:
        query: Select[Any] = select(self.table)
        for name, value in asdict(criteria).items():
            if value is not None:
                query = query.where(self.table.c[name] == value)
        if before is not None:
            query = query.where(self.table.c.notification_id < before)
        query = query.order_by(self.table.c.notification_id.desc()).limit(limit)
        rows = await self.connection.execute(query)
        return [self.read(dict(row)) for row in rows.mappings()]


class Attempts:
    """The attempts of each notification; a later record of the same attempt replaces it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._records: dict[tuple[NotificationId, int], Attempt] = {}

    def put(self, attempts: Iterable[Attempt]) -> None:
        for attempt in attempts:
            self._records[attempt.notification_id, attempt.attempt] = attempt

    async def flush(self) -> None:
        if self._records:
            rows = _ATTEMPTS.dump_json(list(self._records.values())).decode()
            await self._connection.execute(_UPSERT_ATTEMPTS, {"rows": rows})

    async def of(
        self, notification_ids: Sequence[NotificationId]
    ) -> dict[NotificationId, list[Attempt]]:
        attempts = tables.delivery_attempts
        rows = await self._connection.execute(
            select(attempts)
            .where(attempts.c.notification_id.in_(notification_ids))
            .order_by(attempts.c.notification_id, attempts.c.attempt)
        )
        attempts_of: dict[NotificationId, list[Attempt]] = defaultdict(list)
        for row in rows.mappings():
            attempts_of[row["notification_id"]].append(Attempt(**row))
        return attempts_of


class UnitOfWork(BaseUnitOfWork):
    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        super().__init__(connection, now)
        self.recipients = Recipients(connection)
        self.escalations = Escalations(connection)
        self.notifications = Notifications(connection)
        self.attempts = Attempts(connection)

    @property
    def rows(self) -> Sequence[LockedTable[Any, Any]]:
        return (self.escalations, self.notifications)

    async def prelock(self, contact_ids: Sequence[ContactId]) -> None:
        await self.escalations.lock_of(contact_ids)
        await self.notifications.lock_of(contact_ids)

    async def flush(self) -> None:
        await super().flush()
        await self.attempts.flush()


async def time_until_due(database: Database[UnitOfWork], medium: Medium) -> timedelta | None:
    """Return how long it is until a notification is due on this medium; None if none waits."""
    left: timedelta | None = await database.fetch_value(_TIME_UNTIL_DUE, medium)
    return left


def _locked_of(table: Any, key: Any) -> Any:
    contacts = bindparam("contacts", type_=ARRAY(Uuid(as_uuid=False)))
    return select(table).where(table.c.contact_id == any_(contacts)).order_by(key).with_for_update()


_ESCALATIONS_OF = _locked_of(tables.escalations, tables.escalations.c.escalation_id)
_NOTIFICATIONS_OF = _locked_of(tables.notifications, tables.notifications.c.notification_id)
_DUE = (
    select(tables.notifications)
    .where(
        tables.notifications.c.medium == bindparam("medium"),
        tables.notifications.c.state.in_(_UNSENT),
        tables.notifications.c.due_at <= bindparam("now"),
    )
    .order_by(tables.notifications.c.due_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_TIME_UNTIL_DUE = """
    SELECT min(due_at) - clock_timestamp() FROM notifications
    WHERE medium = $1 AND state IN ('pending', 'sending')
"""
_UPSERT_RECIPIENTS = bulk_insert(tables.recipients, conflict="update")
_UPSERT_ATTEMPTS = bulk_insert(tables.delivery_attempts, conflict="update")

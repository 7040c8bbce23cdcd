"""All SQL of notifier, and its unit of work."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ARRAY, ColumnElement, Select, Uuid, any_, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.event import ContactId, EscalationId, NotificationId, PageId, PersonId
from common.contracts.notifications import Medium
from common.storage.database import Database
from common.storage.rows import LockedTable
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from notifier import tables
from notifier.domain.escalations import Escalation
from notifier.domain.notifications import Attempt, Notification, State
from notifier.domain.recipients import Recipient, SlackUserTakenError

_RECIPIENT = TypeAdapter(Recipient)
_ATTEMPTS = TypeAdapter(list[Attempt])
_UNDER_WAY = ("pending", "sending")


class Recipients:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._seen: dict[PersonId, Recipient | None] = {}

    async def save(self, recipient: Recipient) -> None:
        """Write it, whether it is new or not; raises SlackUserTaken."""
        statement = insert(tables.recipients)
        changes = {name: statement.excluded[name] for name in ("name", "media")}
        try:
            await self._connection.execute(
                statement.on_conflict_do_update(index_elements=["person_id"], set_=changes),
                asdict(recipient),
            )
        except IntegrityError as error:
            raise SlackUserTakenError from error

    async def find(self, person_id: PersonId) -> Recipient | None:
        if person_id not in self._seen:
            self._seen[person_id] = await self._one(tables.recipients.c.person_id == person_id)
        return self._seen[person_id]

    async def of_slack_user(self, user_id: str) -> Recipient | None:
        return await self._one(
            func.jsonb_path_query_first(
                tables.recipients.c.media, text("""'$[*] ? (@.medium == "slack").user_id'""")
            ).op("#>>")(text("'{}'"))
            == user_id
        )

    async def after(self, person_id: PersonId | None, limit: int) -> list[Recipient]:
        query = select(tables.recipients).order_by(tables.recipients.c.person_id).limit(limit)
        if person_id is not None:
            query = query.where(tables.recipients.c.person_id > person_id)
        rows = await self._connection.execute(query)
        return [_RECIPIENT.validate_python(dict(row)) for row in rows.mappings()]

    async def _one(self, condition: ColumnElement[bool]) -> Recipient | None:
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
        self._put_off: set[Medium] = set()

    @property
    def waiting_media(self) -> frozenset[Medium]:
        """The media for which this transaction leaves something to send."""
        return frozenset(self._put_off)

    def add(self, notification: Notification) -> None:
        self.mark_absent(notification.notification_id)
        self.put(notification)

    def put(self, value: Notification) -> None:
        if value.state == "pending" and value.medium is not None:
            self._put_off.add(value.medium)
        super().put(value)

    async def lock_of(self, contact_ids: Sequence[ContactId]) -> None:
        self.adopt(await self.connection.execute(_NOTIFICATIONS_OF, {"contacts": contact_ids}))

    def of_escalation(self, escalation_id: EscalationId) -> list[Notification]:
        """Return those of an escalation whose contact this transaction holds."""
        return [one for one in self.loaded() if one.escalation_id == escalation_id]

    def of_page(self, page_id: PageId) -> list[Notification]:
        """Return those of a page whose contact this transaction holds."""
        return [one for one in self.loaded() if one.page_id == page_id]

    async def claim(self, medium: Medium, now: datetime, limit: int) -> list[Notification]:
        """Lock what is due, the longest waiting first, leaving what another replica is at."""
        values = {"medium": medium, "now": now, "limit": limit}
        return self.adopt(await self.connection.execute(_DUE, values))

    async def look(self, notification_id: NotificationId) -> Notification | None:
        rows = await self.connection.execute(
            select(self.table).where(self.table.c.notification_id == notification_id)
        )
        row = rows.mappings().first()
        return self.read(dict(row)) if row else None

    async def latest(
        self, wanted: Filter, before: NotificationId | None, limit: int
    ) -> list[Notification]:
        query: Select[Any] = select(self.table)
        for name, value in asdict(wanted).items():
            if value is not None:
                query = query.where(self.table.c[name] == value)
        if before is not None:
            query = query.where(self.table.c.notification_id < before)
        query = query.order_by(self.table.c.notification_id.desc()).limit(limit)
        rows = await self.connection.execute(query)
        return [self.read(dict(row)) for row in rows.mappings()]


class Attempts:
    """What was tried, of each notification; a new account of the same attempt ends it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._told: dict[tuple[NotificationId, int], Attempt] = {}

    def put(self, attempts: Iterable[Attempt]) -> None:
        for one in attempts:
            self._told[one.notification_id, one.attempt] = one

    async def flush(self) -> None:
        if self._told:
            rows = _ATTEMPTS.dump_json(list(self._told.values())).decode()
            await self._connection.execute(_KEEP_ATTEMPTS, {"rows": rows})

    async def of(
        self, notification_ids: Sequence[NotificationId]
    ) -> dict[NotificationId, list[Attempt]]:
        attempts = tables.delivery_attempts
        rows = await self._connection.execute(
            select(attempts)
            .where(attempts.c.notification_id.in_(notification_ids))
            .order_by(attempts.c.notification_id, attempts.c.attempt)
        )
        found: dict[NotificationId, list[Attempt]] = defaultdict(list)
        for row in rows.mappings():
            found[row["notification_id"]].append(Attempt(**row))
        return found


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


async def until_next(database: Database[UnitOfWork], medium: Medium) -> timedelta | None:
    """Return how long it is until something is due on this medium, if anything waits at all."""
    left: timedelta | None = await database.fetch_value(_LEFT, medium)
    return left


def _held_for(table: Any, key: Any) -> Any:
    contacts = bindparam("contacts", type_=ARRAY(Uuid(as_uuid=False)))
    return select(table).where(table.c.contact_id == any_(contacts)).order_by(key).with_for_update()


_ESCALATIONS_OF = _held_for(tables.escalations, tables.escalations.c.escalation_id)
_NOTIFICATIONS_OF = _held_for(tables.notifications, tables.notifications.c.notification_id)
_DUE = (
    select(tables.notifications)
    .where(
        tables.notifications.c.medium == bindparam("medium"),
        tables.notifications.c.state.in_(_UNDER_WAY),
        tables.notifications.c.due_at <= bindparam("now"),
    )
    .order_by(tables.notifications.c.due_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_LEFT = """
    SELECT min(due_at) - clock_timestamp() FROM notifications
    WHERE medium = $1 AND state IN ('pending', 'sending')
"""
_KEEP_ATTEMPTS = text("""
    INSERT INTO delivery_attempts AS known
        (notification_id, attempt, started_at, ended_at, outcome, detail)
    SELECT notification_id, attempt, started_at, ended_at, outcome, detail
    FROM jsonb_to_recordset(CAST(CAST(:rows AS text) AS jsonb)) AS r(
        notification_id uuid, attempt integer, started_at timestamptz, ended_at timestamptz,
        outcome text, detail text)
    ON CONFLICT (notification_id, attempt) DO UPDATE SET
        ended_at = excluded.ended_at, outcome = excluded.outcome, detail = excluded.detail
""")

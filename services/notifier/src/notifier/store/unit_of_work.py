"""The SQL of messages, and the unit of work."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, get_args

from pydantic import TypeAdapter
from sqlalchemy import ARRAY, Select, Text, Uuid, any_, bindparam, case, cast, func, select
from sqlalchemy.dialects import postgresql

from common.contracts.escalations import Severity
from common.contracts.event import ContactId, EscalationId, NotificationId, PageId, PersonId
from common.contracts.notifications import Medium
from common.storage.bulk import bulk_insert
from common.storage.connection import Connection
from common.storage.database import Database
from common.storage.rows import LockedTable
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from notifier import tables
from notifier.domain.brake import MAX_HELD_PAGES, Budget
from notifier.domain.escalations import Escalation
from notifier.domain.notifications import Attempt, Notification, State
from notifier.domain.reasons import ANSWERABLE_REASONS
from notifier.store.people import RecipientChanges, Recipients, ReportingLines

_RANKS = tuple(enumerate(get_args(Severity)))
_ATTEMPTS = TypeAdapter(list[Attempt])
_UNSENT = ("pending", "sending")
# The receipts of the messages that begin a thread.
Threads = Mapping[tuple[EscalationId | None, PersonId], Mapping[str, str]]


class Escalations(LockedTable[EscalationId, Escalation]):
    def __init__(self, connection: Connection) -> None:
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
    def __init__(self, connection: Connection) -> None:
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

    async def lock_about(self, contact_id: ContactId) -> list[Notification]:
        """Return those of the contact, and the summaries that have a page about it."""
        await self.lock_of([contact_id])
        mention = {"summary": {"pages": [{"contact_id": contact_id}]}}
        summaries = select(self.table).where(self.table.c.content.contains(mention))
        ordered = summaries.order_by(self.table.c.notification_id).with_for_update()
        with_pages = self.adopt(await self.connection.execute(ordered))
        own = (value for value in self.loaded() if value.contact_id == contact_id)
        return [*own, *(value for value in with_pages if value.contact_id != contact_id)]

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

    def of_summary(self, summary_id: NotificationId) -> list[Notification]:
        """Return the pages in a summary whose contacts this transaction has locked."""
        return [
            notification for notification in self.loaded() if notification.summary_id == summary_id
        ]

    async def hasten_summary(self, notification: Notification, due_at: datetime) -> None:
        """Let the summary that waits for this page's recipient be due then, if it is due later."""
        values = {
            "medium": notification.medium,
            "person": notification.person_id,
            "due_at": due_at,
        }
        hastened = await self.connection.execute(_HASTEN_SUMMARY, values)
        if hastened and notification.medium is not None:
            self._pending.add(notification.medium)

    async def has_summary_besides(self, notification: Notification) -> bool:
        """Return whether another summary to the same person waits that will carry this page."""
        await self.flush()
        values = {
            "medium": notification.medium,
            "person": notification.person_id,
            "besides": notification.notification_id,
        }
        return bool((await self.connection.execute(_HAS_SUMMARY, values)).scalar_one())

    async def claim_held_back(
        self, summary: Notification
    ) -> tuple[list[Notification], list[tuple[NotificationId, ValueError]], int]:
        """Lock the pages that wait for this summary, the most urgent if they are too many.

        Return them, those that cannot be read, and how many of the rest wait. Pages of a summary
        that did not arrive wait for another.
        """
        # Also what this transaction has held back.
        await self.flush()
        values = {"medium": summary.medium, "person": summary.person_id}
        pages: list[Notification] = []
        unreadable = []
        for row in await self.connection.execute(_HELD_BACK, values):
            try:
                pages += self.adopt((row,))
            except ValueError as error:
                unreadable.append((NotificationId(row.notification_id), error))
        count = (await self.connection.execute(_COUNT_HELD_BACK, values)).scalar_one()
        return pages, unreadable, count - len(unreadable)

    async def claim(
        self, medium: Medium, now: datetime, limit: int, *, only: NotificationId | None = None
    ) -> list[Notification]:
        """Lock what is due, the longest due first, but nothing that is locked already."""
        values = {"medium": medium, "now": now, "limit": limit}
        statement = _DUE if only is None else _DUE.where(_N.c.notification_id == only)
        return self.adopt(await self.connection.execute(statement, values))

    async def threads(self, due: Sequence[Notification]) -> Threads:
        """Return the receipt of the first page that each person got about each escalation.

        All of `due` are on the same medium.
        """
        about = {each.escalation_id for each in due if each.kind == "page"} - {None}
        if not about:
            return {}
        values = {"medium": due[0].medium, "escalations": list(about)}
        rows = await self.connection.execute(_THREADS, values)
        return {(row.escalation_id, row.person_id): row.receipt for row in rows}

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


class Budgets(LockedTable[str, Budget]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.budgets, Budget)

    async def lock_or_add(self, keys: Iterable[str], now: datetime) -> dict[str, Budget]:
        """Lock these budgets, also new ones, in the order of their keys."""
        new = [Budget(key, changed_at=now) for key in set(keys)]
        rows = _BUDGETS.dump_json(new).decode()
        await self.connection.execute(_NEW_BUDGETS, {"rows": rows})
        await self.lock_all([budget.key for budget in new])
        return {budget.key: await self.lock(budget.key) or budget for budget in new}


class Attempts:
    """The attempts of each notification; a later record of the same attempt replaces it."""

    def __init__(self, connection: Connection) -> None:
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
    def __init__(self, connection: Connection, now: datetime) -> None:
        super().__init__(connection, now)
        self.recipients = Recipients(connection)
        self.recipient_changes = RecipientChanges(connection)
        self.reporting_lines = ReportingLines(connection)
        self.escalations = Escalations(connection)
        self.notifications = Notifications(connection)
        self.attempts = Attempts(connection)
        self.budgets = Budgets(connection)

    @property
    def rows(self) -> Sequence[LockedTable[Any, Any]]:
        return (self.escalations, self.notifications, self.budgets)

    async def prelock(self, contact_ids: Sequence[ContactId]) -> None:
        await self.escalations.lock_of(contact_ids)
        await self.notifications.lock_of(contact_ids)

    async def flush(self) -> None:
        await super().flush()
        await self.attempts.flush()


async def time_until_due(database: Database[UnitOfWork], medium: Medium) -> timedelta | None:
    """Return how long it is until a notification is due on this medium; None if none waits."""
    left: timedelta | None
    (left,) = await database.fetch_row(_TIME_UNTIL_DUE, medium)
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
_N = tables.notifications
_SUMMARIES = tables.notifications.alias("summaries")
_WAITS_FOR_SUMMARY = (
    _N.c.medium == bindparam("medium"),
    _N.c.person_id == bindparam("person"),
    _N.c.state == "held_back",
    ~select(_SUMMARIES.c.notification_id)
    .where(_SUMMARIES.c.notification_id == _N.c.summary_id, _SUMMARIES.c.state.in_(_UNSENT))
    .exists(),
)
_HAS_SUMMARY = select(
    select(_N.c.notification_id)
    .where(
        _N.c.kind == "summary",
        _N.c.state == "pending",
        _N.c.attempts == 0,
        _N.c.medium == bindparam("medium"),
        _N.c.person_id == bindparam("person"),
        _N.c.notification_id != bindparam("besides"),
    )
    .exists()
)
_HASTEN_SUMMARY = (
    _N.update()
    .where(
        _N.c.kind == "summary",
        _N.c.state == "pending",
        _N.c.attempts == 0,
        _N.c.medium == bindparam("medium"),
        _N.c.person_id == bindparam("person"),
        _N.c.due_at > bindparam("due_at"),
    )
    .values(due_at=bindparam("due_at"))
    .returning(_N.c.notification_id)
)


def _held_back() -> Select[Any]:
    """Select the first pages that wait, by turns as `brake.by_turns`."""
    content = _N.c.content
    contact = content["contact"]
    is_informing = ~content["reason"].astext.in_(ANSWERABLE_REASONS)
    is_repeat = content["is_repeat"].astext
    customer = func.coalesce(contact["customer_id"].astext, cast(_N.c.contact_id, Text))
    source = func.coalesce(contact["received_from"].astext, contact["channel"].astext, "")
    urgency = (
        case(*((content["severity"].astext == name, -rank) for rank, name in _RANKS), else_=0),
        content["respond_by"].astext.asc().nulls_last(),
        _N.c.notification_id,
    )
    turns = (
        select(
            _N.c.notification_id,
            is_informing.label("is_informing"),
            is_repeat.label("is_repeat"),
            source.label("source"),
            func.row_number()
            .over(partition_by=(is_informing, is_repeat, customer), order_by=urgency)
            .label("turn"),
            func.row_number().over(order_by=urgency).label("urgency"),
        )
        .where(*_WAITS_FOR_SUMMARY)
        .subquery()
    )
    group = (turns.c.is_informing, turns.c.is_repeat)
    turn_of_source = func.row_number().over(
        partition_by=(*group, turns.c.source), order_by=(turns.c.turn, turns.c.urgency)
    )
    first = (
        select(turns.c.notification_id)
        .order_by(*group, turn_of_source, turns.c.urgency)
        .limit(MAX_HELD_PAGES)
    )
    return (
        select(_N)
        .where(_N.c.notification_id.in_(first), _N.c.state == "held_back")
        .order_by(_N.c.notification_id)
        .with_for_update(skip_locked=True)
    )


_HELD_BACK = _held_back()
_COUNT_HELD_BACK = select(func.count()).select_from(_N).where(*_WAITS_FOR_SUMMARY)
_THREADS = (
    select(_N.c.escalation_id, _N.c.person_id, _N.c.receipt)
    .ext(postgresql.distinct_on(_N.c.escalation_id, _N.c.person_id))
    .where(
        _N.c.escalation_id == any_(bindparam("escalations", type_=ARRAY(Uuid(as_uuid=False)))),
        _N.c.medium == bindparam("medium"),
        _N.c.kind == "page",
        _N.c.state == "sent",
    )
    .order_by(_N.c.escalation_id, _N.c.person_id, _N.c.sent_at)
)
_TIME_UNTIL_DUE = """
    SELECT min(due_at) - clock_timestamp() FROM notifications
    WHERE medium = $1 AND state IN ('pending', 'sending')
"""
_NEW_BUDGETS = bulk_insert(tables.budgets, conflict="ignore")
_BUDGETS = TypeAdapter(list[Budget])
_UPSERT_ATTEMPTS = bulk_insert(tables.delivery_attempts, conflict="update")

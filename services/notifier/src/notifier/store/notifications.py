"""The SQL of notifications."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    Select,
    or_,
    select,
)

from common.contracts.event import ContactId, EscalationId, NotificationId, PageId, PersonId
from common.contracts.notifications import Action, Medium
from common.storage.connection import Connection
from common.storage.database import Database
from notifier import tables
from notifier.domain.brake import MAX_HELD_PAGES
from notifier.domain.notifications import Notification, State
from notifier.domain.reasons import ANSWERABLE_REASONS
from notifier.store import notification_statements as statements
from notifier.store.contact_rows import ContactRows, UnreadableRow

# How many calls may begin on each medium.
Slots = Mapping[Medium, int]
ThreadKey = tuple[Medium | None, EscalationId | None, PersonId]
# The receipts of the messages that begin a thread.
Threads = Mapping[ThreadKey, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Filter:
    contact_id: ContactId | None = None
    escalation_id: EscalationId | None = None
    person_id: PersonId | None = None
    state: State | None = None


class Notifications(ContactRows[NotificationId, Notification]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.notifications, Notification)
        self._pending: dict[NotificationId, Notification] = {}
        # Of pages that are new, or that say something else.
        self.people_concerned: set[PersonId] = set()
        # With its keys in the order in which they were read or put.
        self._ids_of_page: dict[PageId, dict[NotificationId, None]] = defaultdict(dict)

    @property
    def pending(self) -> Sequence[Notification]:
        """What this transaction leaves to be sent."""
        return tuple(self._pending.values())

    def add(self, notification: Notification) -> None:
        self.mark_absent(notification.notification_id)
        self.put(notification)

    def put(self, value: Notification) -> None:
        self._pending.pop(value.notification_id, None)
        if value.state == "pending":
            self._pending[value.notification_id] = value
        before = self._rows[value.notification_id]
        if value.kind == "page" and (before is None or before.content is not value.content):
            self.people_concerned.add(value.person_id)
        self._ids_of_page[value.page_id][value.notification_id] = None
        super().put(value)

    def read(self, row: Mapping[str, Any]) -> Notification:
        value = super().read(row)
        self._ids_of_page[value.page_id][value.notification_id] = None
        return value

    async def lock_parts(
        self,
        whole: Collection[ContactId],
        parts: Collection[ContactId],
        people: Collection[PersonId],
    ) -> None:
        """Lock all rows about `whole`, and of those about `parts` what goes to these people.

        One contact may have thousands of messages.
        """
        values = {"whole": list(whole), "parts": list(parts), "people": list(people)}
        self.adopt(await self.connection.execute(statements.PARTS, values))

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
        """Return those of an escalation that this transaction has locked with its contact."""
        return [
            notification
            for notification in self.loaded()
            if notification.escalation_id == escalation_id
        ]

    def of_page(self, page_id: PageId) -> list[Notification]:
        """Return those of a page whose contact this transaction has locked."""
        ids = self._ids_of_page.get(page_id, ())
        return [value for each in ids if (value := self.locked(each)) is not None]

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
        await self.connection.execute(statements.HASTEN_SUMMARY, values)

    async def summary_due_besides(self, notification: Notification) -> datetime | None:
        """Return when another summary to the same person is due that will carry this page."""
        await self.flush()
        values = {
            "medium": notification.medium,
            "person": notification.person_id,
            "besides": notification.notification_id,
        }
        due_at: datetime | None
        due_at = (await self.connection.execute(statements.SUMMARY_DUE, values)).scalar_one()
        return due_at

    async def last_summary(self, besides: Notification) -> Notification | None:
        """Return the newest summary to the same person on the same medium that was begun."""
        values = {
            "person": besides.person_id,
            "medium": besides.medium,
            "besides": besides.notification_id,
        }
        row = (await self.connection.execute(statements.LAST_SUMMARY, values)).first()
        return self.read(dict(row)) if row else None

    async def of_message(
        self, person_id: PersonId, summary_ids: Sequence[NotificationId]
    ) -> list[Notification]:
        """Return the pages that these summaries have carried to the person, without a lock."""
        values = {"person": person_id, "summaries": list(summary_ids)}
        rows = await self.connection.execute(statements.CARRIED_PAGES, values)
        return [self.read(dict(row)) for row in rows]

    async def contacts_of_summaries(self, summary_ids: Sequence[NotificationId]) -> set[ContactId]:
        """Return the contacts of the pages that these summaries carry or have carried."""
        rows = await self.connection.execute(
            statements.OF_SUMMARIES, {"summaries": list(summary_ids)}
        )
        return {ContactId(row.contact_id) for row in rows}

    async def claim_held_back(
        self, summary: Notification, most: int = MAX_HELD_PAGES
    ) -> tuple[list[Notification], list[UnreadableRow], int]:
        """Lock the pages that wait for this summary, the most urgent if they are too many.

        Return them, those that cannot be read, and how many of the rest wait. Pages of a summary
        that did not arrive wait for another.
        """
        # Also what this transaction has held back.
        await self.flush()
        values = {"medium": summary.medium, "person": summary.person_id}
        rows = await self.connection.execute(statements.HELD_BACK, values | {"most": most})
        pages, unreadable = self.adopt_readable(rows)
        count = (await self.connection.execute(statements.COUNT_HELD_BACK, values)).scalar_one()
        return pages, unreadable, count - len(unreadable)

    async def waiting_contacts(
        self, media: Sequence[Medium], now: datetime, expired: datetime, limit: int
    ) -> list[ContactId]:
        """Return the contacts of what is due on these media and waits without their reason.

        Also of pages that were first due when `expired` says.
        """
        values = {"media": list(media), "now": now, "expired": expired, "limit": limit}
        rows = await self.connection.execute(statements.WAITING_CONTACTS, values)
        return sorted({ContactId(row.contact_id) for row in rows})

    async def contacts_without_receipt(self, now: datetime, limit: int) -> list[ContactId]:
        """Return the contacts of messages whose receipt is overdue, and of pages in summaries."""
        values = {"now": now, "limit": limit}
        rows = list(await self.connection.execute(statements.WITHOUT_RECEIPT, values))
        contact_ids = {ContactId(row.contact_id) for row in rows}
        summaries = [NotificationId(row.notification_id) for row in rows if row.kind == "summary"]
        if summaries:
            contact_ids |= await self.contacts_of_summaries(summaries)
        return sorted(contact_ids)

    async def forget_receipts(self, notification_ids: Sequence[NotificationId]) -> None:
        """Wait no longer for the receipts of these messages."""
        values = {"ids": list(notification_ids)}
        await self.connection.execute(statements.FORGET_RECEIPTS, values)

    async def claim(
        self,
        slots: Slots,
        now: datetime,
        *,
        only: NotificationId | None = None,
        by_urgency: bool = False,
    ) -> list[Notification]:
        """Lock what is due, the longest due first, but nothing that is locked already.

        `by_urgency`: the most severe first, then what must be answered soonest.
        """
        values = {"media": list(slots), "slots": list(slots.values()), "now": now, "only": only}
        statement = statements.DUE_BY_URGENCY if by_urgency else statements.DUE
        return self.adopt(await self.connection.execute(statement, values))

    async def threads(self, due: Iterable[Notification], media: Collection[Medium]) -> Threads:
        """Return the receipt of the first page that each person got about each escalation."""
        pages = [each for each in due if each.kind == "page" and each.medium in media]
        escalations = {each.escalation_id for each in pages} - {None}
        if not escalations:
            return {}
        values = {
            "media": list(media),
            "escalations": list(escalations),
            "people": list({each.person_id for each in pages}),
        }
        rows = await self.connection.execute(statements.THREADS, values)
        return {(row.medium, row.escalation_id, row.person_id): row.receipt for row in rows}

    def loaded_threads(self) -> Threads:
        """Return the same for the contacts that this transaction has locked."""
        sent = [each for each in self.loaded() if each.kind == "page" and each.sent_at]
        first: dict[ThreadKey, Notification] = {}
        for page in sorted(sent, key=attrgetter("sent_at")):
            if page.state == "sent":
                first.setdefault((page.medium, page.escalation_id, page.person_id), page)
        return {key: page.receipt or {} for key, page in first.items()}

    async def newest_asking(
        self, person_id: PersonId, medium: Medium, since: datetime
    ) -> Notification | None:
        """Return the newest message on this medium that asks the person for an answer."""
        query = self._asking(person_id, medium, since).limit(1)
        row = (await self.connection.execute(query)).first()
        return self.read(dict(row)) if row else None

    async def newest_waiting(
        self, person_id: PersonId, medium: Medium, number: str, action: Action, since: datetime
    ) -> Notification | None:
        """Return the newest message to the number that waits for this answer of its owner."""
        escalations, replies = tables.escalations, tables.phone_replies
        answered = select(replies.c.message_id).where(
            replies.c.notification_id == self.table.c.notification_id, replies.c.action == action
        )
        query = (
            self._asking(person_id, medium, since)
            .join(escalations, escalations.c.escalation_id == self.table.c.escalation_id)
            .where(
                self.table.c.address["details"]["number"].astext == number,
                or_(escalations.c.state == "raised", escalations.c.by == person_id),
                escalations.c.state.in_(("raised", "acknowledged")),
                ~answered.exists(),
            )
            .limit(1)
        )
        row = (await self.connection.execute(query)).first()
        return self.read(dict(row)) if row else None

    def _asking(self, person_id: PersonId, medium: Medium | None, since: datetime) -> Select[Any]:
        """Select the messages that ask the person for an answer, the newest first."""
        return (
            select(self.table)
            .where(
                self.table.c.person_id == person_id,
                self.table.c.medium == medium,
                self.table.c.kind == "page",
                self.table.c.state == "sent",
                self.table.c.sent_at > since,
                self.table.c.escalation_id.is_not(None),
                self.table.c.content["reason"].astext.in_(ANSWERABLE_REASONS),
            )
            .order_by(self.table.c.notification_id.desc())
        )

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
        return [self.read(dict(row)) for row in rows]


async def time_until_due(database: Database[Any], media: Sequence[Medium]) -> timedelta | None:
    """Return how long it is until a notification is due on these media; None if none waits."""
    left: timedelta | None
    (left,) = await database.fetch_row(statements.TIME_UNTIL_DUE, media)
    return left

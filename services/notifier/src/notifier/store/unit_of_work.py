"""The unit of work, and the SQL of what belongs to notifications."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from msgspec.structs import astuple, replace
from sqlalchemy import select

from common.contracts.escalations import EscalationRaised, PageRequested
from common.contracts.event import (
    ContactEvent,
    ContactId,
    EscalationId,
    Event,
    NotificationId,
    PersonId,
)
from common.contracts.statuses import ContactStatusChanged
from common.messages import Timer
from common.storage.bulk import bulk_insert, columns_to_arrays
from common.storage.connection import Connection
from common.storage.erasure import erase_published
from common.storage.rows import LockedTable
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from common.storage.writes import Write, write_query
from notifier import tables
from notifier.domain.brake import Budget
from notifier.domain.delivery_rules import StepsBySeverity
from notifier.domain.escalations import Escalation
from notifier.domain.notifications import Attempt
from notifier.store.contact_rows import ContactRows, UnreadableRow
from notifier.store.home_tabs import HomeTabs
from notifier.store.mail_stops import MailStops
from notifier.store.maintenance import MaintenanceWindows
from notifier.store.message_templates import MessageTemplates
from notifier.store.notifications import Notifications
from notifier.store.people import OwnRequests, RecipientChanges, Recipients, ReportingLines
from notifier.store.phone_replies import PhoneReplies
from notifier.store.status_webhooks import StatusDeliveries, StatusWebhooks
from notifier.store.write_backs import CaseWrites, WriteBacks


class Escalations(ContactRows[EscalationId, Escalation]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.escalations, Escalation)
        self.put_ids: set[EscalationId] = set()
        self.holders: set[PersonId] = set()

    def put(self, value: Escalation) -> None:
        before = self._rows[value.escalation_id]
        self.holders |= {each.holder for each in (before, value) if each and each.holder}
        self.put_ids.add(value.escalation_id)
        super().put(value)

    async def lock_about(
        self, escalation_id: EscalationId, contact_id: ContactId
    ) -> Escalation | None:
        """As `lock`; without a query where all rows about its contact are locked."""
        if contact_id in self.locked_contacts and self.is_unknown(escalation_id):
            self.mark_absent(escalation_id)
        return await self.lock(escalation_id)

    async def forget_cases(self, contact_id: ContactId) -> list[Escalation]:
        """Forget where the contact came from; return the escalations that knew it."""
        await self.lock_of([contact_id])
        escalations = [
            each for each in self.loaded() if each.contact_id == contact_id and each.external_ref
        ]
        for escalation in escalations:
            self.put(replace(escalation, external_ref=None))
        return escalations


class Budgets(LockedTable[str, Budget]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.budgets, Budget)

    async def lock_or_add(self, keys: Iterable[str], now: datetime) -> dict[str, Budget]:
        """Lock these budgets, also new ones, in the order of their keys."""
        new = [Budget(key, changed_at=now) for key in set(keys)]
        await self.connection.execute(_NEW_BUDGETS, self.to_parameters(new))
        await self.lock_all([budget.key for budget in new])
        return {budget.key: await self.lock(budget.key) or budget for budget in new}


class Attempts:
    """The attempts that have ended; a later record of the same attempt replaces it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._records: dict[tuple[NotificationId, int], Attempt] = {}

    def put(self, attempts: Iterable[Attempt]) -> None:
        for attempt in attempts:
            self._records[attempt.notification_id, attempt.attempt] = attempt

    def writes(self) -> Iterator[Write]:
        if self._records:
            rows = map(astuple, self._records.values())
            yield Write(_UPSERT_ATTEMPTS, columns_to_arrays(Attempt.__struct_fields__, rows))

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
        for row in rows:
            attempts_of[row["notification_id"]].append(Attempt(**row))
        return attempts_of


class UnitOfWork(BaseUnitOfWork):
    def __init__(
        self,
        connection: Connection,
        now: datetime,
        default_steps: StepsBySeverity = MappingProxyType({}),
    ) -> None:
        """`default_steps`: of people who have chosen none for a severity."""
        super().__init__(connection, now)
        self.default_steps = default_steps
        self.recipients = Recipients(connection)
        self.recipient_changes = RecipientChanges(connection)
        self.own_requests = OwnRequests(connection)
        self.reporting_lines = ReportingLines(connection)
        self.escalations = Escalations(connection)
        self.notifications = Notifications(connection)
        self.attempts = Attempts(connection)
        self.phone_replies = PhoneReplies(connection)
        self.budgets = Budgets(connection)
        self.maintenance = MaintenanceWindows(connection)
        self.status_webhooks = StatusWebhooks(connection)
        self.status_deliveries = StatusDeliveries(connection)
        self.write_backs = WriteBacks(connection)
        self.case_writes = CaseWrites(connection)
        self.mail_stops = MailStops(connection)
        self.home_tabs = HomeTabs(connection)
        self.message_templates = MessageTemplates(connection)

    @property
    def rows(self) -> Sequence[LockedTable[Any, Any]]:
        return (
            self.escalations,
            self.notifications,
            self.budgets,
            self.maintenance,
            self.home_tabs,
            self.own_requests,
            self.status_webhooks,
            self.status_deliveries,
            self.write_backs,
            self.case_writes,
        )

    async def erase_notes(self, contact_id: ContactId) -> None:
        """Erase what people wrote with their answers about this contact."""
        await erase_published(self.connection, (contact_id,), words=_NOTES)

    def people_concerned(self) -> set[PersonId]:
        """Return who may see something else in a list of what waits for them or is theirs."""
        changed = self.escalations.put_ids
        addressees = {
            each.person_id
            for each in (self.notifications.loaded() if changed else ())
            if each.escalation_id in changed
        }
        return addressees | self.escalations.holders | self.notifications.people_concerned

    async def prelock(self, contact_ids: Sequence[ContactId]) -> None:
        """Lock the escalations of a batch; `preload` locks as many notifications as it needs."""
        await self.escalations.lock_of(contact_ids)

    async def preload(self, messages: Sequence[Event | Timer]) -> None:
        pages = [message for message in messages if isinstance(message, PageRequested)]
        people = {page.person_id for page in pages}
        whole = {
            message.contact_id
            for message in messages
            if isinstance(message, ContactEvent) and not isinstance(message, _OF_ONE_PERSON)
        }
        # Somebody holds it: the messages of all say so until a page asks again.
        whole |= {each.contact_id for each in self.escalations.loaded() if each.by}
        parts = {page.contact_id for page in pages} - whole
        if whole or parts:
            await self.notifications.lock_parts(whole, parts, people)
        await self.recipients.get_all(people)
        sources = {each.source for each in messages if isinstance(each, ContactStatusChanged)}
        if sources:
            await self.status_webhooks.of_systems(sources)

    async def lock_contacts(self, contact_ids: Sequence[ContactId]) -> None:
        """Lock the escalations and the notifications of these contacts."""
        await self.escalations.lock_of(contact_ids)
        await self.notifications.lock_of(contact_ids)

    async def lock_readable(self, contact_ids: Sequence[ContactId]) -> list[UnreadableRow]:
        """As `lock_contacts`, but return the notifications that can't be read.

        An escalation that can't be read is as one that is not known.
        """
        await self.escalations.lock_readable(contact_ids)
        return await self.notifications.lock_readable(contact_ids)

    async def lock_messages(
        self, contact_ids: Sequence[ContactId], people: Collection[PersonId]
    ) -> None:
        """Lock the escalations of these contacts, and the notifications to these people."""
        await self.escalations.lock_of(contact_ids)
        await self.notifications.lock_parts((), contact_ids, people)

    async def writes(self) -> list[Write]:
        return [
            *await super().writes(),
            *self.attempts.writes(),
            *self.status_deliveries.new_writes(),
        ]


_NOTES: Final = frozenset({"note"})
# What they change goes to one person, or is no message.
_OF_ONE_PERSON: Final = (PageRequested, EscalationRaised, ContactStatusChanged)
_NEW_BUDGETS = bulk_insert(tables.budgets, arrays=True, conflict="ignore")
_UPSERT_ATTEMPTS = write_query(
    "upsert_attempts", bulk_insert(tables.delivery_attempts, arrays=True, conflict="update")
)

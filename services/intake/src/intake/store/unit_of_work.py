"""The unit of work of intake."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from common.contracts.assignments import ContactAssigned
from common.contracts.event import ContactId, Event
from common.messages import Timer
from common.storage.connection import Connection
from common.storage.rows import LockedTable
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from common.storage.writes import Write
from intake.connection_secrets import ConnectionSecrets
from intake.store.case_reads import CaseReads
from intake.store.connection_names import ConnectionNames
from intake.store.connections import ChannelActivity, ChannelConnections
from intake.store.contacts import Contacts
from intake.store.customer_export import CustomerExport
from intake.store.customer_merges import CustomerMerges
from intake.store.customer_views import CustomerViews
from intake.store.customers import Customers
from intake.store.erasure import Erasure
from intake.store.idempotency_keys import IdempotencyKeys
from intake.store.mailboxes import Mailboxes
from intake.store.messages import ContactHistory, Messages
from intake.store.past_contacts import PastContacts
from intake.store.rate_limits import RateLimitWindows
from intake.store.representatives import ContactRepresentatives
from intake.store.sign_ins import SignIns
from intake.store.statuses import StatusChanges, StatusSources
from intake.store.surveys import Surveys

_WITHOUT_KEYS: Final = ConnectionSecrets()


class UnitOfWork(BaseUnitOfWork):
    rows_lock_keys = True

    def __init__(
        self,
        connection: Connection,
        now: datetime,
        secrets: ConnectionSecrets = _WITHOUT_KEYS,
        status_sources: StatusSources | None = None,
    ) -> None:
        super().__init__(connection, now)
        self.status_changes = StatusChanges(
            connection, status_sources or StatusSources(), self.outbox
        )
        self.contacts = Contacts(connection)
        self.customers = Customers(connection, now)
        self.customer_merges = CustomerMerges(connection)
        self.customer_views = CustomerViews(connection)
        self.messages = Messages(connection)
        self.contact_history = ContactHistory(connection)
        self.contact_representatives = ContactRepresentatives(connection)
        self.surveys = Surveys(connection)
        self.idempotency_keys = IdempotencyKeys(connection)
        self.channel_connections = ChannelConnections(connection, secrets)
        self.channel_activity = ChannelActivity(connection)
        self.rate_limit_windows = RateLimitWindows(connection)
        self.connection_names = ConnectionNames(connection)
        self.mailboxes = Mailboxes(connection, now)
        self.sign_ins = SignIns(connection, now)
        self.case_reads = CaseReads(connection, now)
        self.erasure = Erasure(connection)
        self.customer_export = CustomerExport(connection)
        self.past_contacts = PastContacts(connection)

    @property
    def rows(self) -> Sequence[LockedTable[Any, Any]]:
        return (self.contacts,)

    async def prelock(self, contact_ids: Sequence[ContactId]) -> None:
        await self.contacts.lock_all(contact_ids)

    async def preload(self, messages: Sequence[Event | Timer]) -> None:
        """Lock the contacts that tell of their assignment: a projection has locked none."""
        assigned = [each.contact_id for each in messages if isinstance(each, ContactAssigned)]
        if assigned:
            await self.contacts.lock_all(await self.status_changes.wanted_of(assigned))

    async def writes(self) -> list[Write]:
        await self.status_changes.publish()
        return [
            *await super().writes(),
            *self.messages.writes(),
            *self.contact_history.writes(),
        ]

    async def flush(self) -> None:
        await super().flush()
        # It looks whether the contacts are there.
        await self.contact_representatives.flush()

"""One transaction of escalation: its tables, locked and written together."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.event import ContactId
from common.storage.rows import LockedTable
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from escalation.domain.errors import ContactNotFoundError
from escalation.domain.situation import Situation
from escalation.store.audit_trail import AuditTrail
from escalation.store.contacts import TrackedContacts
from escalation.store.duty_gaps import AnnouncedGaps
from escalation.store.escalations import Escalations
from escalation.store.events import ConsumedEvents
from escalation.store.queries import EscalationQueries
from escalation.store.settings import SettingVersions
from escalation.store.timer_check import TimerSnapshots


class UnitOfWork(BaseUnitOfWork):
    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        super().__init__(connection, now)
        self.contacts = TrackedContacts(connection)
        self.escalations = Escalations(connection)
        self.settings = SettingVersions(connection)
        self.consumed_events = ConsumedEvents(connection)
        self.audit_trail = AuditTrail(connection)
        self.announced_gaps = AnnouncedGaps(connection)
        self.timer_snapshots = TimerSnapshots(connection)
        self.queries = EscalationQueries(connection)

    @property
    def rows(self) -> Sequence[LockedTable[Any, Any]]:
        return (self.contacts, self.escalations)

    async def prelock(self, contact_ids: Sequence[ContactId]) -> None:
        """Lock the contacts, then their open escalations; a contact's lock covers both."""
        await self.contacts.insert_missing(contact_ids)
        await self.contacts.lock_all(contact_ids)
        escalation_ids = (contact.escalation_id for contact in self.contacts.loaded())
        await self.escalations.lock_all(
            [escalation_id for escalation_id in escalation_ids if escalation_id is not None]
        )

    async def flush(self) -> None:
        await super().flush()
        await self.consumed_events.flush()
        await self.audit_trail.flush()

    async def situation(self, contact_id: ContactId) -> Situation:
        """Lock and return everything that a decision about the contact needs."""
        contact = await self.contacts.lock(contact_id)
        if contact is None:
            raise ContactNotFoundError
        escalation = None
        if contact.escalation_id is not None:
            escalation = await self.escalations.lock(contact.escalation_id)
        return Situation(contact, escalation, await self.settings.in_force(), self.now)

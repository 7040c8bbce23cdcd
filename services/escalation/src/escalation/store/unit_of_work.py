"""One transaction of escalation: its tables, locked and written together."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from common.contracts.clocks import ClockPaused
from common.contracts.event import ContactId, EscalationId
from common.storage.connection import Connection
from common.storage.erasure import erase_published, erase_unwritten
from common.storage.rows import LockedTable
from common.storage.tables import published_events
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from common.storage.writes import Write
from escalation.domain.clocks.thresholds import warned_representative
from escalation.domain.errors import ContactNotFoundError, EscalationNotFoundError
from escalation.domain.model import Escalation, TrackedContact
from escalation.domain.situation import Decide, Decision, Situation
from escalation.domain.visibility import Viewer
from escalation.store.audit_trail import AuditTrail
from escalation.store.change_requests import ChangeRequests
from escalation.store.complaints import Complaints
from escalation.store.contacts import TrackedContacts
from escalation.store.dependents import OpenWork
from escalation.store.due_clocks import DueClocks
from escalation.store.duty_gaps import AnnouncedGaps
from escalation.store.duty_history import DutyHistories
from escalation.store.escalations import Escalations
from escalation.store.events import ConsumedEvents
from escalation.store.grants import Grants
from escalation.store.presences import Presences
from escalation.store.queries import EscalationQueries
from escalation.store.settings import SettingVersions
from escalation.store.simulation_jobs import SimulationJobs
from escalation.store.staff import StaffStore
from escalation.store.timer_check import TimerSnapshots


class UnitOfWork(BaseUnitOfWork):
    rows_lock_keys = True

    def __init__(self, connection: Connection, now: datetime) -> None:
        super().__init__(connection, now)
        self.contacts = TrackedContacts(connection)
        self.escalations = Escalations(connection)
        self.change_requests = ChangeRequests(connection)
        self.grants = Grants(connection)
        self.complaints = Complaints(connection)
        self.settings = SettingVersions(connection)
        self.presences = Presences(connection)
        self.staff = StaffStore(connection)
        self.open_work = OpenWork(connection)
        self.consumed_events = ConsumedEvents(connection)
        self.audit_trail = AuditTrail(connection)
        self.announced_gaps = AnnouncedGaps(connection)
        self.duty_histories = DutyHistories(connection)
        self.timer_snapshots = TimerSnapshots(connection)
        self.queries = EscalationQueries(connection)
        self.simulations = SimulationJobs(connection)
        self.due_clocks = DueClocks(connection)

    @property
    def rows(self) -> Sequence[LockedTable[Any, Any]]:
        return (self.contacts, self.escalations, self.complaints)

    @property
    def new_contacts(self) -> Collection[ContactId]:
        return self.contacts.new_keys

    async def prelock(self, contact_ids: Sequence[ContactId]) -> None:
        """Lock the contacts, then their open escalations; a contact's lock covers both."""
        if not contact_ids:
            return
        await self.settings.use(await self.contacts.lock_or_add(contact_ids))
        escalation_ids = (contact.escalation_id for contact in self.contacts.loaded())
        await self.escalations.lock_all(
            [escalation_id for escalation_id in escalation_ids if escalation_id is not None]
        )

    async def writes(self) -> list[Write]:
        return [
            *await super().writes(),
            *self.consumed_events.writes(),
            *self.audit_trail.writes(),
            *self.grants.writes(),
        ]

    async def erase_words_of(self, contact_id: ContactId) -> None:
        """Erase the words in published events, and the stored answers that show the contact.

        A clock is ended or moved for a reason that people gave; it pauses for one of ours, which
        the stored clock has too.
        """
        other_than_pauses = published_events.c.type != ClockPaused.type
        await erase_published(self.connection, [contact_id], other_than_pauses)
        erase_unwritten(self.outbox, contact_id, (ClockPaused.type,))

    async def visible_escalation(
        self, escalation_id: UUID | EscalationId, viewer: Viewer
    ) -> tuple[Escalation, TrackedContact]:
        """Return it with its contact, unlocked; what the viewer may not see is not found."""
        escalation = await self.escalations.get(EscalationId(str(escalation_id)))
        if escalation is None:
            raise EscalationNotFoundError
        contact = await self.contacts.get(escalation.contact_id)
        configuration = await self.settings.in_force()
        if contact is None or not viewer.sees(escalation, contact, configuration):
            raise EscalationNotFoundError
        return escalation, contact

    async def visible_contact(self, contact_id: ContactId, viewer: Viewer) -> TrackedContact:
        """Return it unlocked, also if the viewer is a supervisor whom its escalations concern."""
        contact = await self.contacts.get(contact_id)
        if contact is None:
            raise ContactNotFoundError
        if viewer.sees_contact(contact, await self.settings.in_force()):
            return contact
        if viewer.is_scoped and await self.escalations.concern(viewer.person, contact_id):
            return contact
        raise ContactNotFoundError

    async def situation(self, contact_id: ContactId) -> Situation:
        """Lock and return everything that a decision about the contact needs."""
        if self.contacts.is_unknown(contact_id):
            await self.settings.use(await self.contacts.lock_with_revision((contact_id,)))
        contact = await self.contacts.lock(contact_id)
        if contact is None:
            raise ContactNotFoundError
        escalation = None
        if contact.escalation_id is not None:
            escalation = await self.escalations.lock(contact.escalation_id)
        return Situation(contact, escalation, await self.settings.in_force(), self.now)

    async def decide(self, decide: Decide, situation: Situation) -> Decision:
        """Decide; if that warns a representative who is offline, decide again knowing it."""
        decision = decide(situation)
        warned = warned_representative(decision)
        offline = await self.presences.offline((warned,)) if warned else None
        return decide(replace(situation, offline=offline)) if offline else decision

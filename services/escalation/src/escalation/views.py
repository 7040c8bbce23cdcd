"""What a reader sees of escalations: each with its contact, why it is there, what may be done."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.storage.database import Database
from escalation.domain.audit_trail import Step
from escalation.domain.escalations.permissions import Permission, permissions_of
from escalation.domain.model import OPEN_STATES, Escalation, TrackedContact
from escalation.domain.money import Grant
from escalation.domain.settings.people import MAX_WINDOW_DAYS
from escalation.domain.situation import Situation
from escalation.domain.visibility import Viewer
from escalation.store.unit_of_work import UnitOfWork
from escalation.stream.records import StreamEvent
from escalation.stream.snapshots import ReadSnapshot, Snapshot


@dataclass(frozen=True, slots=True)
class EscalationView:
    """An escalation as it is at a time; representatives get neither step nor permissions."""

    escalation: Escalation
    contact: TrackedContact
    viewer: Viewer
    at: datetime
    latest_step: Step | None = None
    permissions: tuple[Permission, ...] = ()


async def view(
    escalation: Escalation, contact: TrackedContact, viewer: Viewer, uow: UnitOfWork
) -> EscalationView:
    (shown,) = await _view_each([(escalation, contact)], viewer, uow)
    return shown


async def view_all(
    escalations: Sequence[Escalation], viewer: Viewer, uow: UnitOfWork
) -> list[EscalationView]:
    """Return a view of each, as this transaction has it, by a few statements for all."""
    contacts = await uow.contacts.get_all(escalation.contact_id for escalation in escalations)
    of_each = [(escalation, contacts[escalation.contact_id]) for escalation in escalations]
    return await _view_each(of_each, viewer, uow)


async def _view_each(
    of_each: Sequence[tuple[Escalation, TrackedContact]], viewer: Viewer, uow: UnitOfWork
) -> list[EscalationView]:
    if viewer.is_representative:
        return [EscalationView(*each, viewer, uow.now) for each in of_each]
    steps = await uow.audit_trail.latest_steps([each.escalation_id for each, _ in of_each])
    configuration = await uow.settings.in_force()
    grants = await _grants_before(of_each, uow)
    views = []
    for escalation, contact in of_each:
        situation = Situation(
            contact,
            escalation if escalation.state in OPEN_STATES else None,
            configuration,
            uow.now,
            grants=tuple(grant for grant in grants if _counts_for(contact, grant)),
        )
        permissions = permissions_of(situation, escalation, viewer.person, viewer.role)
        step = steps.get(escalation.escalation_id)
        views.append(EscalationView(escalation, contact, viewer, uow.now, step, permissions))
    return views


async def _grants_before(
    of_each: Iterable[tuple[Escalation, TrackedContact]], uow: UnitOfWork
) -> tuple[Grant, ...]:
    """Return what was granted where an approval is asked for, which counts for limits."""
    contacts = [contact for escalation, contact in of_each if escalation.approval is not None]
    if not contacts:
        return ()
    customers = {contact.customer_id for contact in contacts if contact.customer_id is not None}
    return await uow.grants.of_all(
        (contact.contact_id for contact in contacts),
        customers,
        uow.now - timedelta(days=MAX_WINDOW_DAYS),
    )


def _counts_for(contact: TrackedContact, grant: Grant) -> bool:
    return grant.contact_id == contact.contact_id or (
        grant.customer_id is not None and grant.customer_id == contact.customer_id
    )


def snapshot_reader(database: Database[UnitOfWork]) -> ReadSnapshot:
    async def read(events: Collection[StreamEvent]) -> Snapshot:
        async with database.transaction() as uow:
            contacts = await uow.contacts.get_all(event.contact_id for event in events)
            of_contacts = (contact.escalation_id for contact in contacts.values())
            of_events = (event.escalation_id for event in events)
            escalation_ids = {id_ for id_ in (*of_contacts, *of_events) if id_ is not None}
            escalations = await uow.escalations.get_all(escalation_ids)
            return Snapshot(escalations, contacts, await uow.settings.in_force(), uow.now)

    return read

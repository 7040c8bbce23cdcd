"""What a chat tells of its customer besides words: that they left, or are here."""

from datetime import timedelta

from common.contracts.event import ContactId
from common.messages import Cancel, Schedule
from intake import use_cases
from intake.domain import contacts
from intake.domain.actors import Actor
from intake.domain.timers import CustomerAbsenceDue
from intake.store import UnitOfWork


async def leave(
    contact_id: ContactId, abandon_after: timedelta, actor: Actor, uow: UnitOfWork
) -> None:
    """Wait so long for the customer to come back; of a contact that has ended, for nothing."""
    contact = await use_cases.get_to_change(contact_id, actor, uow)
    if contacts.is_ended(contact):
        return
    timer = CustomerAbsenceDue(contact_id=contact_id, left_at=uow.now, reported_by=actor.system)
    uow.timers.set((Schedule(timer, uow.now + abandon_after),))


async def be_here(contact_id: ContactId, actor: Actor, uow: UnitOfWork) -> None:
    """Stop waiting for a customer who had left; for any other, nothing is locked or written."""
    await use_cases.get_to_read(contact_id, actor, uow)
    if not await uow.contacts.is_customer_away(contact_id):
        return
    await use_cases.get_to_change(contact_id, actor, uow)
    uow.timers.set((Cancel(contact_id, CustomerAbsenceDue.__name__),))

"""What intake does when a customer is to be erased: for the API and for the command line."""

from dataclasses import replace

from common.contracts.event import ContactId, CustomerId
from common.core.ids import new_id
from common.storage.database import Database
from intake.domain import erasure
from intake.domain.actors import Actor
from intake.domain.errors import CustomerNotFoundError
from intake.handlers import record
from intake.store import UnitOfWork
from intake.store.erasure import ErasureRecord

# So many contacts in one transaction.
_BATCH = 100


async def erase_customer(
    customer_id: CustomerId, actor: Actor, database: Database[UnitOfWork]
) -> ErasureRecord:
    """Erase names, addresses and words of the customer and of all who are merged with it.

    Raises CustomerNotFoundError. What comes of this customer later is stored again.
    """
    async with database.transaction() as uow:
        # Who is merged at the same time is erased too, or is another customer.
        await uow.customer_merges.lock()
        customer_ids = await uow.erasure.erase_customer(customer_id)
        if not customer_ids:
            raise CustomerNotFoundError
        begun = ErasureRecord(
            erasure_id=new_id(),
            customer_id=customer_id,
            customers=len(customer_ids),
            contacts=0,
            by=actor.person_id,
            reported_by=actor.system,
            at=uow.now,
        )
        await uow.erasure.begin(begun)
    count, after = 0, None
    while True:
        async with database.transaction() as uow:
            contact_ids = await uow.erasure.contacts_of(customer_ids, after, _BATCH)
            await _erase_contacts(contact_ids, actor, uow)
            count += len(contact_ids)
            if len(contact_ids) < _BATCH:
                await uow.erasure.complete(begun, count, uow.now)
                return replace(begun, contacts=count, completed_at=uow.now)
        after = contact_ids[-1]


async def _erase_contacts(contact_ids: list[ContactId], actor: Actor, uow: UnitOfWork) -> None:
    await uow.contacts.lock_all(contact_ids)
    for contact_id in contact_ids:
        contact = await uow.contacts.lock(contact_id)
        if contact is not None:
            record(erasure.erase_contact(contact, actor, uow.now), uow)
    await uow.erasure.erase_words_of(contact_ids)

"""What intake does when a customer is to be erased: for the API and for the command line."""

from common.contracts.event import CustomerId
from common.storage.database import Database
from intake.domain import erasure
from intake.domain.actors import Actor
from intake.domain.errors import CustomerNotFoundError
from intake.handlers import record
from intake.store import UnitOfWork

# So many contacts in one transaction.
_BATCH = 100


async def erase_customer(
    customer_id: CustomerId, actor: Actor, database: Database[UnitOfWork]
) -> int:
    """Erase the customer's name and words; return how many contacts the customer has.

    Raises CustomerNotFoundError. What comes of this customer later is stored again.
    """
    async with database.transaction() as uow:
        if not await uow.erasure.erase_customer(customer_id):
            raise CustomerNotFoundError
    count, after = 0, None
    while True:
        async with database.transaction() as uow:
            contact_ids = await uow.erasure.contacts_of(customer_id, after, _BATCH)
            await uow.contacts.lock_all(contact_ids)
            for contact_id in contact_ids:
                contact = await uow.contacts.lock(contact_id)
                if contact is not None:
                    record(erasure.erase_contact(contact, actor, uow.now), uow)
            await uow.erasure.erase_words_of(contact_ids)
        count += len(contact_ids)
        if len(contact_ids) < _BATCH:
            return count
        after = contact_ids[-1]

"""Which earlier contact a new one follows: the one that the channel names, or else the latest."""

from datetime import timedelta

from common.contracts.event import ContactId
from intake.domain.customers import CustomerStatement
from intake.domain.errors import EarlierContactNotFoundError
from intake.domain.transitions import is_ended
from intake.store import UnitOfWork


async def choose_earlier_contact(
    named: ContactId | None,
    within: timedelta,
    customer: CustomerStatement,
    topic: str,
    uow: UnitOfWork,
) -> ContactId | None:
    """Return the contact that the channel names, or the customer's latest one of the topic.

    `Customers.describe` has looked for the latest one. Raises EarlierContactNotFoundError unless
    the one that is named is a contact of the customer.
    """
    if named is not None:
        earlier = await uow.contacts.get(named)
        if earlier is None:
            raise EarlierContactNotFoundError
        if not await uow.customers.are_same(earlier.customer_id, customer.customer_id):
            raise EarlierContactNotFoundError
        return named
    if not within:
        return None
    # The database does not have what this transaction made.
    made = uow.customers.made_contact(customer, topic)
    contact = None if made is None else await uow.contacts.get(made)
    if contact is not None and not is_ended(contact.state):
        return made
    return uow.customers.recent_contact(customer, topic)

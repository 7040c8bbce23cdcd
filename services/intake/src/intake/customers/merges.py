"""What intake does when a person merges customers, or undoes that: load, decide, record."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from common.contracts.contacts import ContactCustomerChanged
from common.contracts.event import ContactId, CustomerId
from common.core.ids import new_id
from intake.domain import customer_merges
from intake.domain.actors import Actor
from intake.domain.customer_merges import CustomerLink, Links, MergeDecision
from intake.domain.errors import StaleCustomerError, TooManyContactsError
from intake.store import UnitOfWork
from intake.store.customer_merges import MergeRecord

# Each publishes an event, all in one transaction.
MAX_CONTACTS: Final = 5000


@dataclass(frozen=True, slots=True)
class LinkCustomer:
    """Merge a customer `into` another one, or undo the merge if that is None.

    `versions` are those in which the caller has read the customer; None accepts any.
    """

    customer_id: CustomerId
    into: CustomerId | None
    reason: str
    versions: Container[int] | None = None


async def link_customer(command: LinkCustomer, actor: Actor, uow: UnitOfWork) -> CustomerLink:
    """Merge or unmerge a customer; return it as it is then. The same again changes nothing."""
    await uow.customer_merges.lock()
    links, decision = await _decide(command, uow)
    before = links[command.customer_id]
    if not decision.changed:
        return before
    if command.versions is not None and before.version not in command.versions:
        raise StaleCustomerError
    moved = [link.customer_id for link in decision.moved]
    record = MergeRecord(
        new_id(),
        command.customer_id,
        command.into or before.merged_into or command.customer_id,
        "unmerged" if command.into is None else "merged",
        command.reason,
        actor.person_id,
        actor.system,
        uow.now,
    )
    await uow.customer_merges.save(decision.changed, record)
    await _publish(await _lock_contacts(moved, uow), moved, actor, uow)
    return next(link for link in decision.changed if link.customer_id == command.customer_id)


async def _decide(command: LinkCustomer, uow: UnitOfWork) -> tuple[Links, MergeDecision]:
    """Decide, with the customers who move locked: no contact of theirs comes meanwhile."""
    named = (command.customer_id, *([command.into] if command.into else ()))
    links = await uow.customer_merges.links(named)
    while True:
        decision = _link(links, command)
        moved = [link.customer_id for link in decision.moved]
        # The contacts first, as events of channels lock them before their customers.
        await uow.contacts.lock_all(await uow.customer_merges.contacts_of(moved, MAX_CONTACTS))
        await uow.customer_merges.lock_customers(moved)
        # A new customer may have joined one of them until that one was locked.
        latest = await uow.customer_merges.links(named)
        if latest == links:
            return links, decision
        links = latest


def _link(links: Links, command: LinkCustomer) -> MergeDecision:
    if command.into is None:
        return customer_merges.unmerge(links, command.customer_id)
    return customer_merges.merge(links, command.customer_id, command.into)


async def _lock_contacts(
    moved: Sequence[CustomerId], uow: UnitOfWork
) -> Mapping[ContactId, CustomerId]:
    contacts = await uow.customer_merges.contacts_of(moved, MAX_CONTACTS + 1)
    if len(contacts) > MAX_CONTACTS:
        raise TooManyContactsError(MAX_CONTACTS)
    await uow.contacts.lock_all(contacts)
    return contacts


async def _publish(
    contacts: Mapping[ContactId, CustomerId],
    moved: Sequence[CustomerId],
    actor: Actor,
    uow: UnitOfWork,
) -> None:
    """Say of each contact whose it is now."""
    customers = await uow.customer_merges.as_published(moved)
    uow.outbox.add(
        ContactCustomerChanged(
            contact_id=contact_id,
            occurred_at=uow.now,
            customer=customers[customer_id],
            by=actor.person_id,
            reported_by=actor.system,
        )
        for contact_id, customer_id in contacts.items()
    )

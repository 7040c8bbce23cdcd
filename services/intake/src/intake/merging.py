"""Merges that outside systems report, in whatever order.

None leads back to its contact, and what the customer still asked for goes on in the target.
"""

from msgspec.structs import replace

from common.contracts.event import ContactId
from intake import use_cases
from intake.domain.actors import Actor
from intake.domain.model import Contact, Decision
from intake.handlers import get_or_raise, record
from intake.store import UnitOfWork


async def point_to_target(contact: Contact, target_id: ContactId, uow: UnitOfWork) -> None:
    """Let the merged contact say where its work goes on.

    If that closes a circle, the newest merge of the circle says it no longer: the rest is the same
    in any order. Locks out other merges, which could close a circle together with this one.
    """
    await uow.contacts.lock_merges(contact.received_from)
    pointing = replace(contact, merged_into=target_id)
    record(Decision(pointing), uow)
    circle = await _circle(pointing, uow)
    if circle:
        newest = max(circle, key=lambda each: (each.latest["merged"], each.contact_id))
        locked = await get_or_raise(newest.contact_id, uow)
        record(Decision(replace(locked, merged_into=None)), uow)


async def hand_over(before: Contact, actor: Actor, uow: UnitOfWork) -> None:
    """Let the target take over what the customer asked for, if an event has changed that.

    The target of another customer takes over nothing: the words are not for it.
    """
    contact = await get_or_raise(before.contact_id, uow)
    if contact.merged_into is None or _wishes(contact) == _wishes(before):
        return
    target = await _last_target(contact, uow)
    if target is None:
        return
    if not await uow.customers.are_same(target.customer_id, contact.customer_id):
        return
    await use_cases.take_over(target, contact, actor, uow)


async def _last_target(contact: Contact, uow: UnitOfWork) -> Contact | None:
    """Return where the work goes on, at the end of a chain of merges; None if it was deleted."""
    target: Contact | None = contact
    while target is not None and target.merged_into is not None:
        target = await uow.contacts.lock(target.merged_into)
    return target


def _wishes(contact: Contact) -> tuple[object, ...]:
    return (
        contact.merged_into,
        contact.priority,
        contact.supervisor_quote,
        contact.supervisor_question,
    )


async def _circle(contact: Contact, uow: UnitOfWork) -> list[Contact]:
    """Return the contacts of the circle that leads back to this one; none if it leads on."""
    path, next_id = {contact.contact_id: contact}, contact.merged_into
    while next_id is not None and next_id not in path:
        following = await uow.contacts.get(next_id)
        if following is None:
            return []
        path[next_id] = following
        next_id = following.merged_into
    return list(path.values()) if next_id == contact.contact_id else []

"""What intake does when a channel sends a contact: a new one, or more about a known one."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from msgspec.structs import replace

from common.contracts.event import SystemName
from intake import use_cases
from intake.domain import receipts
from intake.domain.actors import Actor
from intake.domain.errors import OtherCustomerError
from intake.domain.model import Contact, IdempotencyKey
from intake.domain.receipts import Receipt
from intake.handlers import get_or_raise
from intake.idempotency import claim_keys, take_claim
from intake.store import UnitOfWork
from intake.use_cases import ReceiveContact


@dataclass(frozen=True, slots=True)
class ReceiveRequest:
    """A contact to take in, and the key under which the request may come again.

    `states_priority`: the priority is the channel's own, and no default.
    """

    command: ReceiveContact
    key: IdempotencyKey | None
    states_priority: bool = True


async def prepare(requests: Sequence[ReceiveRequest], uow: UnitOfWork) -> None:
    """Claim the keys of a batch, lock its earlier contacts and write its customers."""
    keyed = [
        (request.key, _stored(_created(request.command))) for request in requests if request.key
    ]
    await claim_keys(keyed, uow)
    first = [request for request in requests if uow.idempotency_keys.may_be_first(request.key)]
    commands = [request.command for request in first]
    within = max((command.follows_within for command in commands), default=timedelta(0))
    # Contacts before customers, as everywhere.
    await _lock_earlier_contacts(commands, uow)
    await uow.customers.describe([command.customer for command in commands], within)


async def _lock_earlier_contacts(commands: Sequence[ReceiveContact], uow: UnitOfWork) -> None:
    """Lock them all at once: two batches that lock one after the other would deadlock."""
    refs: dict[SystemName, set[str]] = defaultdict(set)
    for command in commands:
        if command.external_ref is not None:
            refs[command.received_from].add(command.external_ref)
    earlier = [
        contact_id
        for system in sorted(refs)
        for contact_id in (await uow.contacts.find_external(system, refs[system])).values()
    ]
    await uow.contacts.lock_all(earlier)


async def receive_request(request: ReceiveRequest, uow: UnitOfWork) -> Receipt:
    """Take in a contact, or return what the same request did before."""
    if request.key is None:
        return await receive(request, uow)
    # `prepare` has claimed it, with the receipt of a new contact.
    earlier = take_claim(request.key, uow)
    if earlier is not None:
        return replace(msgspec.json.decode(earlier, type=Receipt), replayed=True)
    receipt = await receive(request, uow)
    if receipt.outcome != "created":
        await uow.idempotency_keys.replace_result(request.key, _stored(receipt))
    return receipt


async def receive(request: ReceiveRequest, uow: UnitOfWork) -> Receipt:
    """Take in a contact; if the channel sent one of this reference before, add to that."""
    command = request.command
    if command.external_ref is not None:
        ref = command.external_ref
        earlier = (await uow.contacts.find_external(command.received_from, [ref])).get(ref)
        if earlier is not None:
            return await _add(request, await get_or_raise(earlier, uow), uow)
    await use_cases.receive_new(command, uow)
    return _created(command)


async def _add(request: ReceiveRequest, contact: Contact, uow: UnitOfWork) -> Receipt:
    """Add what the request says to its contact; what it says again is not added again."""
    command, contact_id = request.command, contact.contact_id
    # `prepare` has written what it says of the customer.
    if not await uow.customers.are_same(contact.customer_id, command.customer.customer_id):
        raise OtherCustomerError
    written = await uow.messages.first_and_latest_of_customer(contact_id) if command.text else ()
    repeats = command.text in written
    new_text = None if repeats else command.text
    if new_text is not None:
        await use_cases.write_text(contact_id, new_text, command, uow)
    stated = command.priority if request.states_priority else contact.priority
    if priority := receipts.priority_to_take_up(contact, stated, repeats=repeats):
        actor = Actor("received", system=command.received_from)
        await use_cases.prioritize(contact_id, priority, "as the channel states", actor, uow)
    return Receipt(
        contact_id,
        priority or contact.priority,
        outcome="added" if new_text or priority else "unchanged",
        message_id=command.message_id if new_text else None,
        supervisor_requested=new_text is not None and command.asks_for_supervisor,
    )


def _created(command: ReceiveContact) -> Receipt:
    return Receipt(
        command.contact_id,
        command.priority,
        message_id=None if command.text is None else command.message_id,
        supervisor_requested=command.asks_for_supervisor,
    )


def _stored(receipt: Receipt) -> str:
    return msgspec.json.encode(receipt).decode()

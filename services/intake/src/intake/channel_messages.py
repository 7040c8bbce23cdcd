"""The messages of outside systems: each is one message here, however often it is reported."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from common.contracts.event import ContactId, MessageId, PersonId, SystemName
from common.core.ids import derived_id, new_id
from intake import use_cases
from intake.domain import contacts, text_signs
from intake.domain.model import Author, Contact, Message, Moment
from intake.domain.state import BEGINNING
from intake.domain.text_signs import NO_SIGNS, TextSigns
from intake.store import UnitOfWork

# A first message and its repetition are written at the same time, but for two clocks.
_REPETITION_WITHIN: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message of an outside system, with clean text."""

    author: Author
    text: str
    system: SystemName
    person_id: PersonId | None = None
    automatic: bool = False
    internal: bool = False
    asks_for_supervisor: bool = False
    signs: TextSigns = NO_SIGNS
    external_id: str | None = None
    written_at: datetime | None = None


async def add_first(contact: Contact, message: NewMessage, moment: Moment, uow: UnitOfWork) -> None:
    """Add the message that stands in the contact itself, unless it is known.

    One that a representative wrote for the customer is no reply: the customer has asked nothing.
    """
    message_id = _first_message_id(contact.contact_id)
    if await uow.messages.get(contact.contact_id, message_id) is not None:
        return
    written_at = min(message.written_at or moment.at, moment.at)
    stored = _message(contact, message, message_id, written_at)
    near = await uow.messages.list_near(stored, _REPETITION_WITHIN)
    if any(_is_repetition(stored, each) for each in near):
        return
    uow.messages.add(stored)
    if message.author == "representative":
        return
    # Whatever happened to the contact, it happened after its first message.
    written = Moment(BEGINNING)
    asks = message.asks_for_supervisor
    decision = contacts.add_message(contact, stored, written, asks_for_supervisor=asks)
    decision = text_signs.note(decision, stored, message.signs)
    await use_cases.record_change(decision, uow)


async def add(contact: Contact, message: NewMessage, moment: Moment, uow: UnitOfWork) -> None:
    """Add a message, unless it is known by its id or as the contact's first message."""
    stored = _message(contact, message, MessageId(new_id()), moment.at)
    if await _is_known(stored, uow):
        return
    uow.messages.add(stored)
    asks = message.asks_for_supervisor
    decision = contacts.add_message(contact, stored, moment, asks_for_supervisor=asks)
    decision = text_signs.note(decision, stored, message.signs)
    await use_cases.record_change(decision, uow)


async def load_known(messages: Iterable[tuple[ContactId, NewMessage]], uow: UnitOfWork) -> None:
    """Look, with one statement, for the messages that `add_first` and `add` would look for."""
    messages = list(messages)
    await uow.messages.load(
        {(contact_id, _first_message_id(contact_id)) for contact_id, _ in messages},
        {
            (contact_id, message.external_id)
            for contact_id, message in messages
            if message.external_id is not None
        },
    )


async def _is_known(message: Message, uow: UnitOfWork) -> bool:
    if message.external_id is None:
        return False
    contact_id = message.contact_id
    if await uow.messages.get_external(contact_id, message.external_id) is not None:
        return True
    first = await uow.messages.get(contact_id, _first_message_id(contact_id))
    if first is None or first.external_id is not None or not _is_repetition(first, message):
        return False
    await uow.messages.name(first, message.external_id)
    return True


def _is_repetition(first: Message, message: Message) -> bool:
    is_same_text = first.text.split() == message.text.split()
    is_near = abs(first.at - message.at) <= _REPETITION_WITHIN
    return is_same_text and is_near and first.author == message.author


def _first_message_id(contact_id: ContactId) -> MessageId:
    return MessageId(derived_id(contact_id, "first message"))


def _message(contact: Contact, message: NewMessage, message_id: MessageId, at: datetime) -> Message:
    return Message(
        message_id=message_id,
        contact_id=contact.contact_id,
        author=message.author,
        person_id=message.person_id,
        text=message.text,
        at=at,
        automatic=message.automatic,
        reported_by=message.system,
        internal=message.internal,
        external_id=message.external_id,
    )

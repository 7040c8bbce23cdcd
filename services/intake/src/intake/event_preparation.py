"""The events of outside systems with their texts cleaned and read, before the transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, assert_never

from common.contracts.event import PersonId, SystemName, TeamId
from common.core.text import one_line, plain_text
from intake.channel_messages import NewMessage
from intake.channels.base import (
    ChannelEvent,
    CustomerMessageAdded,
    ExternalContact,
    FirstMessage,
    RepresentativeMessageAdded,
)
from intake.domain.customers import CustomerNamespaces
from intake.domain.model import ChannelConnection
from intake.domain.understanding.signs import SignReader
from intake.text_reading import TextReading, fill, read_needs, read_text
from intake.use_cases import ReceiveContact

_LINE_CHARACTERS: Final = 300
_TEXT_CHARACTERS: Final = 100_000


@dataclass(frozen=True, slots=True)
class PreparedEvent:
    """An event whose texts have been read, so that its transaction is short.

    `first` is the message in the contact itself, and `message` the one that the event adds.
    """

    event: ChannelEvent
    contact: ReceiveContact
    first: NewMessage | None = None
    message: NewMessage | None = None


def prepare_events(
    connection: ChannelConnection,
    events: Iterable[ChannelEvent],
    namespaces: CustomerNamespaces,
    signs: SignReader,
) -> list[PreparedEvent]:
    """Clean and read the texts of the events; call it before the transaction."""
    return [_prepare(connection, event, namespaces, signs) for event in events]


def _prepare(
    connection: ChannelConnection,
    event: ChannelEvent,
    namespaces: CustomerNamespaces,
    signs: SignReader,
) -> PreparedEvent:
    contact, first = event.contact, event.contact.first_message
    text = text_of(first.text) if first is not None else ""
    by_customer = first is not None and first.author == "customer"
    reading = read_text(text if by_customer else None, signs)
    return PreparedEvent(
        event,
        _new_contact(connection, contact, reading, namespaces, signs),
        _first_message(connection, first, text, reading) if first and text.strip() else None,
        _read_message(connection, event, signs),
    )


def _new_contact(
    connection: ChannelConnection,
    contact: ExternalContact,
    reading: TextReading,
    namespaces: CustomerNamespaces,
    signs: SignReader,
) -> ReceiveContact:
    needs, customer = fill(read_needs(contact), reading, signs), contact.customer
    customer = customer._replace(
        name=_line(customer.name),
        region=_line(customer.region),
        default_tier=contact.default_tier,
    )
    team = _line(contact.team)
    return ReceiveContact(
        received_from=connection.system,
        channel=contact.channel,
        customer=namespaces.scope(connection.system, customer),
        subject=line_of(contact.subject) or contact.ref,
        **needs._asdict(),
        campaign=_line(contact.campaign),
        team=TeamId(team) if team else None,
        external_ref=contact.ref,
        follows_within=namespaces.follows_within,
        state=contact.state,
    )


def _first_message(
    connection: ChannelConnection, first: FirstMessage, text: str, reading: TextReading
) -> NewMessage:
    return NewMessage(
        author=first.author,
        text=text,
        system=connection.system,
        person_id=person_of(connection.system, first.account),
        internal=first.internal,
        asks_for_supervisor=reading.asks_for_supervisor,
        signs=reading.signs,
        written_at=first.written_at,
    )


def _read_message(
    connection: ChannelConnection, event: ChannelEvent, signs: SignReader
) -> NewMessage | None:
    if not isinstance(event, CustomerMessageAdded | RepresentativeMessageAdded):
        return None
    message = NewMessage(
        author="customer",
        text=text_of(event.text),
        system=connection.system,
        automatic=event.automatic,
        external_id=event.message_ref,
    )
    match event:
        case CustomerMessageAdded():
            reading = read_text(None if event.automatic else message.text, signs)
            asks = reading.asks_for_supervisor
            return replace(message, asks_for_supervisor=asks, signs=reading.signs)
        case RepresentativeMessageAdded():
            person = person_of(connection.system, event.account)
            return replace(
                message, author="representative", person_id=person, internal=event.internal
            )
        case _:
            assert_never(event)


def person_of(system: SystemName, account: str | None) -> PersonId | None:
    """Name a person of an outside system: two systems may have the same account."""
    return PersonId(f"{system}:{account}") if account else None


def _line(text: str | None) -> str | None:
    return None if text is None else line_of(text)


def line_of(text: str) -> str:
    return one_line(text[: 2 * _LINE_CHARACTERS])[:_LINE_CHARACTERS]


def text_of(text: str) -> str:
    return plain_text(text[:_TEXT_CHARACTERS])

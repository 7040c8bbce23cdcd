"""The screen of one escalation: all that a person needs to decide about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from console.views import words
from console.views.clocks import ClockRow, clock_rows
from console.views.reader import Reader
from console.views.reasons import (
    CauseDetail,
    Reason,
    cause_details,
    circumstances,
    rule_sentences,
)
from console.views.rows import Row, make_row
from console.views.story import Recipient, Step, recipients, story


@dataclass(frozen=True, slots=True)
class Message:
    """`is_customer` sets it apart; `files` have a name, and a link if it is one of the web."""

    author: str
    is_customer: bool
    at_text: str
    text: str
    notes: tuple[str, ...]
    files: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """An approval that is asked for."""

    person: str
    outcome: str
    amount: str
    note: str
    at_text: str
    level: str


@dataclass(frozen=True, slots=True)
class EscalationView:
    """None stands for what the service did not answer, and `missing` names those services."""

    row: Row
    level: str
    ladder: str | None
    causes: tuple[CauseDetail, ...]
    circumstances: tuple[Reason, ...]
    messages: tuple[Message, ...] | None
    clocks: tuple[ClockRow, ...] | None
    steps: tuple[Step, ...]
    has_more_steps: bool
    recipients: tuple[Recipient, ...] | None
    request: Request | None
    ending: str | None
    earlier: tuple["EarlierContact", ...] | None
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EarlierContact:
    at_text: str
    subject: str
    topic: str
    state: str


@dataclass(frozen=True, slots=True)
class EscalationData:
    """What the services answered; None for one that did not."""

    escalation: Mapping[str, Any]
    contact: Mapping[str, Any] | None = None
    clocks: Mapping[str, Any] | None = None
    notifications: Sequence[Mapping[str, Any]] | None = None
    customer_contacts: Sequence[Mapping[str, Any]] | None = None


def escalation_view(data: EscalationData, missing: Sequence[str], reader: Reader) -> EscalationView:
    escalation = data.escalation
    return EscalationView(
        row=make_row(escalation, reader),
        level=escalation["level_name"],
        ladder=escalation["ladder"],
        causes=cause_details(escalation, reader),
        circumstances=tuple(circumstances(escalation, reader)),
        messages=None if data.contact is None else _messages(data.contact, reader),
        clocks=None if data.clocks is None else clock_rows(data.clocks, reader),
        steps=story(
            escalation["events"],
            data.notifications or (),
            rule_sentences(escalation, reader),
            reader,
        ),
        has_more_steps=escalation["next_cursor"] is not None,
        recipients=None if data.notifications is None else recipients(data.notifications, reader),
        request=_request(escalation, reader),
        ending=_ending(escalation, reader),
        earlier=_earlier(data, reader),
        missing=words.service_names(missing, reader.texts),
    )


def _messages(contact: Mapping[str, Any], reader: Reader) -> tuple[Message, ...]:
    return tuple(_message(message, reader) for message in contact["messages"])


def _message(message: Mapping[str, Any], reader: Reader) -> Message:
    _ = reader.texts.gettext
    is_customer = message["author"] == "customer"
    author = _(words.AUTHORS[message["author"]])
    if not is_customer and message["person_id"] is not None:
        author = reader.name(message["person_id"])
    notes = (
        (_("written by a machine"), message["automatic"]),
        (_("the customer does not see it"), message["internal"]),
    )
    return Message(
        author=author,
        is_customer=is_customer,
        at_text=reader.time(message["at"]),
        text=message["text"],
        notes=tuple(note for note, applies in notes if applies),
        files=tuple((file["name"], _web_link(file["url"])) for file in message["attachments"]),
    )


def _web_link(url: str | None) -> str | None:
    """Return None for a link that would run a script, and for a file without an address."""
    return url if url and url.startswith(("https://", "http://")) else None


def _request(escalation: Mapping[str, Any], reader: Reader) -> Request | None:
    approval = escalation["approval"]
    if approval is None:
        return None
    return Request(
        person=reader.name(approval["asked_by"]),
        outcome=reader.texts.gettext(words.OUTCOMES[approval["outcome"]]),
        amount=reader.texts.amount(Decimal(approval["amount"]), approval["currency"]),
        note=approval["note"],
        at_text=reader.time(approval["asked_at"]),
        level=approval["level_name"],
    )


def _ending(escalation: Mapping[str, Any], reader: Reader) -> str | None:
    """Say how it ended: `resolved 10:32: Refund €49.00`; None while it is open."""
    if escalation["closed_at"] is None:
        return None
    texts = reader.texts
    state = texts.gettext(words.STATES[escalation["state"]])
    closed = f"{state} {reader.time(escalation['closed_at'])}"
    if escalation["outcome"] is None:
        return closed
    outcome = texts.gettext(words.OUTCOMES[escalation["outcome"]])
    if escalation["amount"] is not None:
        outcome += f" {texts.amount(escalation['amount'], escalation['currency'])}"
    return f"{closed}: {outcome}"


def _earlier(data: EscalationData, reader: Reader) -> tuple[EarlierContact, ...] | None:
    if data.customer_contacts is None:
        return None
    return tuple(
        EarlierContact(
            at_text=reader.time(contact["received_at"]),
            subject=contact["subject"],
            topic=words.title_of(contact["topic"]),
            state=reader.texts.gettext(words.CONTACT_STATES[contact["state"]]),
        )
        for contact in data.customer_contacts
        if contact["contact_id"] != data.escalation["contact_id"]
    )

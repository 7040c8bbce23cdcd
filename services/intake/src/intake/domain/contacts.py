"""A contact's life as its channel sees it."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from common.contracts.contacts import (
    Channel,
    ContactPrioritized,
    ContactReceived,
    ContactReopened,
    ContactResolved,
    Customer,
    CustomerWrote,
    FeedbackReceived,
    Priority,
    RepresentativeReplied,
    SupervisorRequested,
    WaitingOnCustomer,
)
from common.contracts.event import ContactId, CustomerId, Event, MessageId, PersonId

State = Literal["open", "waiting_on_customer", "resolved"]
Author = Literal["customer", "representative"]
EscalationState = Literal[
    "raised", "acknowledged", "taken_over", "handed_back", "resolved", "closed"
]

_EXCERPT = 200


class WrongStateError(Exception):
    """The contact is in a state that does not allow this."""

    def __init__(self, state: State, wanted: str) -> None:
        super().__init__(f"The contact is {state.replace('_', ' ')}; it can't be {wanted}.")
        self.state = state


@dataclass(frozen=True, slots=True)
class EscalationView:
    """What the channel may show of an escalation."""

    state: EscalationState
    level: str | None
    by: PersonId | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Contact:
    contact_id: ContactId
    state: State
    channel: Channel
    connection: str | None
    external_ref: str | None
    customer_id: CustomerId
    subject: str
    topic: str
    language: str
    priority: Priority
    received_at: datetime
    campaign: str | None = None
    resolved_at: datetime | None = None
    escalation: EscalationView | None = None


@dataclass(frozen=True, slots=True)
class Message:
    message_id: MessageId
    contact_id: ContactId
    author: Author
    person_id: PersonId | None
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    contact: Contact
    events: tuple[Event, ...] = ()


def receive(contact: Contact, customer: Customer) -> Decision:
    received = ContactReceived(
        contact_id=contact.contact_id,
        occurred_at=contact.received_at,
        channel=contact.channel,
        connection=contact.connection,
        external_ref=contact.external_ref,
        customer=customer,
        subject=contact.subject,
        topic_of_contact=contact.topic,
        language=contact.language,
        priority=contact.priority,
        campaign=contact.campaign,
    )
    return Decision(contact, (received,))


def write(contact: Contact, message: Message) -> Decision:
    """Add a message. A customer who writes to a resolved contact reopens it."""
    match message.author:
        case "customer":
            return _customer_wrote(contact, message)
        case "representative":
            return _representative_replied(contact, message)


def _customer_wrote(contact: Contact, message: Message) -> Decision:
    opened = _open(contact, "the customer wrote again", message.at)
    wrote = CustomerWrote(
        contact_id=contact.contact_id,
        occurred_at=message.at,
        message_id=message.message_id,
        excerpt=message.text[:_EXCERPT],
    )
    asked = _asked(contact, message.text, message.at) if asks_for_supervisor(message.text) else ()
    return Decision(opened.contact, (*opened.events, wrote, *asked))


def _representative_replied(contact: Contact, message: Message) -> Decision:
    if contact.state == "resolved":
        raise WrongStateError(contact.state, "replied to")
    replied = RepresentativeReplied(
        contact_id=contact.contact_id,
        occurred_at=message.at,
        message_id=message.message_id,
        person_id=message.person_id,
    )
    return Decision(contact, (replied,))


def request_supervisor(contact: Contact, quote: str, at: datetime) -> Decision:
    """The customer may always ask for someone higher, also when we thought that we were done."""
    opened = _open(contact, "the customer asked for a supervisor", at)
    return Decision(opened.contact, (*opened.events, *_asked(contact, quote, at)))


def wait_for_customer(contact: Contact, at: datetime) -> Decision:
    if contact.state != "open":
        raise WrongStateError(contact.state, "set to wait")
    waiting = WaitingOnCustomer(contact_id=contact.contact_id, occurred_at=at)
    return Decision(replace(contact, state="waiting_on_customer"), (waiting,))


def resolve(contact: Contact, by: PersonId | None, note: str | None, at: datetime) -> Decision:
    if contact.state == "resolved":
        raise WrongStateError(contact.state, "resolved again")
    resolved = ContactResolved(contact_id=contact.contact_id, occurred_at=at, by=by, note=note)
    return Decision(replace(contact, state="resolved", resolved_at=at), (resolved,))


def reopen(contact: Contact, reason: str, at: datetime) -> Decision:
    if contact.state != "resolved":
        raise WrongStateError(contact.state, "reopened")
    return _open(contact, reason, at)


def prioritize(
    contact: Contact, priority: Priority, because: str, by: PersonId | None, at: datetime
) -> Decision:
    """Change how urgent it is; the priority that it has already changes nothing."""
    if contact.state == "resolved":
        raise WrongStateError(contact.state, "given another priority")
    if contact.priority == priority:
        return Decision(contact)
    prioritized = ContactPrioritized(
        contact_id=contact.contact_id, occurred_at=at, priority=priority, reason=because, by=by
    )
    return Decision(replace(contact, priority=priority), (prioritized,))


def prioritize_by_rule(
    contact: Contact, priority: Priority, because: str, at: datetime
) -> Decision:
    """Do as a promise's threshold asks, unless the contact was resolved meanwhile."""
    if contact.state == "resolved":
        return Decision(contact)
    return prioritize(contact, priority, because, None, at)


def give_feedback(contact: Contact, score: int, comment: str | None, at: datetime) -> Decision:
    if contact.state != "resolved":
        raise WrongStateError(contact.state, "rated")
    feedback = FeedbackReceived(
        contact_id=contact.contact_id, occurred_at=at, score=score, comment=comment
    )
    return Decision(contact, (feedback,))


def show_escalation(contact: Contact, view: EscalationView) -> Decision:
    return Decision(replace(contact, escalation=view))


def finish_upstairs(contact: Contact, by: PersonId, note: str, view: EscalationView) -> Decision:
    """What was resolved upstairs is resolved for the customer."""
    shown = replace(contact, escalation=view)
    if contact.state == "resolved":
        return Decision(shown)
    return resolve(shown, by, note, view.at)


def _open(contact: Contact, because: str, at: datetime) -> Decision:
    match contact.state:
        case "open":
            return Decision(contact)
        case "waiting_on_customer":
            return Decision(replace(contact, state="open"))
        case "resolved":
            reopened = ContactReopened(
                contact_id=contact.contact_id, occurred_at=at, reason=because
            )
            return Decision(replace(contact, state="open", resolved_at=None), (reopened,))


def _asked(contact: Contact, quote: str, at: datetime) -> tuple[SupervisorRequested]:
    return (
        SupervisorRequested(contact_id=contact.contact_id, occurred_at=at, quote=quote[:_EXCERPT]),
    )


def asks_for_supervisor(text: str) -> bool:
    """Tell whether the words ask for someone higher; to miss one is worse than to ask once more."""
    return any(pattern.search(text) for pattern in _ASKS)


_HIGHER = {
    "en": r"supervisor|manager|team\s*lead(er)?|your\s+(boss|superior)"
    r"|someone\s+(higher|senior|in\s+charge)",
    "de": r"vorgesetzte[rn]?|teamleiter(in)?|filialleiter(in)?|ihre[nm]?\s+chef",
    "es": r"supervisor[a]?|gerente|encargad[oa]|su\s+(jefe|jefa|superior)",
    "fr": r"superviseur[e]?|responsable|votre\s+(chef|supérieur|manager)",
}
_WANT = {
    "en": r"(speak|talk|get|put|want|like|need|let|escalat|connect|transfer|where|call|pass)",
    "de": r"(sprech|reden|möchte|will|verlang|verbind|geben|holen)",
    "es": r"(hablar|quiero|quisiera|necesito|p[aá]s[ae]|comuni|exijo)",
    "fr": r"(parler|veux|voudrais|souhaite|passe|exige|besoin)",
}
_ASKS = tuple(
    re.compile(rf"\b{_WANT[language]}\w*\b.{{0,60}}\b({higher})\b", re.IGNORECASE | re.DOTALL)
    for language, higher in _HIGHER.items()
)

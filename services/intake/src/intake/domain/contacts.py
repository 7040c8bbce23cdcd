"""A contact's life: received, answered, resolved or abandoned, and opened again."""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from common.contracts.contacts import (
    ContactAbandoned,
    ContactPrioritized,
    ContactReceived,
    ContactReopened,
    ContactResolved,
    Customer,
    CustomerWrote,
    Priority,
    RepresentativeReplied,
    SupervisorRequested,
    WaitingOnCustomer,
)
from common.core.text import one_line
from intake.domain.actors import NOBODY, Actor
from intake.domain.errors import WrongStateError
from intake.domain.model import Contact, Decision, Message

_EXCERPT_CHARACTERS = 200


def receive(contact: Contact, customer: Customer) -> Decision:
    received = ContactReceived(
        contact_id=contact.contact_id,
        occurred_at=contact.received_at,
        channel=contact.channel,
        received_from=contact.received_from,
        external_ref=contact.external_ref,
        customer=customer,
        subject=contact.subject,
        topic_of_contact=contact.topic,
        language=contact.language,
        priority=contact.priority,
        campaign=contact.campaign,
        follows=contact.follows,
    )
    return Decision(contact, (received,))


def write(contact: Contact, message: Message, *, asks_for_supervisor: bool = False) -> Decision:
    """Add a message. A customer who writes to a resolved or abandoned contact reopens it."""
    match message.author:
        case "customer":
            return _customer_wrote(contact, message, asks_for_supervisor=asks_for_supervisor)
        case "representative":
            return _representative_replied(contact, message)
        case _:
            assert_never(message.author)


def _customer_wrote(contact: Contact, message: Message, *, asks_for_supervisor: bool) -> Decision:
    opened = _ensure_open(contact, "the customer wrote again", NOBODY, message.at)
    wrote = CustomerWrote(
        contact_id=contact.contact_id,
        occurred_at=message.at,
        message_id=message.message_id,
        excerpt=_excerpt(message.text),
    )
    events = (*opened.events, wrote)
    if asks_for_supervisor:
        events = (*events, _supervisor_requested(contact, message.text, message.at))
    return Decision(opened.contact, events)


def _representative_replied(contact: Contact, message: Message) -> Decision:
    if is_ended(contact):
        raise WrongStateError(contact.state, "replied to")
    replied = RepresentativeReplied(
        contact_id=contact.contact_id,
        occurred_at=message.at,
        message_id=message.message_id,
        person_id=message.person_id,
        reported_by=message.reported_by,
        automatic=message.automatic,
    )
    return Decision(contact, (replied,))


def request_supervisor(contact: Contact, quote: str, at: datetime) -> Decision:
    """Customers may always ask for a supervisor; a resolved or abandoned contact is reopened."""
    opened = _ensure_open(contact, "the customer asked for a supervisor", NOBODY, at)
    requested = _supervisor_requested(contact, quote, at)
    return Decision(opened.contact, (*opened.events, requested))


def wait_for_customer(contact: Contact, at: datetime) -> Decision:
    if contact.state != "open":
        raise WrongStateError(contact.state, "set to wait")
    waiting = WaitingOnCustomer(contact_id=contact.contact_id, occurred_at=at)
    return Decision(replace(contact, state="waiting_on_customer"), (waiting,))


def resolve(
    contact: Contact,
    at: datetime,
    actor: Actor,
    *,
    note: str | None = None,
    disposition: str | None = None,
    root_cause: str | None = None,
    automatic: bool = False,
) -> Decision:
    if contact.state == "resolved":
        raise WrongStateError(contact.state, "resolved again")
    if contact.state == "abandoned":
        raise WrongStateError(contact.state, "resolved")
    resolved = ContactResolved(
        contact_id=contact.contact_id,
        occurred_at=at,
        by=actor.person_id,
        reported_by=actor.system,
        note=note,
        disposition=disposition,
        root_cause=root_cause,
        automatic=automatic,
    )
    changed = replace(
        contact,
        state="resolved",
        resolved_at=at,
        resolved_by=actor.person_id,
        resolution_no=contact.resolution_no + 1,
    )
    return Decision(changed, (resolved,))


def abandon(contact: Contact, reason: str | None, actor: Actor, at: datetime) -> Decision:
    """The customer left before anyone answered."""
    if contact.state == "abandoned":
        raise WrongStateError(contact.state, "abandoned again")
    if contact.state != "open":
        raise WrongStateError(contact.state, "abandoned")
    abandoned = ContactAbandoned(
        contact_id=contact.contact_id,
        occurred_at=at,
        by=actor.person_id,
        reported_by=actor.system,
        reason=reason,
    )
    return Decision(replace(contact, state="abandoned"), (abandoned,))


def reopen(contact: Contact, reason: str, actor: Actor, at: datetime) -> Decision:
    if not is_ended(contact):
        raise WrongStateError(contact.state, "reopened")
    return _ensure_open(contact, reason, actor, at)


def prioritize(
    contact: Contact, priority: Priority, reason: str, actor: Actor, at: datetime
) -> Decision:
    """Change the priority; the same priority again changes nothing."""
    if is_ended(contact):
        raise WrongStateError(contact.state, "given another priority")
    if contact.priority == priority:
        return Decision(contact)
    prioritized = ContactPrioritized(
        contact_id=contact.contact_id,
        occurred_at=at,
        priority=priority,
        reason=reason,
        by=actor.person_id,
        reported_by=actor.system,
    )
    return Decision(replace(contact, priority=priority), (prioritized,))


def prioritize_by_rule(contact: Contact, priority: Priority, reason: str, at: datetime) -> Decision:
    """Change the priority as a clock's threshold asks, unless the contact has ended meanwhile."""
    if is_ended(contact):
        return Decision(contact)
    return prioritize(contact, priority, reason, NOBODY, at)


def is_ended(contact: Contact) -> bool:
    match contact.state:
        case "open" | "waiting_on_customer":
            return False
        case "resolved" | "abandoned":
            return True
        case _:
            assert_never(contact.state)


def _ensure_open(contact: Contact, reason: str, actor: Actor, at: datetime) -> Decision:
    match contact.state:
        case "open":
            return Decision(contact)
        case "waiting_on_customer":
            return Decision(replace(contact, state="open"))
        case "resolved" | "abandoned":
            reopened = ContactReopened(
                contact_id=contact.contact_id,
                occurred_at=at,
                reason=reason,
                by=actor.person_id,
                reported_by=actor.system,
            )
            changed = replace(contact, state="open", resolved_at=None, resolved_by=None)
            return Decision(changed, (reopened,))
        case _:
            assert_never(contact.state)


def _supervisor_requested(contact: Contact, text: str, at: datetime) -> SupervisorRequested:
    return SupervisorRequested(contact_id=contact.contact_id, occurred_at=at, quote=_excerpt(text))


def _excerpt(text: str) -> str:
    """Return the beginning in one line: others show it next to words of their own."""
    return one_line(text[: 2 * _EXCERPT_CHARACTERS])[:_EXCERPT_CHARACTERS]

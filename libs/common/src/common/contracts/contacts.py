"""Facts from the channels, owned by `intake`."""

from typing import Literal

from common.contracts.event import Contract, CustomerId, Event, MessageId, PersonId

Channel = Literal["call", "email", "chat", "ticket", "case"]
Priority = Literal["low", "normal", "high", "urgent"]
Tier = Literal["standard", "premium", "vip"]


class ContactsEvent(Event):
    topic = "contacts"


class Customer(Contract):
    customer_id: CustomerId
    name: str | None = None
    tier: Tier = "standard"
    region: str | None = None


class ContactReceived(ContactsEvent):
    """A customer turned to us. `occurred_at` is when we accepted it: promises count from there.

    `campaign` is what made many customers turn to us: an advertisement, a product recall.
    """

    channel: Channel
    connection: str | None = None
    external_ref: str | None = None
    customer: Customer
    subject: str
    topic_of_contact: str
    language: str
    priority: Priority
    campaign: str | None = None


class CustomerWrote(ContactsEvent):
    message_id: MessageId
    excerpt: str


class RepresentativeReplied(ContactsEvent):
    message_id: MessageId
    person_id: PersonId | None = None


class WaitingOnCustomer(ContactsEvent):
    """The next word is the customer's."""


class ContactResolved(ContactsEvent):
    by: PersonId | None = None
    note: str | None = None


class ContactAbandoned(ContactsEvent):
    """The customer left before anyone answered; `by` is None when the channel reports it."""

    by: PersonId | None = None
    reason: str | None = None


class ContactReopened(ContactsEvent):
    reason: str


class SupervisorRequested(ContactsEvent):
    """The customer asked for someone higher; `quote` is how."""

    quote: str


class ContactPrioritized(ContactsEvent):
    """The priority changed; `by` is nil when a rule did it, and no person or channel."""

    priority: Priority
    reason: str
    by: PersonId | None = None


class FeedbackReceived(ContactsEvent):
    """`score` runs from 1 (very bad) to 5 (very good)."""

    score: int
    comment: str | None = None


EVENTS: tuple[type[Event], ...] = (
    ContactReceived,
    CustomerWrote,
    RepresentativeReplied,
    WaitingOnCustomer,
    ContactResolved,
    ContactAbandoned,
    ContactReopened,
    SupervisorRequested,
    ContactPrioritized,
    FeedbackReceived,
)

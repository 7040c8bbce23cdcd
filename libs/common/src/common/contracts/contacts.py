"""Facts from the channels, owned by `intake`."""

from typing import Literal

from common.contracts.contract import Contract, Instant
from common.contracts.event import (
    ContactEvent,
    ContactId,
    CustomerId,
    Event,
    MessageId,
    PersonId,
    SystemName,
    TeamId,
)

Channel = Literal["call", "email", "chat", "ticket", "case"]
Priority = Literal["low", "normal", "high", "urgent"]
Tier = Literal["standard", "premium", "vip"]
InteractionEnd = Literal["customer", "representative", "transfer", "system"]
WaitEnd = Literal["customer_wrote", "representative_replied", "opened", "on_hold"]
DiscardCause = Literal["spam", "deleted"]
QuestionAnswer = Literal["yes", "no"]
SurveyKind = Literal["csat", "nps", "fcr"]
SurveyScale = Literal["1-5", "0-10", "0-1"]


class ContactsEvent(ContactEvent):
    topic = "contacts"


class Customer(Contract):
    """`customer_id` is unique over all systems: `channel:shop:4711`, or `retail:4711` if shared."""

    customer_id: CustomerId
    name: str | None = None
    tier: Tier = "standard"
    region: str | None = None


class ContactReceived(ContactsEvent):
    """A customer turned to us. `occurred_at` is when we accepted it: promises count from there.

    `received_from` is the system that sent it: no other system speaks for it. `campaign` is what
    made many customers turn to us: an advertisement, a product recall.
    `follows` is an earlier contact about the same issue: the channel names it, or it is the
    customer's latest one of the topic. `team` is the team that it is for, as the channel or its
    connection says; there may be none of this name.
    """

    channel: Channel
    received_from: SystemName | None = None
    external_ref: str | None = None
    customer: Customer
    subject: str
    topic_of_contact: str
    language: str
    priority: Priority
    campaign: str | None = None
    follows: ContactId | None = None
    team: TeamId | None = None


class CustomerWrote(ContactsEvent):
    """`excerpt` is empty if the message has only attachments.

    `automatic`: the customer's machine wrote it, such as an absence note or a bounce. It asks for
    nothing: nobody owes a reply, and it ends no waiting.
    """

    message_id: MessageId
    excerpt: str
    automatic: bool = False


class RepresentativeReplied(ContactsEvent):
    """`automatic`: a bot or a rule wrote it, so it is not the first human response.

    `reported_by` is the system that says so; without it, the person used a key of their own.
    """

    message_id: MessageId
    person_id: PersonId | None = None
    reported_by: SystemName | None = None
    automatic: bool = False


class WaitingOnCustomer(ContactsEvent):
    """The representative waits for the customer's reply."""


class WaitingOnCustomerEnded(ContactsEvent):
    """It is our turn again; published for every way out of waiting, but not for the contact's end.

    `cause` is `opened` if somebody took the waiting back, and `on_hold` if others are awaited now.
    """

    cause: WaitEnd


class ContactResolved(ContactsEvent):
    """`disposition` is how it ended and `root_cause` why it came, as codes of the organisation.

    `automatic`: a bot or a rule resolved it, and no person. `reported_by` is the system that says
    who did it, if a system does.
    """

    by: PersonId | None = None
    reported_by: SystemName | None = None
    note: str | None = None
    disposition: str | None = None
    root_cause: str | None = None
    automatic: bool = False


class ContactAbandoned(ContactsEvent):
    """The customer left before anyone answered; `reported_by` is the system that says so."""

    by: PersonId | None = None
    reported_by: SystemName | None = None
    reason: str | None = None


class ContactDiscarded(ContactsEvent):
    """It asked for nothing, or nobody shall work on it: spam, or deleted where it came from.

    `by` or `reported_by` is the person or the system that says so. It may be reopened.
    """

    cause: DiscardCause
    by: PersonId | None = None
    reported_by: SystemName | None = None


class ContactMerged(ContactsEvent):
    """Its work goes on in another contact: `into`, if that one is known here."""

    into: ContactId | None = None
    by: PersonId | None = None
    reported_by: SystemName | None = None


class ContactReopened(ContactsEvent):
    """A contact that ended is open again; `by` is None if the customer did it.

    `reported_by` is the system that says who did it, if a system does.
    """

    reason: str
    by: PersonId | None = None
    reported_by: SystemName | None = None


class SupervisorRequested(ContactsEvent):
    """The customer asked for someone higher; `quote` is how."""

    quote: str


class SupervisorQuestionAsked(ContactsEvent):
    """The customer may have asked for someone higher, and a person has to say.

    `quote` is the beginning of the message, `evidence` how sure the model is.
    """

    message_id: MessageId
    quote: str
    evidence: str


class SupervisorQuestionAnswered(ContactsEvent):
    """Somebody said whether the customer asked; after a yes SupervisorRequested follows."""

    answer: QuestionAnswer
    by: PersonId | None = None
    reported_by: SystemName | None = None


class VulnerabilityNoticed(ContactsEvent):
    """The customer's words are a sign that they need care: illness, debt, danger.

    `kinds` are those that are new for this contact, as the rules of the installation name them.
    """

    kinds: tuple[str, ...]


class ContactPrioritized(ContactsEvent):
    """The priority changed; if a rule did it, there is neither `by` nor `reported_by`."""

    priority: Priority
    reason: str
    by: PersonId | None = None
    reported_by: SystemName | None = None


class FeedbackReceived(ContactsEvent):
    """`score` runs from 1 (very bad) to 5 (very good).

    `about` is the person who is rated, `team_id` that person's team at the resolution, and
    `resolution_no` which resolution of the contact is rated, counted from 1.
    """

    score: int
    comment: str | None = None
    about: PersonId | None = None
    team_id: TeamId | None = None
    resolution_no: int | None = None


class InteractionMeasured(ContactsEvent):
    """A call or chat was measured by its own system.

    The conversation ran from `started_at` to `ended_at` and consists of talk and hold; wrap-up
    comes after it. `interaction_id` is the other system's, and unique for the contact.
    """

    interaction_id: str
    person_id: PersonId
    started_at: Instant
    ended_at: Instant
    talk_s: float
    hold_s: float
    wrap_s: float
    ended_by: InteractionEnd


class SurveySent(ContactsEvent):
    """The customer was asked; `survey_id` is unique for the contact.

    `person_id`, `team_id` and `resolution_no` say which resolution the survey asks about and who
    gave it, even if another person has the contact when the customer answers. A survey of kind
    `nps` asks about the company, so it may name none.
    """

    survey_id: str
    kind: SurveyKind
    person_id: PersonId | None = None
    team_id: TeamId | None = None
    resolution_no: int | None = None


class SurveyAnswered(ContactsEvent):
    """A later answer to the same survey replaces the earlier one.

    `scale` is 1-5 for `csat`, 0-10 for `nps`, and 0-1 (no, yes) for `fcr`.
    """

    survey_id: str
    kind: SurveyKind
    scale: SurveyScale
    score: int
    comment: str | None = None


class ContactCustomerChanged(ContactsEvent):
    """Its customer was merged into another one, or taken out again: `customer` is whose it is now.

    `by` or `reported_by` is the person or the system who demanded it.
    """

    customer: Customer
    by: PersonId | None = None
    reported_by: SystemName | None = None


class ContactErased(ContactsEvent):
    """The customer's name and words are erased; every service erases its copies.

    `by` or `reported_by` is the person or the system who demanded it.
    """

    by: PersonId | None = None
    reported_by: SystemName | None = None


class ConnectionSilent(ContactsEvent):
    """Nothing came from a system for as long as its office hours say that something should.

    `contact_id` stands for the connection and is no contact. `silent_since`: what came last came
    then; or it was connected then, and nothing came since.
    """

    system: SystemName
    silent_since: Instant
    expected_every_minutes: int


class ConnectionHeardAgain(ContactsEvent):
    """A system that was silent has sent something, at `heard_at`."""

    system: SystemName
    silent_since: Instant
    heard_at: Instant


EVENTS: tuple[type[Event], ...] = (
    ContactReceived,
    CustomerWrote,
    RepresentativeReplied,
    WaitingOnCustomer,
    WaitingOnCustomerEnded,
    ContactResolved,
    ContactAbandoned,
    ContactDiscarded,
    ContactMerged,
    ContactReopened,
    SupervisorRequested,
    SupervisorQuestionAsked,
    SupervisorQuestionAnswered,
    VulnerabilityNoticed,
    ContactPrioritized,
    FeedbackReceived,
    InteractionMeasured,
    SurveySent,
    SurveyAnswered,
    ContactCustomerChanged,
    ContactErased,
    ConnectionSilent,
    ConnectionHeardAgain,
)

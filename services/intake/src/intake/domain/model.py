"""A contact as its channel sees it, and what belongs to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from common.contracts.contacts import (
    Channel,
    InteractionEnd,
    Priority,
    SurveyKind,
    SurveyScale,
)
from common.contracts.event import (
    ContactId,
    CustomerId,
    Event,
    MessageId,
    PersonId,
    SystemName,
    TeamId,
)
from common.core.secret_strength import split_secrets
from intake.domain.rate_limits import RateLimit

ContactState = Literal[
    "open", "waiting_on_customer", "resolved", "abandoned", "discarded", "merged"
]
# What a contact's state follows from: what was set, and who has spoken.
StateChange = Literal[ContactState, "customer_spoke", "representative_spoke"]
Field = Literal[StateChange, "priority"]
Author = Literal["customer", "representative"]
ConnectionState = Literal["active", "paused", "archived"]
EscalationState = Literal[
    "raised", "acknowledged", "taken_over", "handed_back", "resolved", "closed"
]


class EscalationView(Struct, frozen=True):
    """What the channel may show of an escalation.

    `confidential`: only a complaint or feedback has raised it, and nobody has acted on it yet.
    Until then representatives see the `earlier` one: nothing vanishes for whom it is about.
    """

    state: EscalationState
    level: str | None
    by: PersonId | None
    at: datetime
    confidential: bool = False
    earlier: "EscalationView | None" = None


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """When something happened where it happened, to order what comes in another order.

    `position` orders what happened at the same time. `update` is what the outside system calls the
    one action of a person that had several effects.
    """

    at: datetime
    position: int = 0
    update: str | None = field(default=None, compare=False)


class SupervisorQuestion(Struct, frozen=True):
    """A message may ask for a supervisor: `evidence` says why, and a person has to say."""

    message_id: MessageId
    quote: str
    evidence: str
    asked_at: datetime


class Contact(Struct, frozen=True):
    """`received_from` is the system that made it, and the only one that may change it.

    `resolution_no` counts how often it was resolved; `resolved_by` is empty while it is open.
    `latest` is when each field last changed, and `state_since` when the present state began.
    `supervisor_quote` is how the customer asked for a supervisor, if they did since it was opened
    last and no target of a merge has taken that over.
    `supervisor_question` waits for a person to say whether the customer asked for one, until the
    contact ends or the target of a merge takes it over.
    `vulnerability` is why the customer needs care, as their words say.
    `team` is the one that the channel asks for, which may be unknown.
    `announced`: it was published. What is over when we first see it is not, until it is open.
    """

    contact_id: ContactId
    state: ContactState
    channel: Channel
    received_from: SystemName
    external_ref: str | None
    customer_id: CustomerId
    subject: str
    topic: str
    language: str
    priority: Priority
    received_at: datetime
    changed_at: datetime
    campaign: str | None = None
    follows: ContactId | None = None
    resolved_at: datetime | None = None
    resolved_by: PersonId | None = None
    resolution_no: int = 0
    escalation: EscalationView | None = None
    state_since: datetime | None = None
    latest: Mapping[Field, Moment] = {}
    merged_into: ContactId | None = None
    supervisor_quote: str | None = None
    supervisor_question: SupervisorQuestion | None = None
    vulnerability: tuple[str, ...] = ()
    announced: bool = True
    team: TeamId | None = None


@dataclass(frozen=True, slots=True)
class ContactFilters:
    """Which contacts a list shows; without any filter, all."""

    states: Sequence[ContactState] = ()
    customer_id: CustomerId | None = None
    external_ref: str | None = None
    received_from: SystemName | None = None
    changed_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ContactRepresentative:
    """A representative who has the contact, or had it; `is_current` for who had it last."""

    contact_id: ContactId
    person_id: PersonId
    is_current: bool


@dataclass(frozen=True, slots=True)
class Message:
    """`person_id` is the representative; `reported_by` is the system that says so, if one does.

    `at` is when it was written. `external_id` is its id in the outside system. The customer never
    sees an `internal` message, which is no reply. `automatic`: no person wrote it.
    """

    message_id: MessageId
    contact_id: ContactId
    author: Author
    person_id: PersonId | None
    text: str
    at: datetime
    automatic: bool = False
    reported_by: SystemName | None = None
    internal: bool = False
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a message, which stays where it is.

    `message_ref` is the message's id, here or in the outside system: a file may come before it.
    """

    contact_id: ContactId
    message_ref: str
    attachment_id: str
    name: str
    # None if it came with a mail: its bytes are not kept.
    url: str | None = None
    content_type: str | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A change that an outside system reported; `applied`: nothing newer was known."""

    contact_id: ContactId
    event_id: str
    field: str
    value: str
    at: datetime
    applied: bool


@dataclass(frozen=True, slots=True)
class Interaction:
    """A call or chat as its own system measured it."""

    interaction_id: str
    person_id: PersonId
    started_at: datetime
    ended_at: datetime
    talk_s: float
    hold_s: float
    wrap_s: float
    ended_by: InteractionEnd


@dataclass(frozen=True, slots=True)
class SurveyAnswer:
    scale: SurveyScale
    score: int
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """A question to the customer about one resolution, and the latest answer."""

    contact_id: ContactId
    survey_id: str
    kind: SurveyKind
    person_id: PersonId | None
    team_id: TeamId | None
    resolution_no: int | None
    sent_at: datetime
    answer: SurveyAnswer | None = None
    answered_at: datetime | None = None


class Decision(Struct, frozen=True):
    contact: Contact
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class SurveyDecision:
    survey: Survey
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelConnection:
    """An outside system that sends contacts: its secret, and the options of its kind.

    While the secret is changed there are two, separated by a comma. A `paused` one takes nothing.
    `passwords` are the same secrets as they were given: a password may hold a comma. `app_secret`
    is of the app as which intake signs in there. `version` counts the changes of the connection.
    """

    connection: str
    kind: str
    secret: str = field(repr=False)
    options: Mapping[str, Any]
    state: ConnectionState = "active"
    passwords: tuple[str, ...] = field(default=(), repr=False)
    app_secret: str | None = field(default=None, repr=False)
    version: int = 0

    @property
    def rate_limit(self) -> RateLimit | None:
        stored = self.options.get("rate_limit")
        return None if stored is None else RateLimit(**stored)

    @property
    def system(self) -> SystemName:
        return SystemName(f"{self.kind}:{self.connection}")

    @property
    def secrets(self) -> list[bytes]:
        return [secret.encode() for secret in split_secrets(self.secret)]


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Names a request that may come again; another request has another `fingerprint`.

    `name` is what the sender calls the key.
    """

    scope: str
    key: str
    fingerprint: str
    name: str = "The key"


class AcceptedRequest(NamedTuple):
    """A request that was accepted, and what its sender got back: an id, or a receipt as JSON."""

    scope: str
    key: str
    fingerprint: str
    result: str
    at: datetime

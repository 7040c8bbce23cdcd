"""The interface of a kind of channel, and the events that it reports.

A kind is registered in `channels/registry.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.contracts import contacts
from common.contracts.contacts import DiscardCause, Priority
from intake.domain.case_reads import CaseName
from intake.domain.customers import CustomerStatement
from intake.domain.model import Author, ChannelConnection, ContactState, Moment
from intake.domain.rate_limits import RateLimit

MalformedCode = Literal[
    "not-json",
    "not-xml",
    "not-a-form",
    "too-large",
    "text-unreadable",
    "fields-missing",
    "changes-left-out",
    "wrong-format",
]


class MalformedBodyError(Exception):
    """The body is not of the format that this kind of channel sends."""

    def __init__(self, detail: str, code: MalformedCode = "wrong-format", fields: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.parameters = {"fields": fields} if fields else {}


class ChannelOptions(BaseModel):
    """The options of a connection; a kind of channel adds its own fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate_limit: RateLimit | None = Field(
        default=None,
        description="How many deliveries are taken in so many seconds; further ones are refused, "
        "to be sent again later. null: any number.",
    )

    @property
    def needs_app_secret(self) -> bool:
        """Whether intake signs in to the system as an app that has a secret of its own."""
        return False


class WebhookModel(BaseModel):
    """A part of a webhook's body: numbers may stand for texts, and null for a missing field."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """An HTTP request of an outside system; names in `headers` are found in any case.

    `url` is the address as the caller wrote it, with its query. `path_secret` is what stands
    behind the connection's name in the path: some systems can send a secret in no other way.
    """

    headers: Mapping[str, str]
    body: bytes
    url: str = ""
    path_secret: str | None = None

    @property
    def query(self) -> Sequence[tuple[str, str]]:
        # The host may be none, for which `urlsplit` raises.
        return parse_qsl(self.url.partition("?")[2], keep_blank_values=True)

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a system wants to read once its request is safe, in place of intake's JSON."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class FirstMessage:
    """What stands in the contact itself; `account` is who wrote it, if not the customer.

    Some systems report it again as a message of its own.
    """

    text: str
    author: Author = "customer"
    account: str | None = None
    written_at: datetime | None = None
    internal: bool = False


@dataclass(frozen=True, slots=True)
class ExternalContact:
    """A ticket, case or chat of an outside system: what a contact is made of if it is new here.

    `ref` is its id there, and `customer` has the id that it has there. `state` is its state as
    of `as_of`, or of the event. `default_tier` is the customer's if no system
    has said one. Texts may be of any length and have any characters: intake cleans them.
    """

    ref: str
    channel: contacts.Channel
    customer: CustomerStatement
    subject: str
    topic: str
    language: str
    priority: Priority
    campaign: str | None = None
    team: str | None = None
    default_tier: contacts.Tier | None = None
    first_message: FirstMessage | None = None
    state: ContactState = "open"
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExternalFile:
    """A file of a message, by its address in the outside system if it has one there."""

    file_id: str
    name: str
    url: str | None = None
    content_type: str | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class _Event:
    """`event_id` and `event_type` are the outside system's, the same when it sends them again.

    `moment` is when it happened there. Without it, it happened when it came to us.
    """

    event_id: str
    event_type: str
    contact: ExternalContact
    moment: Moment | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class ContactOpened(_Event):
    """The contact is new in the outside system."""


@dataclass(frozen=True, slots=True)
class CustomerMessageAdded(_Event):
    """`message_ref` is the message's id there; `automatic` if the customer's machine wrote it."""

    text: str
    message_ref: str | None = field(default=None, kw_only=True)
    automatic: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class RepresentativeMessageAdded(_Event):
    """A message of ours; `automatic` if no person wrote it.

    The customer can't see an `internal` one. `account` is who wrote it, by the id that the person
    has there.
    """

    text: str
    account: str | None = None
    automatic: bool = False
    internal: bool = field(default=False, kw_only=True)
    message_ref: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class FileAdded(_Event):
    """A message has a file; the message itself may come later."""

    message_ref: str
    file: ExternalFile


@dataclass(frozen=True, slots=True)
class ContactSetPending(_Event):
    """The representative waits for the customer's reply."""


@dataclass(frozen=True, slots=True)
class ContactSetOpen(_Event):
    """It is our turn, whatever it was before; `on_hold` if others delay us."""

    reason: str
    on_hold: bool = False


@dataclass(frozen=True, slots=True)
class ContactSolved(_Event):
    note: str


@dataclass(frozen=True, slots=True)
class ContactLeft(_Event):
    """The customer left before anyone answered."""

    reason: str


@dataclass(frozen=True, slots=True)
class ContactDiscarded(_Event):
    """It was found to be spam, or deleted."""

    cause: DiscardCause


@dataclass(frozen=True, slots=True)
class ContactMerged(_Event):
    """Its work goes on in the contact `into`, if the outside system says in which."""

    into: str | None


@dataclass(frozen=True, slots=True)
class ContactEnded(_Event):
    """A call or chat is over, and nobody says how.

    It was answered if a representative is known to have spoken; else the customer left. What was
    over before stays as it is.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class SupervisorRequested(_Event):
    """The customer asked for a supervisor by a key, a button or a field; `quote` says how."""

    quote: str


@dataclass(frozen=True, slots=True)
class PriorityChanged(_Event):
    priority: Priority
    reason: str


@dataclass(frozen=True, slots=True)
class CallMeasured(_Event):
    """A conversation of a call has ended, at the event's moment, and lasted so long.

    `call_id` names it in the outside system. `account` is who answered, by the id that the person
    has there; without it, who has the contact here.
    """

    call_id: str
    duration_s: float
    account: str | None = None


@dataclass(frozen=True, slots=True)
class UnrelatedUpdate(_Event):
    """A change without effect here, except that it shows that an open contact exists."""


ChannelEvent = (
    ContactOpened
    | CustomerMessageAdded
    | RepresentativeMessageAdded
    | FileAdded
    | ContactSetPending
    | ContactSetOpen
    | ContactSolved
    | ContactLeft
    | ContactDiscarded
    | ContactMerged
    | ContactEnded
    | SupervisorRequested
    | PriorityChanged
    | CallMeasured
    | UnrelatedUpdate
)


@dataclass(frozen=True, slots=True)
class UnreadablePart:
    """One of many events in a request that can't be read; the others are applied."""

    place: str
    reason: str
    code: MalformedCode = "wrong-format"
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseToRead:
    """A delivery that leaves out what its case is about: the case is to be read in the system.

    `otherwise` is what becomes of it while the case can't be read.
    """

    case: CaseName
    otherwise: Sequence[ChannelEvent]


@dataclass(frozen=True, slots=True)
class RefusalOverLimit:
    """How a delivery over the rate limit is refused, so that its system sends it again.

    Most repeat what is refused with 5xx, and drop what is refused with 4xx. Some give up if
    `Retry-After` is over `longest_wait_s`.
    """

    status: int = 503
    longest_wait_s: int | None = None


class Channel(Protocol):
    """A kind of channel. Its `kind` is a part of the webhook's path."""

    @property
    def kind(self) -> str: ...

    @property
    def proof(self) -> str:
        """Say, in a sentence, how a request proves who sent it: for a sender that is refused."""

    @property
    def options(self) -> type[ChannelOptions]:
        """The model of a connection's options."""

    def verify(
        self, connection: ChannelConnection, request: WebhookRequest, now: datetime, /
    ) -> None:
        """Raise BadSignatureError or StaleRequestError unless the connection sent this just now."""

    def parse(
        self, connection: ChannelConnection, request: WebhookRequest, /
    ) -> Sequence[ChannelEvent | UnreadablePart | CaseToRead]:
        """Read a verified request; raises MalformedBodyError, or ValidationError for its fields.

        What raises, or has an unreadable part, is kept as a dead letter. A replay reads it again,
        with the body and the `KEPT_HEADERS` alone. An empty list: the request is about something
        that is no contact.
        """

    def reply(self, request: WebhookRequest, /) -> Reply | None:
        """Return the answer to a request that is safe now; None for intake's own."""

"""The interface of a kind of channel, and the events that it reports.

A kind is registered in `channels/registry.py`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, model_validator

from common.contracts import contacts
from common.contracts.contacts import Customer, Priority
from intake.domain.model import ChannelConnection

# PostgreSQL does not store the character NUL. An odd number of backslashes makes it an escape.
_ESCAPED_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")

M = TypeVar("M", bound=BaseModel)


class MalformedBodyError(Exception):
    """The body is not of the format that this kind of channel sends."""


class ChannelOptions(BaseModel):
    """The options of a connection; a kind of channel adds its own fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    """An HTTP request of an outside system; names in `headers` are found in any case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class ExternalContact:
    """A ticket, case or chat of an outside system: what a contact is made of if it is new here.

    `ref` is its id there, and `customer` has the id that it has there. `text` is the customer's
    first message. Texts may be of any length and have any characters: intake cleans them.
    """

    ref: str
    channel: contacts.Channel
    customer: Customer
    subject: str
    topic: str
    language: str
    priority: Priority
    campaign: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class _Event:
    """`event_id` and `event_type` are the outside system's, the same when it sends them again."""

    event_id: str
    event_type: str
    contact: ExternalContact


@dataclass(frozen=True, slots=True)
class ContactOpened(_Event):
    """The contact is new in the outside system."""


@dataclass(frozen=True, slots=True)
class CustomerMessageAdded(_Event):
    text: str


@dataclass(frozen=True, slots=True)
class RepresentativeMessageAdded(_Event):
    """A message that the customer can read; `automatic` if no person wrote it.

    `account` is who wrote it, by the id that the person has there.
    """

    text: str
    account: str | None = None
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class ContactSetPending(_Event):
    """The representative waits for the customer's reply."""


@dataclass(frozen=True, slots=True)
class ContactSolved(_Event):
    note: str


@dataclass(frozen=True, slots=True)
class ContactLeft(_Event):
    """The customer left before anyone answered."""

    reason: str


@dataclass(frozen=True, slots=True)
class SolvedContactReopened(_Event):
    reason: str


@dataclass(frozen=True, slots=True)
class PriorityChanged(_Event):
    priority: Priority
    reason: str


@dataclass(frozen=True, slots=True)
class UnrelatedUpdate(_Event):
    """A change without effect here, except that it shows that the contact exists."""


ChannelEvent = (
    ContactOpened
    | CustomerMessageAdded
    | RepresentativeMessageAdded
    | ContactSetPending
    | ContactSolved
    | ContactLeft
    | SolvedContactReopened
    | PriorityChanged
    | UnrelatedUpdate
)


class Channel(Protocol):
    """A kind of channel. Its `kind` is a part of the webhook's path."""

    @property
    def kind(self) -> str: ...

    @property
    def options(self) -> type[ChannelOptions]:
        """The model of a connection's options."""

    def verify(
        self, connection: ChannelConnection, request: WebhookRequest, now: datetime, /
    ) -> None:
        """Raise BadSignatureError or StaleRequestError unless the connection sent this just now."""

    def parse(
        self, connection: ChannelConnection, request: WebhookRequest, /
    ) -> list[ChannelEvent]:
        """Read a verified request; raises MalformedBodyError, or ValidationError for its fields.

        What raises is kept as a dead letter. A replay reads it again, with the body and the header
        Content-Type alone.
        """


def read_json(body: bytes, model: type[M]) -> M:
    """Read a body without the character NUL.

    Raises MalformedBodyError, or ValidationError for the fields.
    """
    try:
        content = orjson.loads(_ESCAPED_NUL.sub(rb"\1", body))
    except orjson.JSONDecodeError as error:
        raise MalformedBodyError("The body is not JSON.") from error
    return model.model_validate(content)

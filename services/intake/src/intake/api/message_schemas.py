"""What messages look like in requests and answers."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    HttpUrl,
    StringConstraints,
    UrlConstraints,
    model_validator,
)

from common.contracts.contract import Instant
from common.contracts.event import ID_PATTERN, MessageId, PersonId, SystemName
from common.core.text import plain_text
from common.http.app import RequestModel, ShortText, reject_nul
from common.http.examples import with_examples
from intake.domain.model import Author

_MAX_ATTACHMENTS = 50
_MAX_HEADERS = 200

# Of a message that may have files instead of words.
_OptionalText = Annotated[
    str,
    StringConstraints(max_length=100_000),
    AfterValidator(reject_nul),
    AfterValidator(plain_text),
]
_FileAddress = Annotated[
    HttpUrl, UrlConstraints(max_length=2_000, allowed_schemes=["https"], host_required=True)
]
_HeaderName = Annotated[str, StringConstraints(max_length=200)]
_HeaderValue = Annotated[str, StringConstraints(max_length=10_000)]
_MediaType = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.+-]+/[A-Za-z0-9_.+-]+$")]


class ActionIn(RequestModel):
    """What a person did; a channel may report it."""

    person_id: Annotated[PersonId, StringConstraints(pattern=f"^{ID_PATTERN}$")] | None = Field(
        None,
        description="Who did it, if a person did and a channel reports it. "
        "With a key of their own, people act as themselves.",
    )


class AttachmentIn(RequestModel):
    """A file, which stays where it is."""

    name: ShortText = Field(description="The file's name.")
    url: _FileAddress = Field(
        description="Where people with access to it find it: https only, at most 2,000 characters."
    )
    content_type: _MediaType | None = Field(None, description="Its media type, as `image/jpeg`.")


class MessageIn(ActionIn):
    model_config = with_examples(
        {"author": "customer", "text": "Let me talk to your supervisor."},
        {
            "author": "customer",
            "attachments": [{"name": "photo.jpeg", "url": "https://shop.example/f/81"}],
        },
        {"author": "representative", "text": "Asked the warehouse.", "internal": True},
    )

    author: Author = Field(description="Who wrote it. Only a channel speaks for the customer.")
    text: _OptionalText = Field("", description="The message; may be empty if it has attachments.")
    automatic: bool = Field(
        False,
        description="No person wrote it. Of a representative, a bot or a rule: it is no first "
        "human response. Of a customer, an absence note or a bounce: it is stored, but reopens "
        "nothing, escalates nothing and ends no waiting.",
    )
    mail_headers: Annotated[dict[_HeaderName, _HeaderValue], Field(max_length=_MAX_HEADERS)] = (
        Field(
            default_factory=dict,
            description="The headers of the mail. If `Auto-Submitted` (RFC 3834), `X-Autoreply`, "
            "`Precedence` or a delivery report says that a machine wrote it, it is `automatic`. "
            "They are not stored.",
        )
    )
    internal: bool = Field(
        False, description="A note that the customer does not see: it is no reply."
    )
    occurred_at: Instant | None = Field(
        None,
        description="When it was written; only a channel says so. Not before the contact was "
        "received, and at most a minute in the future. Without it: now. A message from before the "
        "present state changes nothing of it.",
    )
    attachments: Annotated[list[AttachmentIn], Field(max_length=_MAX_ATTACHMENTS)] = Field(
        default_factory=list, description="Its files, by reference."
    )

    @model_validator(mode="after")
    def _customers_write_for_themselves(self) -> Self:
        if self.author == "customer" and (self.internal or self.person_id):
            raise ValueError("a customer's message can't be internal or have a person_id")
        return self

    @model_validator(mode="after")
    def _has_content(self) -> Self:
        if not self.text.strip() and not self.attachments:
            raise ValueError("a message needs text or an attachment")
        return self


class AttachmentOut(BaseModel):
    name: str = Field(description="The file's name.")
    url: str | None = Field(
        description="Where people with access to it find it; null for a file of a mail, which is "
        "in the mailbox and not kept here."
    )
    content_type: str | None = Field(description="Its media type, if known.")
    size_bytes: int | None = Field(None, description="Its size, if known.")


class MessageOut(BaseModel):
    message_id: MessageId = Field(description="The message.")
    author: Author = Field(description="Who wrote it.")
    person_id: PersonId | None = Field(description="The representative, if known.")
    reported_by: SystemName | None = Field(
        description="The system that says so, as `channel:shop`; null if the person wrote it here."
    )
    text: str = Field(description="The message; empty if it has only attachments.")
    at: datetime = Field(
        description="When it was written, or came to us if its channel does not say when."
    )
    automatic: bool = Field(description="A machine wrote it, and no person.")
    internal: bool = Field(description="The customer does not see it.")
    external_id: str | None = Field(description="Its id in the outside system, if it has one.")
    attachments: list[AttachmentOut] = Field([], description="Its files, by reference.")

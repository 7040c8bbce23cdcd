"""What Zendesk sends."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from common.http.app import ExternalId
from intake.channels.base import WebhookModel
from intake.channels.fields import (
    Flag,
    Id,
    Position,
    Tags,
    Text,
    Texts,
    Time,
    read_object,
    read_object_or_none,
)


class Via(WebhookModel):
    channel: Text = None


class Ticket(WebhookModel):
    """`fields` are fields of the ticket that a trigger sends, by a name of its own."""

    id: ExternalId
    subject: Text = None
    description: Text = None
    priority: Text = None
    status: Text = None
    requester_id: Id = None
    requester_email: Text = None
    requester_phone: Text = None
    submitter_id: Id = None
    actor_id: Id = None
    assignee_id: Id = None
    is_public: Flag = None
    created_at: Time = None
    updated_at: Time = None
    tags: Tags = ()
    type: Text = None
    form_id: Id = None
    brand_id: Id = None
    group_id: Id = None
    organization_id: Id = None
    via: Annotated[Via, BeforeValidator(read_object)] = Via()
    fields: Texts = Field({})

    @property
    def labels(self) -> list[str]:
        """The tags, and each field with its value: `form=360001`, `via=web`."""
        fields = {
            "type": self.type,
            "form": self.form_id,
            "brand": self.brand_id,
            "group": self.group_id,
            "organization": self.organization_id,
            "via": self.via.channel,
            **self.fields,
        }
        return [*self.tags, *(f"{name}={value}" for name, value in fields.items() if value)]


class Author(WebhookModel):
    id: Id = None
    is_staff: Flag = None


class File(WebhookModel):
    id: Id = None
    filename: Text = None
    content_url: Text = None
    content_type: Text = None


class Comment(WebhookModel):
    """`headers` are those of the mail, where a trigger sends them."""

    id: Id = None
    body: Text = None
    is_public: Flag = None
    author: Annotated[Author, BeforeValidator(read_object)] = Author()
    attachment: Annotated[File | None, BeforeValidator(read_object_or_none)] = None
    headers: Texts = Field({})


class Sequence(WebhookModel):
    """The events of one action in Zendesk have one `id`."""

    id: Id = None
    position: Position = 0


class Meta(WebhookModel):
    sequence: Annotated[Sequence, BeforeValidator(read_object)] = Sequence()


class Actor(WebhookModel):
    """Who did something in a conversation: `end_user`, `agent`, or a program."""

    id: Id = None
    type: Text = None


class Change(WebhookModel):
    current: Any = None
    previous: Any = None
    target_ticket_id: Id = None
    comment: Annotated[Comment | None, BeforeValidator(read_object_or_none)] = None
    message: Annotated[Comment, BeforeValidator(read_object)] = Comment()
    actor: Annotated[Actor, BeforeValidator(read_object)] = Actor()
    meta: Annotated[Meta, BeforeValidator(read_object)] = Meta()


class Envelope(WebhookModel):
    """What every webhook has, whatever it is about."""

    type: Text = None


class Delivery(WebhookModel):
    """One webhook about a ticket: `id` is the same when it is delivered again."""

    id: Id = None
    type: str
    time: Time = None
    detail: Ticket
    event: Annotated[Change, BeforeValidator(read_object)] = Change()

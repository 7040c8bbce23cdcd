"""What Slack sends: events as JSON, interactions as JSON in a form."""

from collections.abc import Collection
from typing import Annotated, Any

from pydantic import BeforeValidator

from intake.channels.base import WebhookModel
from intake.channels.fields import Id, Text, read_object


def _objects(value: Any) -> Any:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _id_of(value: Any) -> Any:
    """Some interactions name a channel or user by its id alone."""
    return value if isinstance(value, dict) else {"id": value}


class File(WebhookModel):
    id: Id = None
    name: Text = None
    mimetype: Text = None
    url_private: Text = None


class Message(WebhookModel):
    type: Text = None
    subtype: Text = None
    channel: Id = None
    user: Id = None
    bot_id: Id = None
    text: Text = None
    ts: Id = None
    thread_ts: Id = None
    parent_user_id: Id = None
    files: Annotated[tuple[File, ...], BeforeValidator(_objects)] = ()

    @property
    def parent_user(self) -> str | None:
        """Who began the thread."""
        return self.parent_user_id or (self.user if self.thread_ts in (None, self.ts) else None)


class Callback(WebhookModel):
    type: Text = None
    challenge: Text = None
    event: Annotated[Message, BeforeValidator(read_object)] = Message()


class Named(WebhookModel):
    id: Id = None


class Container(WebhookModel):
    message_ts: Id = None
    channel_id: Id = None


class Action(WebhookModel):
    action_id: Text = None


class Interaction(WebhookModel):
    type: Text = None
    callback_id: Text = None
    trigger_id: Id = None
    user: Annotated[Named, BeforeValidator(_id_of)] = Named()
    channel: Annotated[Named, BeforeValidator(_id_of)] = Named()
    message: Annotated[Message, BeforeValidator(read_object)] = Message()
    container: Annotated[Container, BeforeValidator(read_object)] = Container()
    actions: Annotated[tuple[Action, ...], BeforeValidator(_objects)] = ()

    @property
    def names(self) -> Collection[str | None]:
        """What was pressed: a shortcut, or buttons."""
        return (self.callback_id, *(action.action_id for action in self.actions))

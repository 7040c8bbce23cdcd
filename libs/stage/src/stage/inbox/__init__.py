"""A web page with the messages that the local Slack and mail servers received."""

from stage.inbox.messages import Button, Message, received_messages
from stage.inbox.server import Inbox

__all__ = ["Button", "Inbox", "Message", "received_messages"]

"""People who can be told, and where."""

from dataclasses import dataclass
from typing import Literal

from common.contracts.event import PersonId


@dataclass(frozen=True, slots=True)
class SlackAddress:
    """`channel` is where to write, for one person a direct message; `user_id` is who answers."""

    channel: str
    user_id: str
    medium: Literal["slack"] = "slack"


@dataclass(frozen=True, slots=True)
class EmailAddress:
    address: str
    medium: Literal["email"] = "email"


Address = SlackAddress | EmailAddress


@dataclass(frozen=True, slots=True)
class Recipient:
    """Each medium at most once."""

    person_id: PersonId
    name: str
    media: tuple[Address, ...]


class SlackUserTaken(Exception):
    """Another recipient has this Slack user already."""

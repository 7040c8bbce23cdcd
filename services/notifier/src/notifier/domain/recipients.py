"""People who can be told, and where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from common.contracts.event import PersonId
from common.contracts.notifications import Medium


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

    def reached_by(self, media: Sequence[Medium]) -> tuple[Address, ...]:
        return tuple(address for address in self.media if address.medium in media)


class SlackUserTakenError(Exception):
    """Another recipient has this Slack user already."""

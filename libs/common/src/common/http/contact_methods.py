"""How a person is reached, as the APIs of router and of notifier take it."""

from typing import Literal, Protocol, TypeVar

from pydantic import Field

from common.contracts.notifications import Medium
from common.core.mailboxes import Mailbox
from common.http.app import RequestModel, Slug


class EmailMethod(RequestModel):
    medium: Literal["email"] = Field(description="The channel that the address is for.")
    address: Mailbox = Field(description="The mailbox.")


class SlackMethod(RequestModel):
    medium: Literal["slack"] = Field(description="The channel that the address is for.")
    channel: Slug = Field(description="Slack's id of where to write: a direct message or channel.")
    user_id: Slug = Field(description="Slack's id of the user who presses the buttons.")


class HasMedium(Protocol):
    @property
    def medium(self) -> Medium: ...


M = TypeVar("M", bound=HasMedium)


def require_each_medium_once(methods: tuple[M, ...]) -> tuple[M, ...]:
    """Return the methods as they are; raises ValueError if two are of one medium."""
    if len({method.medium for method in methods}) < len(methods):
        raise ValueError("must name each medium at most once")
    return methods

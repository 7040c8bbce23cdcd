"""How a person is reached, as the APIs of router and of notifier take it."""

from typing import Literal, Protocol, TypeVar

from pydantic import Field

from common.contracts.notifications import Medium
from common.core.mailboxes import Mailbox
from common.core.phone_numbers import PhoneNumber
from common.http.app import RequestModel, Slug


class EmailMethod(RequestModel):
    medium: Literal["email"] = Field(description="The channel that the address is for.")
    address: Mailbox = Field(description="The mailbox.")


class SlackMethod(RequestModel):
    medium: Literal["slack"] = Field(description="The channel that the address is for.")
    channel: Slug = Field(description="Slack's id of where to write: a direct message or channel.")
    user_id: Slug = Field(description="Slack's id of the user who presses the buttons.")


class SmsMethod(RequestModel):
    medium: Literal["sms"] = Field(description="The channel that the address is for.")
    number: PhoneNumber = Field(description="A mobile number with its country, by E.164.")


class VoiceMethod(RequestModel):
    medium: Literal["voice"] = Field(description="The channel that the address is for.")
    number: PhoneNumber = Field(description="The number that is called, with its country.")


class WhatsAppMethod(RequestModel):
    medium: Literal["whatsapp"] = Field(description="The channel that the address is for.")
    number: PhoneNumber = Field(description="The number of the WhatsApp account, with its country.")


class HasMedium(Protocol):
    @property
    def medium(self) -> Medium: ...


M = TypeVar("M", bound=HasMedium)


def require_each_medium_once(methods: tuple[M, ...]) -> tuple[M, ...]:
    """Return the methods as they are; raises ValueError if two are of one medium."""
    if len({method.medium for method in methods}) < len(methods):
        raise ValueError("must name each medium at most once")
    return methods

"""Microsoft Teams: cards posted by a workflow, which has an address of its own.

A workflow answers 202 once it has begun: whether Teams shows the card is not known. It takes no
answers, so that its buttons are links, and a card that was posted is followed by another.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from common.http.retry_after import retry_after
from notifier.allowed_origins import AllowedOrigins
from notifier.channels import teams_cards
from notifier.channels.base import Channel, ChannelAddress
from notifier.channels.http_client import (
    by_status,
    open_client,
    read_answer,
    read_failure,
    read_refusal,
)
from notifier.channels.secret_urls import open_url
from notifier.domain.delivery import Outcome, Postponed, Refused, Sent, Unknown
from notifier.domain.notifications import Notification
from notifier.domain.recipients import Address
from notifier.links import Links
from notifier.secret_addresses import URL, AddressSealer
from notifier.settings import Settings

# What a connector writes with status 200 if Teams has not taken the message.
_CONNECTOR_ERROR: Final = re.compile(rb"HTTP error (\d{3})")


class TeamsAddress(ChannelAddress):
    medium: Literal["teams"] = Field(description="The channel that the address is for.")
    url: Annotated[str, StringConstraints(max_length=2000, pattern="^https?://")] | None = Field(
        default=None,
        description="The address of the workflow, a secret: it is never shown. Without it the one "
        "that was put before stays.",
    )
    conversation: Literal["personal", "shared"] = Field(
        default="shared",
        description="`personal` if only the person reads it: then messages have links that answer "
        "in their name.",
    )
    service: str = Field(
        default="", max_length=300, description="The host of the URL. What is put is ignored."
    )

    def stored(self) -> Address:
        details: dict[str, str] = {"conversation": self.conversation}
        if self.url is not None:
            details |= {URL: self.url, "service": _host(self.url)}
        return Address(self.medium, details)


class _Error(BaseModel):
    code: Annotated[str, StringConstraints(pattern=r"^\w{1,60}$")]


class _Answer(BaseModel):
    """The message beside the code may repeat the address."""

    model_config = ConfigDict(extra="ignore")

    error: _Error | None = None


class Teams(Channel):
    medium = "teams"
    address = TeamsAddress
    # What was sent is followed by a card that says what happened.
    editable: ClassVar[bool] = True

    def __init__(
        self, services: AllowedOrigins, sealer: AddressSealer, links: Links, timeout: timedelta
    ) -> None:
        self._services = services
        self._sealer = sealer
        self._links = links
        self._timeout_s = timeout.total_seconds()
        self._client: ClientSession | None = None

    @classmethod
    def from_settings(cls, settings: Settings, links: Links) -> Self:
        return cls(
            AllowedOrigins.read(settings.teams_services),
            AddressSealer.from_keys(settings.encryption_keys),
            links,
            timedelta(seconds=settings.delivery_timeout_seconds),
        )

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def allows(self, address: Address) -> bool:
        url = address.details.get(URL)
        return url is None or self._services.admits(url)

    async def send(self, notification: Notification, at: datetime) -> Outcome:
        is_shared = _details(notification)["conversation"] == "shared"
        custom = self.templates.text_of(
            notification, notification.local(at), has_console=self._links.has_console
        )
        message = teams_cards.page_message(
            notification, self._links, at, custom, is_shared=is_shared
        )
        return await self._post(notification, message, at)

    async def update(self, notification: Notification, at: datetime) -> Outcome:
        message = teams_cards.follow_up_message(notification, self._links, at)
        return await self._post(notification, message, at)

    async def _post(self, notification: Notification, message: bytes, at: datetime) -> Outcome:
        url = open_url(notification.address, self._sealer, self._services.admits)
        if isinstance(url, Refused):
            return url
        if self._client is None:
            self._client = open_client(self._timeout_s, {"Content-Type": "application/json"})
        try:
            async with self._client.post(url, data=message, allow_redirects=False) as response:
                body = await read_answer(response)
        except (ClientError, OSError, ValueError) as error:
            # What the error says may repeat the address.
            return read_failure(_as_client_error(error), type(error).__name__)
        return outcome(response.status, response.headers, body, at)


def outcome(status: int, headers: Mapping[str, str], body: bytes, at: datetime) -> Outcome:
    """Read an answer: 200 and 202 may come with an error in the body."""
    code = _error_code(body)
    if status in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
        if code is not None:
            return Unknown(f"Teams answered {status} with the error {code}")
        return _connector_error(body, headers, at) or Sent({})
    refusal = read_refusal("Teams", status, headers.get("Retry-After"), at)
    if code is None or isinstance(refusal, Postponed):
        return refusal
    return Refused(f"{refusal.reason}: {code}")


def _connector_error(body: bytes, headers: Mapping[str, str], at: datetime) -> Outcome | None:
    match = _CONNECTOR_ERROR.search(body)
    if match is None:
        return None
    status = int(match[1])
    reason = f"Teams answered 200, and that there was an error {status}"
    return by_status(reason, status, retry_after(headers.get("Retry-After"), at))


def _error_code(body: bytes) -> str | None:
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError:
        return None
    return answer.error.code if answer.error else None


def _details(notification: Notification) -> Mapping[str, str]:
    return notification.address.details if notification.address else {}


def _as_client_error(error: ClientError | OSError | ValueError) -> ClientError | OSError:
    return ClientError() if isinstance(error, ValueError) else error


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""

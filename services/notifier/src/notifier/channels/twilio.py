"""What the channels by Twilio share: the account, its calls, and how its answers are read."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar, Final, Literal, Self
from urllib.parse import parse_qsl

from aiohttp import ClientError, ClientSession
from pydantic import BaseModel, ConfigDict, ValidationError

from common.core.phone_numbers import E164
from common.http import twilio_signatures
from common.http.retry_after import retry_after
from common.http.webhooks import BadSignatureError
from notifier.channels import http_client
from notifier.channels.base import (
    Channel,
    ChannelAddress,
    MalformedPayloadError,
    SignatureRefusedError,
)
from notifier.channels.http_client import open_client, read_failure
from notifier.channels.twilio_errors import WRONG_CREDENTIALS, twilio_error
from notifier.domain.delivery import Outcome, Postponed, Refused, RetryPolicy, Sent, Unknown
from notifier.domain.notifications import Notification
from notifier.domain.recipients import Address
from notifier.links import Links
from notifier.settings import Settings

CALLBACKS: Final = "/v1/callbacks/twilio"
Resource = Literal["Messages", "Calls"]
# Twilio asks again if we are away for a moment, or have not yet recorded what it reports about.
_ASK_AGAIN: Final = "#rc=3&rp=5xx,ct,rt"
_MAX_FIELDS: Final = 200


class PhoneAddress(ChannelAddress):
    """A number; who may answer from there is its owner, as for a user of Slack."""

    number: str

    @classmethod
    def read(cls, address: Address | None) -> Self:
        """As it was stored: the plan of numbers may have changed since it was put."""
        if address is None:
            raise TypeError("a notification without an address is never sent")
        fields: dict[str, Any] = {"medium": address.medium, **address.details}
        constructed: Any = cls.model_construct(None, **fields)
        return cls.model_validate(constructed)


class _Created(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    sid: str


class _Error(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    code: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """`public_url` is where Twilio reaches this service; the first of the tokens is for our calls.

    Without `sid` or a token, nobody is reached by telephone.
    """

    api_url: str
    sid: str
    tokens: tuple[str, ...] = field(repr=False)
    public_url: str
    retry: RetryPolicy

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(
            settings.twilio_api_url.rstrip("/"),
            settings.twilio_account_sid,
            settings.twilio_auth_token.all,
            settings.public_url.rstrip("/"),
            settings.retry_policy,
        )

    @property
    def is_set(self) -> bool:
        return bool(self.sid and self.tokens)

    @property
    def authorization(self) -> str:
        credentials = f"{self.sid}:{self.tokens[0]}".encode()
        return f"Basic {base64.b64encode(credentials).decode()}"

    def callback(self, path: str) -> str:
        return f"{self.public_url}{CALLBACKS}/{path}"

    def status_callback(self, notification: Notification) -> str:
        """Return where Twilio reports: it names the notification, whose receipt may be unknown."""
        return f"{self.callback(f'statuses/{notification.notification_id}')}{_ASK_AGAIN}"

    def read_form(self, target: str, body: bytes, signature: str) -> Mapping[str, str]:
        """Return the fields of a request to `target`, a path with its query.

        Raises SignatureRefusedError or MalformedPayloadError.
        """
        try:
            fields = parse_qsl(
                body.decode(),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=_MAX_FIELDS,
            )
        except ValueError as error:
            raise MalformedPayloadError(400, "The body is no form of Twilio.") from error
        urls = _addresses(self.public_url + target)
        secrets = [token.encode() for token in self.tokens]
        try:
            twilio_signatures.verify(
                secrets, urls, twilio_signatures.signed_fields(fields), signature
            )
        except BadSignatureError as error:
            raise SignatureRefusedError(error.__doc__) from error
        return dict(fields)


class TwilioChannel(Channel):
    """Creates a message or a call; what becomes of it Twilio reports later.

    `sender` is a number; without one the channel is switched off.
    """

    def __init__(self, account: TwilioAccount, links: Links, sender: str) -> None:
        self.account = account
        self.links = links
        self.sender = sender
        self.has_receipts = account.is_set
        self._open_client = partial(open_client, account.retry.timeout.total_seconds())
        self._client: ClientSession | None = None

    # Set by each channel: the setting that it needs, which the reason names.
    needs: ClassVar[str]

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def create(self, resource: Resource, fields: Mapping[str, str], at: datetime) -> Outcome:
        if not (self.account.is_set and self.sender):
            return Refused(f"{self.medium} is switched off: operators set {self.needs}")
        account = self.account
        url = f"{account.api_url}/2010-04-01/Accounts/{account.sid}/{resource}.json"
        if self._client is None:
            self._client = self._open_client()
        try:
            async with self._client.post(
                url,
                data=dict(fields),
                headers={"Authorization": account.authorization},
                allow_redirects=False,
            ) as response:
                body = await http_client.read_answer(response)
        except (ClientError, OSError) as error:
            return read_failure(error, type(error).__name__)
        return read_answer(response.status, response.headers.get("retry-after"), body, at)


def read_answer(status: int, wait: str | None, body: bytes, at: datetime) -> Outcome:
    """Read what Twilio answered to a new message or call."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        try:
            return Sent({"sid": _Created.model_validate_json(body).sid})
        except ValidationError:
            return Unknown(f"Twilio answered {status} with an unexpected body")
    try:
        error = _Error.model_validate_json(body)
    except ValidationError:
        error = _Error()
    reason = f"Twilio answered {status}"
    if error.code is not None:
        # Its own text may have the number.
        refusal = twilio_error(error.code)
        reason = f"Twilio refused: {error.code}{f', {refusal.meaning}' if refusal else ''}"
        if refusal is not None and refusal.is_lasting:
            return Refused(reason)
    return Postponed(reason, retry_after(wait, at), works=_works(status, error.code))


def _works(status: int, code: int | None) -> bool:
    """Tell whether Twilio works for others: it refused only this, or just now."""
    is_refusal = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    is_forbidden = status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    return is_refusal and not is_forbidden and code != WRONG_CREDENTIALS


def phone_number(text: str) -> str | None:
    """Return the number of a field as `whatsapp:+442079460018`; None for what is none."""
    number = text.removeprefix("whatsapp:").strip()
    return number if E164.fullmatch(number) else None


def _addresses(url: str) -> Iterable[str]:
    try:
        return tuple(twilio_signatures.with_and_without_port(url))
    except ValueError:
        return (url,)

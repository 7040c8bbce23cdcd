"""Web Push: notifications in browsers, encrypted for each of a person's devices (RFC 8030)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import ClassVar, Final, Literal, Self

import http_ece
import msgspec
import orjson
import structlog
from aiohttp import ClientError, ClientSession
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import Field

from common.contracts.escalations import Severity
from notifier import rendering
from notifier.allowed_origins import AllowedOrigins
from notifier.channels.base import Channel, ChannelAddress
from notifier.channels.http_client import open_client, read_failure, read_refusal
from notifier.channels.message_links import open_link
from notifier.domain.content import Content
from notifier.domain.delivery import Outcome, Postponed, Refused, Sent, Unknown
from notifier.domain.notifications import Notification
from notifier.domain.recipients import Device
from notifier.links import Links
from notifier.message_templates.library import MessageText
from notifier.settings import Settings
from notifier.web_push.vapid import VapidKey, decode

Urgency = Literal["low", "normal", "high"]
_URGENCY: Final[Mapping[Severity | None, Urgency]] = {
    "critical": "high",
    "high": "high",
    "medium": "normal",
    "low": "low",
    None: "normal",
}
# A message without a time until which it matters is kept so long for a device that sleeps.
_KEPT: Final[Mapping[Urgency, timedelta]] = {
    "high": timedelta(hours=1),
    "normal": timedelta(hours=4),
    "low": timedelta(hours=12),
}
_SHORTEST_KEPT_S: Final = 60
# Of the time of an attempt.
_SHARE_OF_DEVICE: Final = 0.8
_LONGEST_TITLE: Final = 300
_LONGEST_BODY: Final = 600
# The browser has ended the subscription.
_GONE: Final = frozenset((HTTPStatus.NOT_FOUND, HTTPStatus.GONE))

log = structlog.get_logger()


class WebPushAddress(ChannelAddress):
    medium: Literal["web_push"] = Field(description="The channel that the address is for.")
    devices: str = Field(description="The devices as JSON.")


@dataclass(frozen=True, slots=True)
class Push:
    """One request to a push service, but for what depends on the device."""

    payload: bytes
    headers: Mapping[str, str]


class WebPush(Channel):
    """A message is sent if one device of the person has it: the others are as likely asleep."""

    medium = "web_push"
    address = WebPushAddress
    has_devices: ClassVar[bool] = True

    def __init__(
        self,
        key: VapidKey | None,
        services: AllowedOrigins,
        contact: str,
        links: Links,
        timeout: timedelta,
    ) -> None:
        self.key = key
        self.services = services
        self._contact = contact
        self._links = links
        self._timeout_s = timeout.total_seconds()
        self._client: ClientSession | None = None

    @classmethod
    def from_settings(cls, settings: Settings, links: Links) -> Self:
        key = settings.web_push_key
        secret = key.get_secret_value() if key else ""
        return cls(
            VapidKey.read(secret) if secret else None,
            AllowedOrigins.read(settings.web_push_services),
            settings.web_push_contact,
            links,
            timedelta(seconds=settings.delivery_timeout_seconds),
        )

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def send(self, notification: Notification, at: datetime) -> Outcome:
        if self.key is None:
            return Refused("notifications on devices are switched off")
        devices = devices_of(notification)
        custom = self.templates.text_of(
            notification, notification.local(at), has_console=self._links.has_console
        )
        push = make_push(notification, self._links, at, custom)
        outcomes = await asyncio.gather(
            *(self._send_to(device, push, self.key, at) for device in devices)
        )
        return combine(devices, outcomes)

    async def _send_to(self, device: Device, push: Push, key: VapidKey, at: datetime) -> Outcome:
        if not self.services.admits(device.endpoint):
            return Refused("the endpoint is not of a push service that may be called")
        headers = {
            **push.headers,
            "Authorization": key.authorization(device.endpoint, self._contact, at),
        }
        try:
            content = encrypt(push.payload, device)
        except ValueError as error:
            return Refused(f"the keys of the device are wrong: {error}", (device.device_id,))
        try:
            # A service that hangs ends before the attempt does: then the others would count as
            # unknown too, and get the message again.
            async with (
                asyncio.timeout(self._timeout_s * _SHARE_OF_DEVICE),
                self._open().post(
                    device.endpoint, data=content, headers=headers, allow_redirects=False
                ) as response,
            ):
                return outcome(response.status, response.headers, device, at)
        except (ClientError, OSError) as error:
            return read_failure(error, type(error).__name__)

    def _open(self) -> ClientSession:
        """Return the client; its connections are kept for further calls."""
        if self._client is None:
            self._client = open_client(self._timeout_s)
        return self._client


def devices_of(notification: Notification) -> tuple[Device, ...]:
    address = WebPushAddress.read(notification.address)
    return msgspec.json.decode(address.devices, type=tuple[Device, ...])


def make_push(
    notification: Notification, links: Links, at: datetime, custom: MessageText | None = None
) -> Push:
    """Write what the device shows. A newer message about an escalation replaces the older one.

    `custom`: what a template that is set writes.
    """
    content, local = notification.content, notification.local(at)
    words = rendering.words(
        content, local, has_console=links.has_console, language=notification.language
    )
    topic = _topic(notification)
    payload = {
        "title": (custom.title if custom else words.headline)[:_LONGEST_TITLE],
        "body": (custom.body if custom else words.deadline or words.why_now)[:_LONGEST_BODY],
        "url": open_link(notification, notification.link_epoch, links).url,
        "tag": topic or notification.notification_id,
    }
    urgency = _URGENCY[content.severity]
    headers = {
        "TTL": str(_kept_s(content, urgency, at)),
        "Urgency": urgency,
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        **({"Topic": topic} if topic else {}),
    }
    return Push(orjson.dumps(payload), headers)


def _topic(notification: Notification) -> str | None:
    """Return a name of the escalation of the 32 characters that a topic may have."""
    escalation_id = notification.escalation_id
    return None if escalation_id is None else escalation_id.replace("-", "")


def _kept_s(content: Content, urgency: Urgency, at: datetime) -> int:
    """Return how long the push service keeps it: no longer than it matters."""
    if content.respond_by is None:
        return int(_KEPT[urgency].total_seconds())
    return max(_SHORTEST_KEPT_S, int((content.respond_by - at).total_seconds()))


def encrypt(payload: bytes, device: Device) -> bytes:
    """Encrypt it so that only the browser can read it; raises ValueError for wrong keys."""
    content: bytes = http_ece.encrypt(
        payload,
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=decode(device.p256dh),
        auth_secret=decode(device.auth),
        version="aes128gcm",
    )
    return content


def outcome(status: int, headers: Mapping[str, str], device: Device, at: datetime) -> Outcome:
    """Read the answer of a push service about one device."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Sent({})
    if status in _GONE:
        return Refused(f"the push service answered {status}", (device.device_id,))
    return read_refusal("the push service", status, headers.get("Retry-After"), at)


def combine(devices: Sequence[Device], outcomes: Sequence[Outcome]) -> Outcome:
    """Return the best outcome of all devices, with those that exist no longer."""
    gone = tuple(
        device_id
        for each in outcomes
        if isinstance(each, Refused)
        for device_id in each.gone_devices
    )
    sent = sum(isinstance(each, Sent) for each in outcomes)
    if sent:
        return Sent({"devices": f"{sent} of {len(devices)}"}, gone_devices=gone)
    postponed = [each for each in outcomes if isinstance(each, Postponed)]
    unknown = [each for each in outcomes if isinstance(each, Unknown)]
    if unknown:
        return unknown[0]
    if postponed:
        wait = min(each.wait or timedelta(0) for each in postponed)
        works = all(each.works for each in postponed)
        return Postponed(postponed[0].reason, wait or None, gone, works=works)
    reasons = dict.fromkeys(each.reason for each in outcomes if isinstance(each, Refused))
    return Refused("; ".join(reasons) or "the person has no device", gone)

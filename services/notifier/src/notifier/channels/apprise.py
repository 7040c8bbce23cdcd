"""Services without a channel of their own, as Telegram and Pushover, by the library apprise.

It is imported when the first such message is sent: it takes as much memory as the rest of a small
process. It tells only whether a service took the message, so the status is read from its log.
"""

import asyncio
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints

from notifier import rendering
from notifier.channels.base import Channel, ChannelAddress
from notifier.channels.message_links import open_link
from notifier.channels.secret_urls import open_url
from notifier.domain.delivery import Outcome, Refused
from notifier.domain.notifications import Notification
from notifier.domain.recipients import Address
from notifier.links import Links
from notifier.secret_addresses import URL, AddressSealer
from notifier.settings import Settings

_LONGEST_TITLE: Final = 200
_LONGEST_TEXT: Final = 500
_CALLS: Final = "notifier.channels.apprise_calls"
# What some services read as styles or links.
_MARKUP: Final = str.maketrans(dict.fromkeys("*_[]`~<>|\\", " "))
# A query sets what the library does: to skip verification, to read a template from anywhere.
_ADDRESS: Final = re.compile(r"[a-z]+://[^\s?#]+")


class AppriseAddress(ChannelAddress):
    medium: Literal["apprise"] = Field(description="The channel that the address is for.")
    url: Annotated[str, StringConstraints(max_length=500)] | None = Field(
        default=None,
        description="The address of the person in a service, as apprise writes it: "
        "`tgram://bot-token/chat-id`. A secret: it is never shown. Without it the one that was put "
        "before stays.",
    )
    service: str = Field(
        default="", max_length=300, description="The scheme of the URL. What is put is ignored."
    )

    def stored(self) -> Address:
        details = {} if self.url is None else {URL: self.url, "service": _scheme(self.url)}
        return Address(self.medium, details)


@dataclass(frozen=True, slots=True)
class Message:
    title: str
    text: str
    is_urgent: bool


class Apprise(Channel):
    """Sends in threads of its own, since the library waits for answers.

    Only services whose host the library knows may be in `schemes`: it resolves hosts itself, so
    that nothing would keep an address from leading into our network.
    """

    medium = "apprise"
    address = AppriseAddress

    def __init__(
        self,
        schemes: Iterable[str],
        sealer: AddressSealer,
        links: Links,
        timeout: timedelta,
        slots: int,
    ) -> None:
        self._schemes = frozenset(schemes)
        self._sealer = sealer
        self._links = links
        self._timeout_s = timeout.total_seconds()
        self._slots = slots
        self._threads: ThreadPoolExecutor | None = None

    @classmethod
    def from_settings(cls, settings: Settings, links: Links) -> Self:
        return cls(
            settings.apprise_schemes,
            AddressSealer.from_keys(settings.encryption_keys),
            links,
            timedelta(seconds=settings.delivery_timeout_seconds),
            settings.delivery_slots,
        )

    async def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def allows(self, address: Address) -> bool:
        url = address.details.get(URL)
        return url is None or self._admits(url)

    async def send(self, notification: Notification, at: datetime) -> Outcome:
        url = open_url(notification.address, self._sealer, self._admits)
        if isinstance(url, Refused):
            return url
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._slots, thread_name_prefix="apprise")
        message = make_message(notification, self._links, at)
        call = partial(_send, url, message, self._timeout_s)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _admits(self, url: str) -> bool:
        return _ADDRESS.fullmatch(url) is not None and _scheme(url) in self._schemes


def make_message(notification: Notification, links: Links, at: datetime) -> Message:
    """Write what a phone shows: no words that a service reads as markup."""
    content, local = notification.content, notification.local(at)
    language = notification.language
    words = rendering.words(content, local, has_console=links.has_console, language=language)
    link = open_link(notification, notification.link_epoch, links, language)
    title = words.headline.translate(_MARKUP)[:_LONGEST_TITLE]
    text = (words.deadline or words.why_now).translate(_MARKUP)[:_LONGEST_TEXT]
    return Message(
        title, f"{text}\n{link.label}: {link.url}", content.severity in ("critical", "high")
    )


def _send(url: str, message: Message, timeout_s: float) -> Outcome:
    """Call the service, in a thread."""
    outcome: Outcome = import_module(_CALLS).send(url, message, timeout_s)
    return outcome


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""

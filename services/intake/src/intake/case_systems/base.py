"""What a system is whose cases can be read."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from common.core.access_tokens import AccessToken
from intake.channels.base import Channel, ChannelEvent, WebhookRequest
from intake.domain.model import ChannelConnection
from intake.domain.sign_ins import SignIn


class CaseUnreadableError(Exception):
    """The case can't be read now; the reason is for people. `wait` is what the system asks for."""

    def __init__(self, reason: str, wait: timedelta | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class TokenRefusedError(CaseUnreadableError):
    """The system does not take the access token."""


class CaseGoneError(CaseUnreadableError):
    """There is no such case in the system."""


class CaseSystem(Protocol):
    @property
    def channel(self) -> Channel:
        """The kind of channel whose deliveries leave cases out."""

    def sign_in(self, connection: ChannelConnection) -> SignIn | None:
        """Return how to sign in; None if the connection does not say it any more."""

    async def read(self, connection: ChannelConnection, case_ref: str, token: AccessToken) -> bytes:
        """Return the case as the system shows it; raises CaseUnreadableError."""

    def events_of(
        self,
        connection: ChannelConnection,
        request: WebhookRequest,
        content: bytes,
        *,
        is_late: bool,
    ) -> Sequence[ChannelEvent]:
        """Return what a case says that was read because of a request; raises MalformedBodyError.

        `is_late`: its contact was made before, and has another subject and customer.
        """

    def events_without_words(
        self, connection: ChannelConnection, request: WebhookRequest
    ) -> Sequence[ChannelEvent]:
        """Return what the request says without any words: its customer was erased."""

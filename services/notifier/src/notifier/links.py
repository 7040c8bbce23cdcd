"""Signed tokens: each lets its bearer do one thing with one notification, for a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from itsdangerous import BadData, URLSafeTimedSerializer
from pydantic import StringConstraints, TypeAdapter, ValidationError

from common.contracts.event import UUID_PATTERN, NotificationId
from common.core.secret_strength import split_secrets

_SALT = "notification"
# `show`: read what the message says. `press`: a button of a channel that says who pressed it.
# The rest is an answer in the name of the message's recipient.
Purpose = Literal["show", "press", "acknowledge", "take_over"]

_Claims = tuple[
    Annotated[NotificationId, StringConstraints(pattern=f"^{UUID_PATTERN}$")], Purpose, int
]
_CLAIMS: TypeAdapter[_Claims] = TypeAdapter(_Claims)


class ForgedLinkError(Exception):
    """This link was not made by Upstairs, or it was changed."""


class ExpiredLinkError(Exception):
    """This link has expired."""


@dataclass(frozen=True, slots=True)
class Capability:
    """What a token allows; it is void once the recipient's `link_epoch` is another."""

    notification_id: NotificationId
    purpose: Purpose
    link_epoch: int


class Links:
    def __init__(
        self, secret: str, public_url: str, max_age: timedelta, console_url: str = ""
    ) -> None:
        """Of several secrets, separated by commas, the first signs, and all verify.

        Without `console_url` messages lead to no console.
        """
        # The serializer signs by the last one.
        secrets = split_secrets(secret)[::-1]
        self._serializer = URLSafeTimedSerializer(list(secrets), salt=_SALT)
        self._signer = self._serializer.make_signer()
        self._public_url = public_url.rstrip("/")
        self._max_age = max_age
        self._console_url = console_url.rstrip("/")

    @property
    def has_console(self) -> bool:
        return bool(self._console_url)

    @property
    def max_age(self) -> timedelta:
        """How long an answer is taken by a link, and in reply to a message."""
        return self._max_age

    def console(self, path: str) -> str:
        """Return where the console shows it, to whom signs in there."""
        return f"{self._console_url}{path}"

    def token(self, notification_id: NotificationId, purpose: Purpose, link_epoch: int) -> str:
        payload = self._serializer.dump_payload((notification_id, purpose, link_epoch))
        return self._signer.sign(payload).decode()

    def url(self, notification_id: NotificationId, purpose: Purpose, link_epoch: int) -> str:
        token = self.token(notification_id, purpose, link_epoch)
        return f"{self._public_url}/v1/acknowledgements/{token}"

    def read(self, token: str, now: datetime) -> Capability:
        """Return what a token allows; raises ForgedLinkError or ExpiredLinkError."""
        try:
            claims, signed_at = self._serializer.loads(token, return_timestamp=True)
            notification_id, purpose, link_epoch = _CLAIMS.validate_python(claims)
        except (BadData, ValidationError) as error:
            raise ForgedLinkError from error
        if now - signed_at > self._max_age:
            raise ExpiredLinkError
        return Capability(notification_id, purpose, link_epoch)

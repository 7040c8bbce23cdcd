"""Signed tokens: each lets its bearer do one thing with one notification, for a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Generic, Literal, TypeVar

from itsdangerous import BadData, URLSafeTimedSerializer
from pydantic import StringConstraints, TypeAdapter, ValidationError

from common.contracts.event import UUID_PATTERN, NotificationId, PersonId
from common.core.secret_strength import split_secrets
from notifier.domain.mail_stops import StoppableMail

_SALT = "notification"
_MAIL_STOP_SALT = "mail-stop"
# `show`: read what the message says. `press`: a button of a channel that says who pressed it.
# The rest is an answer in the name of the message's recipient.
Purpose = Literal["show", "press", "acknowledge", "take_over"]

_Claims = tuple[
    Annotated[NotificationId, StringConstraints(pattern=f"^{UUID_PATTERN}$")], Purpose, int
]
_CLAIMS: TypeAdapter[_Claims] = TypeAdapter(_Claims)

# A mail is read long after it came, and to stop mails opens nothing to anybody.
_MAIL_STOP_MAX_AGE = timedelta(days=90)
_MailStopClaims = tuple[
    Annotated[PersonId, StringConstraints(min_length=1, max_length=100)], StoppableMail, int
]
_MAIL_STOP_CLAIMS: TypeAdapter[_MailStopClaims] = TypeAdapter(_MailStopClaims)


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


@dataclass(frozen=True, slots=True)
class MailStopLink:
    """What a link to stop mails is for; void once the recipient's `link_epoch` is another."""

    person_id: PersonId
    kind: StoppableMail
    link_epoch: int


T = TypeVar("T")


class _SignedTokens(Generic[T]):
    """Tokens of one kind; `read_claims` raises ValidationError for what none of them carries."""

    def __init__(
        self,
        secrets: Sequence[str],
        salt: str,
        read_claims: Callable[[object], T],
        max_age: timedelta,
    ) -> None:
        # The serializer signs by the last one.
        self._serializer = URLSafeTimedSerializer(list(secrets[::-1]), salt=salt)
        self._signer = self._serializer.make_signer()
        self._read_claims = read_claims
        self.max_age = max_age

    def make(self, *claims: object) -> str:
        return self._signer.sign(self._serializer.dump_payload(claims)).decode()

    def read(self, token: str, now: datetime) -> T:
        """Raises ForgedLinkError or ExpiredLinkError."""
        claims, signed_at = self._read(token)
        if now - signed_at > self.max_age:
            raise ExpiredLinkError
        return claims

    def read_of_any_age(self, token: str) -> T | None:
        """Return None if it is forged."""
        try:
            return self._read(token)[0]
        except ForgedLinkError:
            return None

    def _read(self, token: str) -> tuple[T, datetime]:
        try:
            claims, signed_at = self._serializer.loads(token, return_timestamp=True)
            return self._read_claims(claims), signed_at
        except (BadData, ValidationError) as error:
            raise ForgedLinkError from error


def _capability(claims: object) -> Capability:
    return Capability(*_CLAIMS.validate_python(claims))


def _mail_stop(claims: object) -> MailStopLink:
    return MailStopLink(*_MAIL_STOP_CLAIMS.validate_python(claims))


class Links:
    def __init__(
        self, secret: str, public_url: str, max_age: timedelta, console_url: str = ""
    ) -> None:
        """Of several secrets, separated by commas, the first signs, and all verify.

        Without `console_url` messages lead to no console.
        """
        secrets = split_secrets(secret)
        self._notifications = _SignedTokens(secrets, _SALT, _capability, max_age)
        self._mail_stops = _SignedTokens(secrets, _MAIL_STOP_SALT, _mail_stop, _MAIL_STOP_MAX_AGE)
        self._public_url = public_url.rstrip("/")
        self._console_url = console_url.rstrip("/")

    @property
    def has_console(self) -> bool:
        return bool(self._console_url)

    @property
    def max_age(self) -> timedelta:
        """How long an answer is taken by a link, and in reply to a message."""
        return self._notifications.max_age

    def console(self, path: str) -> str:
        """Return where the console shows it, to whom signs in there."""
        return f"{self._console_url}{path}"

    def token(self, notification_id: NotificationId, purpose: Purpose, link_epoch: int) -> str:
        return self._notifications.make(notification_id, purpose, link_epoch)

    def url(self, notification_id: NotificationId, purpose: Purpose, link_epoch: int) -> str:
        token = self.token(notification_id, purpose, link_epoch)
        return f"{self._public_url}/v1/acknowledgements/{token}"

    def read(self, token: str, now: datetime) -> Capability:
        """Return what a token allows; raises ForgedLinkError or ExpiredLinkError."""
        return self._notifications.read(token, now)

    def notification_of(self, token: str) -> NotificationId | None:
        """Return what a token is about, also of one that has expired; None if it is forged."""
        capability = self._notifications.read_of_any_age(token)
        return capability.notification_id if capability else None

    def mail_stop_url(self, person_id: PersonId, kind: StoppableMail, link_epoch: int) -> str:
        """Return the link whose POST stops a kind of mail to the person (RFC 8058)."""
        token = self._mail_stops.make(person_id, kind, link_epoch)
        return f"{self._public_url}/v1/mail-stops/{token}"

    def read_mail_stop(self, token: str, now: datetime) -> MailStopLink:
        """Return what the link is for; raises ForgedLinkError or ExpiredLinkError."""
        return self._mail_stops.read(token, now)

    def reader_of_mail_stop(self, token: str) -> PersonId | None:
        """Return whom a link is for, also of one that has expired; None if it is forged."""
        link = self._mail_stops.read_of_any_age(token)
        return link.person_id if link else None

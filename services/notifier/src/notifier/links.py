"""Signed tokens that stand for one notification: in the link of a message and on its button."""

from datetime import datetime, timedelta

from itsdangerous import BadData, URLSafeTimedSerializer

from common.contracts.event import NotificationId
from common.core.secret_strength import split_secrets

_SALT = "notification"


class ForgedLinkError(Exception):
    """This link was not made by Upstairs, or it was changed."""


class ExpiredLinkError(Exception):
    """This link has expired."""


class Links:
    def __init__(self, secret: str, public_url: str, max_age: timedelta) -> None:
        """Of several secrets, separated by commas, the first signs, and all verify."""
        # The serializer signs by the last one.
        secrets = split_secrets(secret)[::-1]
        self._serializer = URLSafeTimedSerializer(list(secrets), salt=_SALT)
        self._public_url = public_url.rstrip("/")
        self._max_age = max_age

    def token(self, notification_id: NotificationId) -> str:
        signed = self._serializer.dumps(notification_id)
        return signed if isinstance(signed, str) else signed.decode()

    def url(self, notification_id: NotificationId) -> str:
        return f"{self._public_url}/v1/acknowledgements/{self.token(notification_id)}"

    def read(self, token: str, now: datetime) -> NotificationId:
        """Return the notification of a token; raises ForgedLinkError or ExpiredLinkError."""
        try:
            notification_id, signed_at = self._serializer.loads(token, return_timestamp=True)
        except BadData as error:
            raise ForgedLinkError from error
        if now - signed_at > self._max_age:
            raise ExpiredLinkError
        return NotificationId(notification_id)

"""Codes that prove that messages arrive at an address; none is stored, not even hashed.

A code is derived from the id of the message that carries it, by the secret that signs links: who
reads the database learns no code, and a hash of six digits would be tried through in a moment.
"""

import hmac
from hashlib import sha256
from typing import Final

from msgspec.structs import replace

from common.contracts.event import NotificationId
from common.core.secret_strength import split_secrets
from notifier.domain.notifications import Notification

_DIGITS: Final = 6


class VerificationCodes:
    def __init__(self, secret: str) -> None:
        """Of several secrets, separated by commas, the first makes codes, and all verify."""
        self._secrets = split_secrets(secret)

    def fill(self, notification: Notification) -> Notification:
        """Return the message with its code, if it is one that carries a code; never store it."""
        if notification.content.reason != "address_code":
            return notification
        code = self.code(notification.notification_id)
        return replace(notification, content=replace(notification.content, code=code))

    def code(self, notification_id: NotificationId) -> str:
        return _code(self._secrets[0], notification_id)

    def is_right(self, notification_id: NotificationId, code: str) -> bool:
        return any(
            hmac.compare_digest(_code(secret, notification_id), code) for secret in self._secrets
        )


def _code(secret: str, notification_id: NotificationId) -> str:
    digest = hmac.digest(secret.encode(), f"address-code/{notification_id}".encode(), sha256)
    return f"{int.from_bytes(digest) % 10**_DIGITS:0{_DIGITS}}"
